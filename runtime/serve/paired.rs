//! The paired phones as the service knows them: the file of the state, looked at before each answer.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::access::Right;
use super::admission::{Granted, Stay};
use crate::causes::causes;
use crate::clock::now;
use crate::digest::Digest;
use crate::files::Stamp;
use crate::store::{PairingRight, Phone, Phones, PhonesError};

/// Streams of a phone that another process withdraws end after this at the latest.
const LOOK: Duration = Duration::from_millis(500);
/// When a phone last asked is written so often, in seconds: a disk of flash wears.
const NOTED: i64 = 600;
/// Between two looks whether there is something to note.
const NOTING: u32 = 120;

pub(super) struct Paired {
    file: Phones,
    known: Mutex<Known>,
    /// Their numbers.
    present: watch::Sender<BTreeSet<u64>>,
}

#[derive(Default)]
struct Known {
    /// Of what was read.
    stamp: Stamp,
    /// Of what could not be, once that was said.
    warned: Option<Stamp>,
    phones: Vec<Phone>,
    /// When each last asked this service.
    used: HashMap<u64, i64>,
}

impl Paired {
    pub fn open(file: Phones) -> Arc<Self> {
        file.sweep();
        let paired = Self { file, known: Mutex::default(), present: watch::Sender::default() };
        drop(paired.look());
        Arc::new(paired)
    }

    pub fn file(&self) -> &Phones {
        &self.file
    }

    /// What the phone with this token may do; takes the same time for every wrong one.
    pub fn of_token(&self, given: &Digest) -> Option<Granted> {
        let mut known = self.look();
        let matching: Vec<bool> = known.phones.iter().map(|phone| phone.token.is_same_secret(given)).collect();
        let phone = &known.phones[matching.iter().position(|is_it| *is_it)?];
        let (number, right) = (phone.number, phone.right.into());
        known.used.insert(number, now());
        Some(Granted { right, stay: Some(Stay { number, paired: self.present.subscribe() }) })
    }

    /// All, with when each last asked.
    pub fn list(&self) -> Vec<Phone> {
        let known = self.look();
        let used = |phone: &Phone| phone.used.max(known.used.get(&phone.number).copied());
        known.phones.iter().map(|phone| Phone { used: used(phone), ..phone.clone() }).collect()
    }

    /// Reads the file where it changed; what was known stays as long as it cannot be read.
    fn look(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = self.file.stamp();
        if stamp == known.stamp {
            return known;
        }
        match self.file.read() {
            Ok(list) => {
                let present: BTreeSet<u64> = list.phones.iter().map(|phone| phone.number).collect();
                known.used.retain(|number, _| present.contains(number));
                known.phones = list.phones;
                (known.stamp, known.warned) = (stamp, None);
                self.present.send_if_modified(|before| std::mem::replace(before, present.clone()) != present);
            }
            Err(error) if known.warned != Some(stamp) => {
                known.warned = Some(stamp);
                tracing::warn!("what was known of paired phones stays: {}", causes(&error));
            }
            Err(_) => {}
        }
        known
    }

    /// Writes when each last asked, where that is news.
    pub fn note(&self) -> Result<(), PhonesError> {
        let news: Vec<(u64, i64)> = {
            let known = self.look();
            let is_news = |phone: &&Phone| {
                known.used.get(&phone.number).is_some_and(|used| phone.used.is_none_or(|noted| used - noted >= NOTED))
            };
            known.phones.iter().filter(is_news).map(|phone| (phone.number, known.used[&phone.number])).collect()
        };
        if news.is_empty() { Ok(()) } else { self.file.note_use(&news) }
    }

    /// Follows what other processes do, as long as it is polled.
    pub async fn follow(self: Arc<Self>) {
        let mut looks = 0_u32;
        loop {
            tokio::time::sleep(LOOK).await;
            drop(self.look());
            looks += 1;
            if looks.is_multiple_of(NOTING) {
                let paired = self.clone();
                if let Ok(Err(error)) = tokio::task::spawn_blocking(move || paired.note()).await {
                    tracing::debug!("when phones last asked is not noted: {}", causes(&error));
                }
            }
        }
    }
}

impl From<PairingRight> for Right {
    fn from(right: PairingRight) -> Self {
        match right {
            PairingRight::Read => Self::Read,
            PairingRight::Write => Self::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::store::{Moment, StateDir};

    #[test]
    fn a_list_that_could_not_be_read_once_is_read_when_it_can_be() {
        let state = tempfile::tempdir().unwrap();
        let phones = Phones::of(&StateDir::new(state.path()));
        let paired = Paired::open(phones.clone());
        let offer = phones.offer(PairingRight::Write, &Moment::now()).unwrap();
        let token = phones.pair(&offer.code, "phone", &Moment::now()).unwrap().unwrap().token;
        let is_in = || paired.of_token(&Digest::of(token.as_bytes())).is_some();
        let file = state.path().join("access/phones.json");
        let (good, when) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
        // As one stamp: a failure to read leaves no other trace.
        let put = |text: &[u8]| {
            fs::write(&file, text).unwrap();
            File::options().write(true).open(&file).unwrap().set_modified(when).unwrap();
        };
        put(&vec![b'x'; good.len()]);
        assert!(!is_in() && !is_in());
        put(&good);
        assert!(is_in());
        put(&good[..9]);
        assert!(is_in(), "what was known stays");
    }
}
