//! Who is let in, and for how long.
//!
//! Where the service listens on loopback alone and no token is set, everybody on this machine is. Else each request needs a token: one
//! of the settings, or that of a paired phone. Where a request comes from makes no difference, since what a proxy, a container
//! or a tunnel passes on seems to come from this machine.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::access::{Access, Right, given};
use super::paired::Paired;

/// The rule of this service.
pub(super) struct Admission {
    access: Access,
    is_open: bool,
    pub paired: Arc<Paired>,
}

/// What a request may do.
#[derive(Clone)]
pub(super) struct Granted {
    pub right: Right,
    /// Where a paired phone asks.
    pub stay: Option<Stay>,
}

/// A paired phone, which may stay until its token is withdrawn.
#[derive(Clone)]
pub(super) struct Stay {
    pub number: u64,
    pub paired: watch::Receiver<BTreeSet<u64>>,
}

impl Admission {
    /// For a service that listens on `ip`.
    pub fn new(access: Access, ip: IpAddr, paired: Arc<Paired>) -> Self {
        let is_open = access.is_open() && ip.to_canonical().is_loopback();
        Self { access, is_open, paired }
    }

    /// Whether no token is needed.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// What a request with this `Authorization` header may do; takes the same time for every wrong token.
    pub fn of(&self, authorization: Option<&[u8]>) -> Option<Granted> {
        let alone = |right| Granted { right, stay: None };
        if self.is_open {
            return Some(alone(Right::Write));
        }
        let given = given(authorization)?;
        self.access.of_token(&given).map(alone).or_else(|| self.paired.of_token(&given))
    }
}

impl Stay {
    /// Resolves when the token is withdrawn.
    pub async fn ended(&mut self) {
        let number = self.number;
        // Without a sender there is no service.
        let _ = self.paired.wait_for(|paired| !paired.contains(&number)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Moment, PairingRight, Phones, StateDir};

    const TOKEN: &str = "0123456789abcdef";

    fn admission(access: Access, ip: &str) -> (tempfile::TempDir, Admission) {
        let folder = tempfile::tempdir().unwrap();
        let paired = Paired::open(Phones::of(&StateDir::new(folder.path())));
        let admission = Admission::new(access, ip.parse().unwrap(), paired);
        (folder, admission)
    }

    #[test]
    fn without_a_token_all_are_let_in_on_loopback_and_nobody_beyond_it() {
        for (ip, expected) in [("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true)]
            .into_iter()
            .chain([("0.0.0.0", false), ("::", false), ("192.168.1.7", false), ("::ffff:10.0.0.1", false)])
        {
            assert_eq!(admission(Access::open(), ip).1.of(None).is_some(), expected, "{ip}");
            assert!(admission(Access::by_token(TOKEN).unwrap(), ip).1.of(None).is_none(), "{ip}");
        }
    }

    #[test]
    fn a_phone_may_do_what_it_was_paired_for_until_it_is_withdrawn() {
        let (folder, admission) = admission(Access::by_token(TOKEN).unwrap(), "0.0.0.0");
        // As another process does it.
        let phones = Phones::of(&StateDir::new(folder.path()));
        let pair = |right| {
            let offer = phones.offer(right, &Moment::now()).unwrap();
            phones.pair(&offer.code, "phone", &Moment::now()).unwrap().unwrap()
        };
        let (looks, writes) = (pair(PairingRight::Read), pair(PairingRight::Write));
        let right = |token: &str| admission.of(Some(format!("Bearer {token}").as_bytes())).map(|granted| granted.right);
        assert_eq!([right(&looks.token), right(&writes.token)], [Some(Right::Read), Some(Right::Write)]);
        assert_eq!([right(TOKEN), right("0123456789abcdee")], [Some(Right::Write), None]);
        phones.withdraw(writes.phone.number).unwrap();
        assert_eq!([right(&looks.token), right(&writes.token)], [Some(Right::Read), None]);
        std::fs::write(folder.path().join("access/phones.json"), "damaged").unwrap();
        assert_eq!(right(&looks.token), Some(Right::Read), "what was known stays");
        std::fs::remove_file(folder.path().join("access/phones.json")).unwrap();
        assert_eq!(right(&looks.token), None);
    }
}
