//! By which a receiver knows that a message is from this device, and new.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a receiver shares with this device.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

/// The key is not shown: it is a secret.
#[derive(Debug, thiserror::Error)]
#[error("expected a key in Base64 behind `whsec_`, got something else")]
pub struct KeyError;

impl SigningKey {
    /// `whsec_` and the key in Base64, or any other text, which is the key itself.
    ///
    /// # Errors
    /// When there is no Base64 behind `whsec_`: nobody could check what a mistyped key signs.
    pub fn new(secret: &str) -> Result<Self, KeyError> {
        let secret = secret.trim();
        let Some(key) = secret.strip_prefix("whsec_") else { return Ok(Self(secret.as_bytes().to_vec())) };
        STANDARD.decode(key).ok().filter(|key| !key.is_empty()).map(Self).ok_or(KeyError)
    }

    /// `v1,` and HMAC-SHA-256 of `ID.SECONDS.BODY`, in Base64.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_as_specified() {
        let key = SigningKey::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn any_other_text_is_the_key_itself() {
        // echo -n '1.2.{}' | openssl dgst -sha256 -hmac secret -binary | base64
        let expected = "v1,72EbzgLDv52tyOY4YC27IQSjiGr5nutKKXvEM56cM3U=";
        assert_eq!(SigningKey::new(" secret\n").unwrap().sign("1", 2, "{}"), expected);
    }

    #[test]
    fn a_mistyped_key_is_an_error_that_does_not_show_it() {
        for secret in ["whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_s3cret!!"] {
            let error = SigningKey::new(secret).err().unwrap().to_string();
            assert!(error.contains("Base64") && !error.contains("MfKQ") && !error.contains("s3cret"), "{error}");
        }
    }
}
