//! The connection to a broker, on a thread of its own.
//!
//! Each connection starts from nothing, so that what counts as told was acknowledged in it: the client library's own memory of what
//! is on its way ends with it.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rumqttc::{LastWill, MqttOptions, QoS, TlsConfiguration, Transport};

use super::connection::{Connection, End};
use super::refusal::Refusal;
use super::standing::Standing;
use super::topics::Topics;
use super::{Command, Mqtt};
use crate::announce::AnnounceError;
use crate::announce::outbox::Outbox;
use crate::announce::settings::{BrokerAddress, MqttSettings};
use crate::threads::{NoThread, spawn};
use crate::tls::{ClientConfig, Roots};

pub(super) const ONLINE: &str = "online";
pub(super) const OFFLINE: &str = "offline";

const KEEP_ALIVE_SECONDS: u16 = 10;
/// Before it is connected to again: so long at first, then twice as long, until so long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The longest message that is taken from a broker: other devices' discovery messages come too.
const LONGEST_IN: usize = 8 << 20;
/// Pictures go out.
const LONGEST_OUT: usize = 64 << 20;

/// A connection that is made, and again and again where that fails.
pub struct Link {
    pub(super) outbox: Arc<Outbox>,
    pub(super) standing: Arc<Standing>,
    pub(super) topics: Topics,
    pub(super) key: String,
    pub(super) wake: Arc<tokio::sync::Notify>,
    pub(super) options: Options,
    /// Where commands go; nowhere if none are taken.
    pub(super) commands: Option<SyncSender<Command>>,
    /// All that there are.
    pub(super) cameras: Vec<String>,
    /// Topics of cameras that are gone, to be emptied.
    pub(super) gone: Vec<String>,
    /// Pictures that the broker does not take.
    pub(super) refusal: Refusal,
}

/// What a connection is made with.
pub(super) struct Options {
    broker: BrokerAddress,
    client: String,
    login: Option<(String, String)>,
    tls: Option<Arc<ClientConfig>>,
    last_will: String,
}

impl Link {
    pub(super) fn new(
        mqtt: &Mqtt,
        settings: &MqttSettings,
        password: Option<&str>,
        (cameras, commands): (&[String], SyncSender<Command>),
    ) -> Result<Self, AnnounceError> {
        let tls = match settings.broker.tls {
            true => {
                let roots = Roots::of(settings.ca_file.as_deref())?;
                Some(Arc::new(roots.of_clients().map_err(AnnounceError::Tls)?))
            }
            false => None,
        };
        let login = settings.user.clone().map(|user| (user, password.unwrap_or_default().to_owned()));
        let options = Options {
            broker: settings.broker.clone(),
            // A second program of the same device must not throw the first one out.
            client: format!("edgetl-{}-{}", mqtt.named.key, std::process::id()),
            login,
            tls,
            last_will: mqtt.topics.available(),
        };
        Ok(Self {
            outbox: mqtt.announcer.outbox.clone(),
            standing: mqtt.standing.clone(),
            topics: mqtt.topics.clone(),
            key: mqtt.named.key.clone(),
            wake: mqtt.wake.clone(),
            options,
            commands: mqtt.takes_commands.then_some(commands),
            cameras: cameras.to_vec(),
            gone: Vec::new(),
            refusal: Refusal::default(),
        })
    }

    /// Connects, from a thread of its own.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn start(mut self) -> Result<(), NoThread> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        spawn("mqtt", move || {
            runtime.block_on(self.run());
            self.outbox.has_ended();
        })
    }

    async fn run(&mut self) {
        let mut wait = FIRST_WAIT;
        while let End::Lost { because, was_of_use } = Connection::open(self).run().await {
            self.outbox.is_in_trouble(because);
            wait = if was_of_use { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
            if !self.pause(wait).await {
                return;
            }
        }
    }

    /// False where the end was asked for meanwhile, and its time came.
    async fn pause(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            let close_by = self.outbox.close_by();
            if close_by.is_some_and(|by| by <= Instant::now()) {
                return false;
            }
            let next = close_by.map_or(until, |by| by.min(until));
            if next <= Instant::now() {
                return true;
            }
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                () = self.wake.notified() => {}
            }
        }
    }
}

impl Options {
    pub fn client(&self) -> MqttOptions {
        let BrokerAddress { host, port, .. } = &self.broker;
        let mut options = MqttOptions::new(&self.client, (host.clone(), *port));
        options.set_keep_alive(KEEP_ALIVE_SECONDS).set_clean_session(true);
        options.set_max_packet_size(LONGEST_IN, LONGEST_OUT);
        options.set_last_will(LastWill::new(self.last_will.clone(), OFFLINE, QoS::AtLeastOnce, true));
        if let Some((user, password)) = &self.login {
            options.set_credentials(user, password.clone());
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())));
        }
        options
    }
}
