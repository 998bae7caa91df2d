//! Whom a request is meant for and who made it: only this service, and no page of another.
//!
//! A browser lets any page send a form or a picture to any address, this machine's loopback included, and says in
//! `Origin` which page did. Programs say nothing there, and pass.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

use super::hosts::{Authority, Hosts};
use super::refusal::Refusal;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const HOST: &str = "one `Host` header with a host name";

/// Where a request came in.
#[derive(Clone, Copy, Default)]
pub(super) struct Entrance {
    /// The address of this machine that the client connected to.
    pub local: Option<IpAddr>,
    /// Whether the client speaks TLS with this service itself.
    pub is_tls: bool,
}

/// Lets a request pass that came in at `entrance`.
///
/// # Errors
/// When it is meant for a name that is not this service's, or was made by a page that this service did not send.
pub(super) fn check(
    hosts: &Hosts,
    entrance: Entrance,
    version: Version,
    (method, uri, headers): (&Method, &Uri, &HeaderMap),
) -> Result<(), Refusal> {
    let asked = asked(version, uri, headers)?;
    if let Some(foreign) = asked.iter().find(|asked| !hosts.allows(&asked.authority.host, entrance.local)) {
        return Err(Refusal::Host(foreign.text.clone()));
    }
    let asked = asked.first().map(|asked| &asked.authority);
    let foreign = headers.get_all(header::ORIGIN).iter().find(|origin| !is_own(origin, asked, entrance.is_tls));
    if let Some(origin) = foreign {
        return Err(Refusal::Origin(text(origin)));
    }
    let mut sites = headers.get_all(FETCH_SITE).iter();
    if sites.any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"))
        && !is_link_to_the_page(method, uri, headers)
    {
        return Err(Refusal::Origin("another site".to_owned()));
    }
    Ok(())
}

/// Whether somebody follows a link to the page, which then speaks for itself; inside another page it is shown nowhere.
fn is_link_to_the_page(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let says = |name: HeaderName, value: &str| {
        let mut said = headers.get_all(name).iter();
        said.next().is_some_and(|said| said.as_bytes() == value.as_bytes()) && said.next().is_none()
    };
    let is_read = method == Method::GET || method == Method::HEAD;
    is_read && uri.path() == "/" && says(FETCH_MODE, "navigate") && says(FETCH_DEST, "document")
}

/// A host that a request names, and how it is written there.
struct NamedHost {
    authority: Authority,
    text: String,
}

