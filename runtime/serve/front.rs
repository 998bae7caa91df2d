//! What stands before the routes: the certificate, who is let in, and how others get here.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::admission::Admission;
use super::guesses::Guesses;
use super::hosts::Host;
use super::mdns::Announced;
use super::paired::Paired;
use super::reach::Reach;
use super::tls::{Certificates, TlsError};
use super::{Settings, tls};
use crate::causes::causes;
use crate::store::{Phones, StateDir};

/// Between two looks for a newer certificate.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at what multicast DNS keeps.
const PRUNING: Duration = Duration::from_secs(60);

pub(super) struct Front {
    pub admission: Admission,
    pub guesses: Guesses,
    certificates: Option<Arc<Certificates>>,
    address: SocketAddr,
    hosts: Vec<Host>,
    state: StateDir,
    is_announced: bool,
    announced: Mutex<Option<Announced>>,
}

impl Front {
    /// Of a service that listens on `address`.
    pub fn new(
        settings: &Settings,
        state: &StateDir,
        certificates: Option<Arc<Certificates>>,
        address: SocketAddr,
    ) -> Arc<Self> {
        let paired = Paired::open(Phones::of(state));
        Arc::new(Self {
            admission: Admission::new(settings.access.clone(), address.ip(), paired),
            guesses: Guesses::default(),
            certificates,
            address,
            hosts: settings.hosts.clone(),
            state: state.clone(),
            is_announced: settings.mdns,
            announced: Mutex::default(),
        })
    }

    pub fn reach(&self) -> Reach {
        let certificate = self.certificates.as_ref().map(|certificates| certificates.fingerprint());
        Reach::new(self.address, &self.hosts, certificate, self.admission.is_open())
    }

    /// What agrees on TLS; `None` where the service speaks none.
    pub fn acceptor(&self) -> Result<Option<tls::Acceptor>, TlsError> {
        self.certificates.as_ref().map(Certificates::acceptor).transpose()
    }

    /// Lets `edgetl pair` and the network know of the service.
    pub fn tell(&self) {
        self.keep_reach();
        if self.is_announced {
            *self.announced() = Announced::start(self.address, self.certificates.is_some());
        }
    }

    fn announced(&self) -> MutexGuard<'_, Option<Announced>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_reach(&self) {
        if self.admission.is_open() {
            return;
        }
        if let Err(error) = self.reach().keep(&self.state) {
            tracing::warn!("`edgetl pair` will not find this service: {}", causes(&error));
        }
    }

    /// Takes over newer certificates, and what other processes do with paired phones, as long as it is polled.
    pub async fn follow(self: Arc<Self>) {
        tokio::join!(self.admission.paired.clone().follow(), self.clone().renew(), self.clone().prune());
    }

    async fn prune(self: Arc<Self>) {
        loop {
            tokio::time::sleep(PRUNING).await;
            let front = self.clone();
            let prune = move || front.announced().as_mut().is_some_and(Announced::begin_anew_where_full);
            let _ = tokio::task::spawn_blocking(prune).await;
        }
    }

    async fn renew(self: Arc<Self>) {
        let Some(certificates) = self.certificates.clone() else { return };
        loop {
            tokio::time::sleep(LOOK).await;
            let (front, certificates) = (self.clone(), certificates.clone());
            let look = move || {
                if certificates.renew() {
                    front.keep_reach();
                }
            };
            // One that fails is tried again.
            let _ = tokio::task::spawn_blocking(look).await;
        }
    }

    /// The service has ended.
    pub fn end(&self) {
        let announced = self.announced().take();
        announced.into_iter().for_each(Announced::end);
        self.reach().forget(&self.state);
        if let Err(error) = self.admission.paired.note() {
            tracing::debug!("when phones last asked is not noted: {}", causes(&error));
        }
    }
}
