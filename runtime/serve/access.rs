//! Who may ask: everybody on this machine, or whoever has the token.

use std::net::IpAddr;

use subtle::ConstantTimeEq as _;

use crate::digest::Digest;

/// Shorter tokens can be guessed.
const SHORTEST: usize = 16;

/// The rule by which requests are let in.
pub struct Access {
    /// A digest, so that comparing says nothing of the token's length either.
    token: Option<Digest>,
}

/// A text that cannot be a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("expected a token of at least {SHORTEST} characters, got {0}")]
    Short(usize),
    #[error("expected a token of visible ASCII characters")]
    Characters,
}

impl Access {
    /// Lets everybody in; for loopback only.
    pub fn open() -> Self {
        Self { token: None }
    }

    /// Admits clients that send `token`; white space around it is ignored.
    pub fn by_token(token: &str) -> Result<Self, TokenError> {
        let token = token.trim();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        if token.len() < SHORTEST {
            return Err(TokenError::Short(token.len()));
        }
        Ok(Self { token: Some(Digest::of(token.as_bytes())) })
    }

    /// Whether this rule is strict enough to listen on `ip`.
    pub(super) fn allows(&self, ip: IpAddr) -> bool {
        self.token.is_some() || ip.to_canonical().is_loopback()
    }

    /// Whether a request with this `Authorization` header may pass; takes the same time for every wrong token.
    pub(super) fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let Some(token) = &self.token else { return true };
        let given = authorization.and_then(|header| header.split_first_chunk::<7>());
        given.is_some_and(|(scheme, given)| {
            let given = Digest::of(given.trim_ascii());
            scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.as_bytes().ct_eq(given.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn only_the_whole_token_behind_the_word_bearer_is_let_in() {
        let access = Access::by_token(&format!("{TOKEN}\n")).unwrap();
        for right in ["Bearer 0123456789abcdef", "bearer  0123456789abcdef "] {
            assert!(access.admits(Some(right.as_bytes())), "{right}");
        }
        for wrong in ["", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", TOKEN] {
            assert!(!access.admits(Some(wrong.as_bytes())), "{wrong}");
        }
        assert!(!access.admits(Some(format!("Basic  {TOKEN}").as_bytes())));
        assert!(!access.admits(None));
        assert!(Access::open().admits(None));
    }

    #[test]
    fn beyond_loopback_there_is_no_access_without_a_token() {
        for (ip, expected) in [("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true)]
            .into_iter()
            .chain([("0.0.0.0", false), ("::", false), ("192.168.1.7", false), ("::ffff:10.0.0.1", false)])
        {
            assert_eq!(Access::open().allows(ip.parse().unwrap()), expected, "{ip}");
            assert!(Access::by_token(TOKEN).unwrap().allows(ip.parse().unwrap()));
        }
    }

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_none() {
        assert!(matches!(Access::by_token("secret\n"), Err(TokenError::Short(6))));
        assert!(matches!(Access::by_token(""), Err(TokenError::Short(0))));
        assert!(matches!(Access::by_token("0123456789 abcdef"), Err(TokenError::Characters)));
        assert!(matches!(Access::by_token("0123456789abcdeß"), Err(TokenError::Characters)));
    }
}
