//! The tokens of the settings, and what each lets a client do.

use crate::digest::Digest;

/// Shorter tokens can be guessed.
const SHORTEST: usize = 16;

/// The tokens of the settings; none at all is a rule too.
#[derive(Clone)]
pub struct Access {
    /// Each a digest, so that comparing says nothing of the token's length either.
    write: Option<Digest>,
    read: Option<Digest>,
}

/// What a request may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Right {
    /// Look, and change nothing.
    Read,
    Write,
}

/// What may be open to all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// `/health/ready`
    Ready,
    /// `/metrics`
    Metrics,
}

impl Open {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Ready => "/health/ready",
            Self::Metrics => "/metrics",
        }
    }
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
    /// No token: on loopback everybody may do all, beyond it paired phones may.
    pub fn open() -> Self {
        Self { write: None, read: None }
    }

    /// Lets clients that send `token` do all; white space around it is ignored.
    ///
    /// # Errors
    /// When it can be guessed or cannot be sent.
    pub fn by_token(token: &str) -> Result<Self, TokenError> {
        Ok(Self { write: Some(digest(token)?), read: None })
    }

    /// Lets also clients look that send `token`.
    ///
    /// # Errors
    /// When it can be guessed or cannot be sent.
    pub fn and_read_token(self, token: &str) -> Result<Self, TokenError> {
        Ok(Self { read: Some(digest(token)?), ..self })
    }

    /// Whether there is neither token.
    pub(super) fn is_open(&self) -> bool {
        self.write.is_none() && self.read.is_none()
    }

    /// What whoever brings the token with this digest may do.
    pub(super) fn of_token(&self, given: &Digest) -> Option<Right> {
        let is = |token: Option<&Digest>| token.is_some_and(|token| token.is_same_secret(given));
        match (is(self.write.as_ref()), is(self.read.as_ref())) {
            (true, _) => Some(Right::Write),
            (false, true) => Some(Right::Read),
            (false, false) => None,
        }
    }
}

/// The digest of the token in an `Authorization` header.
pub(super) fn given(authorization: Option<&[u8]>) -> Option<Digest> {
    let (scheme, given) = authorization?.split_first_chunk::<7>()?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| Digest::of(given.trim_ascii()))
}

fn digest(token: &str) -> Result<Digest, TokenError> {
    let token = token.trim();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Characters);
    }
    if token.len() < SHORTEST {
        return Err(TokenError::Short(token.len()));
    }
    Ok(Digest::of(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn right(access: &Access, authorization: &str) -> Option<Right> {
        given(Some(authorization.as_bytes())).and_then(|given| access.of_token(&given))
    }

    #[test]
    fn only_the_whole_token_behind_the_word_bearer_is_let_in() {
        let access = Access::by_token(&format!("{TOKEN}\n")).unwrap();
        for good in ["Bearer 0123456789abcdef", "bearer  0123456789abcdef "] {
            assert_eq!(right(&access, good), Some(Right::Write), "{good}");
        }
        for wrong in ["", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", TOKEN] {
            assert_eq!(right(&access, wrong), None, "{wrong}");
        }
        assert_eq!(right(&access, &format!("Basic  {TOKEN}")), None);
        assert_eq!(given(None), None);
    }

    #[test]
    fn who_has_the_read_token_may_look_and_not_write() {
        let access = Access::by_token(TOKEN).unwrap().and_read_token("fedcba9876543210").unwrap();
        assert_eq!(right(&access, "Bearer fedcba9876543210"), Some(Right::Read));
        assert_eq!(right(&access, "Bearer 0123456789abcdef"), Some(Right::Write));
        assert_eq!(right(&access, "Bearer ffffffffffffffff"), None);
    }

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_none() {
        assert!(matches!(Access::by_token("secret\n"), Err(TokenError::Short(6))));
        assert!(matches!(Access::by_token(""), Err(TokenError::Short(0))));
        assert!(matches!(Access::by_token("0123456789 abcdef"), Err(TokenError::Characters)));
        assert!(matches!(Access::by_token("0123456789abcdeß"), Err(TokenError::Characters)));
    }
}
