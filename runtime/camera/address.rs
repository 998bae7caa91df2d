//! The address of a camera in a network, whose password nobody gets to see.

use std::fmt;

/// `SCHEME://[USER[:PASSWORD]@]HOST…`. [`Display`](fmt::Display) and [`Debug`](fmt::Debug) leave user and password out, those in the
/// query too.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Without user and password.
    bare: String,
    /// As written, user and password percent-encoded where they have to be.
    login: Option<String>,
}

impl Address {
    /// `None` where `text` has no scheme or no host, or what should be a host looks like the beginning of a login.
    pub fn new(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login.to_owned()), host),
            None => (None, authority),
        };
        let strays = login.is_none() && path.split('?').next().is_some_and(|path| path.contains('@'));
        if strays || !has_port_or_none(host) {
            return None;
        }
        let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let scheme = scheme.to_ascii_lowercase();
        (is_scheme && !host.is_empty()).then(|| Self { bare: format!("{scheme}://{host}{path}"), login })
    }

    pub fn scheme(&self) -> &str {
        self.bare.split_once("://").expect("made with one").0
    }

    /// Without user and password.
    pub fn bare(&self) -> &str {
        &self.bare
    }

    /// With user and password: for the camera alone.
    pub(super) fn whole(&self) -> String {
        let (scheme, rest) = self.bare.split_once("://").expect("made with one");
        self.login.as_ref().map_or_else(|| self.bare.clone(), |login| format!("{scheme}://{login}@{rest}"))
    }

    /// `USER:PASSWORD`, decoded.
    #[cfg(feature = "cameras")]
    pub(super) fn login(&self) -> Option<String> {
        self.login.as_deref().map(decoded)
    }

    /// `text` with user and password taken out, in whatever form they stand there.
    pub(super) fn without_login(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        let mut secrets: Vec<&str> = self.secrets().map(|(_, value)| value).collect();
        if let Some(login) = &self.login {
            clean = clean.replace(&format!("{login}@"), "");
            secrets.extend([login.as_str(), login.split_once(':').map_or("", |(_, password)| password)]);
        }
        for secret in secrets.into_iter().flat_map(|secret| [secret.to_owned(), decoded(secret)]) {
            if !secret.is_empty() {
                clean = clean.replace(&secret, "***");
            }
        }
        clean
    }

    /// Names and values in path and query by which some cameras are told who asks.
    fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bare
            .split(['/', '?', '&', ';'])
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| is_secret(name))
    }
}

/// Whether what stands behind the colon of a host, where there is one, is a port.
fn has_port_or_none(host: &str) -> bool {
    let port = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(_, behind)| behind).strip_prefix(':'),
        None => host.split_once(':').map(|(_, port)| port),
    };
    port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a parameter called so is for whoever may look, and nobody else.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 9] = ["user", "usr", "pass", "pwd", "login", "auth", "token", "key", "secret"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// `%41` is `A`; what is no such form stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match hex.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.secrets().fold(self.bare.clone(), |shown, (name, value)| {
            shown.replace(&format!("{name}={value}"), &format!("{name}=***"))
        });
        f.write_str(&shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(all(test, feature = "cameras"))]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_kept_apart_and_shown_nowhere() {
        let address = Address::new("RTSP://admin:p%40ss:w%2Fd@10.0.0.7:554/live?x=a@b").unwrap();
        assert_eq!(address.bare(), "rtsp://10.0.0.7:554/live?x=a@b");
        assert_eq!(address.scheme(), "rtsp");
        assert_eq!(address.whole(), "rtsp://admin:p%40ss:w%2Fd@10.0.0.7:554/live?x=a@b");
        assert_eq!(address.login().unwrap(), "admin:p@ss:w/d");
        assert_eq!(format!("{address} {address:?}").matches("admin").count(), 0);
        let said = "rtsp://admin:p%40ss:w%2Fd@10.0.0.7: 401, password p@ss:w/d";
        assert_eq!(address.without_login(said), "rtsp://10.0.0.7: 401, password ***");
        let plain = Address::new("http://cam.lan").unwrap();
        assert_eq!((plain.login(), plain.whole()), (None, "http://cam.lan".to_owned()));
        assert_eq!(plain.without_login("as it is"), "as it is");
    }

    #[test]
    fn a_password_in_the_query_is_sent_and_not_shown() {
        let address = Address::new("http://cam/snap.cgi?usr=admin&Pwd=s3cr%40t&w=640").unwrap();
        assert_eq!(address.bare(), "http://cam/snap.cgi?usr=admin&Pwd=s3cr%40t&w=640");
        assert_eq!(address.to_string(), "http://cam/snap.cgi?usr=***&Pwd=***&w=640");
        assert_eq!(address.without_login("http://cam/snap.cgi?usr=admin: s3cr@t"), "http://cam/snap.cgi?usr=***: ***");
        let path = Address::new("rtsp://[::1]:554/user=admin&password=geheim&channel=1&stream=0.sdp?").unwrap();
        assert_eq!(path.to_string(), "rtsp://[::1]:554/user=***&password=***&channel=1&stream=0.sdp?");
    }

    #[test]
    fn what_has_no_scheme_or_no_host_is_no_address() {
        for text in [
            "cam.lan/x",
            "http://",
            "http:///x",
            "://x",
            "a b://x",
            "http://user@/x",
            "http://user:pa/ss@cam/x",
            "http://a:1/s@cam",
        ] {
            assert_eq!(Address::new(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_percent_encoded_stays() {
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%C3%A4ä%"), "ää%");
    }
}
