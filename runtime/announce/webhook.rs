//! Notices as requests to an address.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ureq::Agent;

use super::settings::WebhookSettings;
use super::signature::SigningKey;
use super::tries::Tries;
use super::{AnnounceError, NotTaken, Notice, Receiver};
use crate::tls::Roots;

/// In which a receiver must answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Webhook {
    agent: Agent,
    url: String,
    key: Option<SigningKey>,
    /// Those of the notice in hand that were refused.
    refused: Tries,
}

/// So often one that is refused is sent, over about two minutes: a clock that is not set yet makes signatures that are.
const TRIES: usize = 9;

impl Webhook {
    pub fn new(settings: &WebhookSettings, key: Option<SigningKey>) -> Result<Self, AnnounceError> {
        let config = Agent::config_builder()
            .tls_config(Roots::of(settings.ca_file.as_deref())?.of_requests())
            .http_status_as_error(false)
            // A body is not sent to where it was not meant to go.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("edgetl/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), url: settings.url.clone(), key, refused: Tries::default() })
    }
}

impl Receiver for Webhook {
    fn take(&mut self, notice: &Notice) -> Result<(), NotTaken> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let mut request = self.agent.post(&self.url).content_type("application/json");
        request = request.header("webhook-id", &notice.id).header("webhook-timestamp", seconds.to_string());
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", key.sign(&notice.id, seconds, &notice.json));
        }
        // The address itself may hold a password.
        let failed = |error: ureq::Error| NotTaken::Yet(error.to_string().replace(&self.url, "it"));
        let status = request.send(&notice.json).map_err(failed)?.status().as_u16();
        let said = format!("it answered with {status}");
        match status {
            200..=299 => Ok(()),
            // Busy, not there yet, or a fault of its own; also where a password was changed or a path is not served yet.
            401 | 403 | 404 | 408 | 425 | 429 | 500..=599 => Err(NotTaken::Yet(said)),
            _ if self.refused.count(notice) < TRIES => Err(NotTaken::Yet(said)),
            _ => Err(NotTaken::Ever(said)),
        }
    }
}