/// Every host that a request names: that of an absolute target goes before the header.
///
/// None at all in HTTP/1.0 alone, which no browser speaks but which load balancers use to look for life.
fn asked(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<Vec<NamedHost>, Refusal> {
    let refusal = |got: String| Refusal::Request { expected: HOST, got };
    let named: Vec<String> = headers.get_all(header::HOST).iter().map(text).collect();
    if named.len() > 1 {
        return Err(refusal(format!("{} of them", named.len())));
    }
    if named.is_empty() && version != Version::HTTP_10 {
        return Err(refusal("none".to_owned()));
    }
    let target = uri.authority().map(|authority| authority.as_str().to_owned());
    let read = |text: String| match Authority::parse(&text) {
        Some(authority) => Ok(NamedHost { authority, text }),
        None => Err(refusal(format!("`{text}`"))),
    };
    target.into_iter().chain(named).map(read).collect()
}

/// Whether `origin` is a page of the host and port that the request went to.
///
/// The scheme may differ from ours where we speak no TLS: a proxy may speak it for us. A port that is not written is the scheme's.
fn is_own(origin: &HeaderValue, asked: Option<&Authority>, is_tls: bool) -> bool {
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    let usual = match scheme {
        "http" if !is_tls => 80,
        "https" => 443,
        _ => return false,
    };
    let (Some(page), Some(asked)) = (Authority::parse(authority), asked) else { return false };
    page.host == asked.host && page.port.unwrap_or(usual) == asked.port.unwrap_or(usual)
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a request with these headers, as a status.
    fn status(version: Version, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let hosts = Hosts::new(&["camera.lan".parse().unwrap()], "127.0.0.1".parse().unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let entrance = Entrance { local: Some("127.0.0.1".parse().unwrap()), is_tls: false };
        let checked = check(&hosts, entrance, version, (&Method::GET, &uri.parse().unwrap(), &map));
        checked.map_or_else(|refusal| refusal.status().as_u16(), |()| 200)
    }

    #[test]
    fn pages_of_this_service_and_programs_pass_and_other_pages_do_not() {
        for (host, origin, expected) in [
            ("localhost:8080", "http://localhost:8080", 200),
            ("LOCALHOST:8080", "http://localhost.:8080", 200),
            ("[::1]:8080", "http://[::1]:8080", 200),
            ("camera.lan", "https://camera.lan", 200),
            ("camera.lan:443", "https://camera.lan", 200),
            ("camera.lan", "http://camera.lan:80", 200),
            ("localhost:8080", "http://localhost:3000", 403),
            ("localhost:8080", "http://localhost", 403),
            ("localhost:8080", "http://127.0.0.1:8080", 403),
            ("localhost:8080", "http://camera.lan:8080", 403),
            ("localhost:8080", "http://evil.example", 403),
            ("localhost:8080", "http://localhost:8080.evil.example", 403),
            ("localhost:8080", "http://evil.example@localhost:8080", 403),
            ("localhost:8080", "http://localhost:8080/", 403),
            ("localhost:8080", "chrome-extension://localhost:8080", 403),
            ("localhost:8080", "file://", 403),
            ("localhost:8080", "null", 403),
            ("localhost:8080", "", 403),
            ("evil.example", "http://evil.example", 421),
        ] {
            let got = status(Version::HTTP_11, "/v1/predict", &[("host", host), ("origin", origin)]);
            assert_eq!(got, expected, "{host} asked by {origin}");
        }
        let twice = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example")];
        assert_eq!(status(Version::HTTP_11, "/", &twice), 403);
        assert_eq!(status(Version::HTTP_10, "/", &[("origin", "http://localhost")]), 403, "no host to compare it with");
    }

    #[test]
    fn where_we_speak_tls_a_page_without_it_is_anothers() {
        let asked = Authority::parse("camera.lan").unwrap();
        let is_own = |origin, is_tls| is_own(&HeaderValue::from_static(origin), Some(&asked), is_tls);
        assert!(is_own("https://camera.lan", true) && is_own("https://camera.lan:443", true));
        assert!(is_own("http://camera.lan", false) && !is_own("http://camera.lan", true));
    }

    #[test]
    fn a_browser_that_says_that_another_site_asks_is_believed() {
        for (site, expected) in [("cross-site", 403), ("Cross-Site", 403), ("same-origin", 200), ("none", 200)] {
            assert_eq!(status(Version::HTTP_11, "/", &[("host", "localhost"), ("sec-fetch-site", site)]), expected);
        }
    }

    #[test]
    fn a_link_on_another_site_leads_to_the_page_and_to_nothing_else() {
        let link = |uri: &str, mode, dest| {
            let headers = [
                ("host", "localhost"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ];
            status(Version::HTTP_11, uri, &headers)
        };
        assert_eq!(link("/", "navigate", "document"), 200);
        assert_eq!(link("/?from=mail", "navigate", "document"), 200);
        for (uri, mode, dest) in [
            ("/v1/backup", "navigate", "document"),
            ("/", "navigate", "iframe"),
            ("/", "no-cors", "document"),
            ("/", "no-cors", "image"),
        ] {
            assert_eq!(link(uri, mode, dest), 403, "{uri} {mode} {dest}");
        }
    }

    #[test]
    fn a_request_names_one_host_in_every_place_where_it_names_one() {
        for (version, uri, headers, expected) in [
            (Version::HTTP_11, "/", &[][..], 400),
            (Version::HTTP_11, "/", &[("host", "")], 400),
            (Version::HTTP_11, "/", &[("host", "localhost evil")], 400),
            (Version::HTTP_11, "/", &[("host", "localhost"), ("host", "localhost")], 400),
            (Version::HTTP_11, "http://localhost/", &[], 400),
            (Version::HTTP_11, "http://localhost/", &[("host", "localhost")], 200),
            (Version::HTTP_11, "http://evil.example/", &[("host", "localhost")], 421),
            (Version::HTTP_11, "http://localhost/", &[("host", "evil.example")], 421),
            (Version::HTTP_11, "http://a@localhost/", &[("host", "localhost")], 400),
            (Version::HTTP_10, "/health/live", &[], 200),
            (Version::HTTP_10, "/", &[("host", "evil.example")], 421),
            (Version::HTTP_10, "http://evil.example/", &[], 421),
        ] {
            assert_eq!(status(version, uri, headers), expected, "{version:?} {uri} {headers:?}");
        }
    }
}
