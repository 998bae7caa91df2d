//! What a broker is to have at any time: retained messages, the newest of each topic.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// In which order they are published: what is told of comes before what it says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    Discovery,
    State,
    /// Of cameras; only then is a state looked at.
    Camera,
    /// Of all that this device has; only then is anything.
    Device,
    /// Behind events.
    Picture,
}

#[derive(Default)]
pub(super) struct Standing {
    messages: Mutex<BTreeMap<(Rank, String), Message>>,
}

/// Called when the broker has a message.
pub(super) type HasIt = Arc<dyn Fn() + Send + Sync>;

struct Message {
    payload: Vec<u8>,
    is_sent: bool,
    has_it: Option<HasIt>,
}

/// A message to be published.
pub(super) struct Unsent {
    pub topic: String,
    pub payload: Vec<u8>,
    pub has_it: Option<HasIt>,
}

impl Standing {
    /// Says whether that is news.
    pub fn set(&self, rank: Rank, topic: String, payload: impl Into<Vec<u8>>) -> bool {
        self.set_and_say(rank, topic, payload.into(), None)
    }

    /// The same; `has_it` is called each time that the broker acknowledged it.
    pub fn set_and_say(&self, rank: Rank, topic: String, payload: Vec<u8>, has_it: Option<HasIt>) -> bool {
        let mut messages = self.lock();
        let nothing = Message { payload: Vec::new(), is_sent: true, has_it: None };
        let message = messages.entry((rank, topic)).or_insert(nothing);
        let is_news = message.payload != payload;
        if is_news {
            *message = Message { payload, is_sent: false, has_it };
        }
        is_news
    }

    /// The next up to `rank` that the broker does not have; it counts as sent.
    pub fn next(&self, rank: Rank) -> Option<Unsent> {
        let mut messages = self.lock();
        let ((_, topic), message) = messages.iter_mut().find(|((of, _), message)| *of <= rank && !message.is_sent)?;
        message.is_sent = true;
        Some(Unsent { topic: topic.clone(), payload: message.payload.clone(), has_it: message.has_it.clone() })
    }

    /// The broker has none of them.
    pub fn forget_what_was_sent(&self) {
        self.lock().values_mut().for_each(|message| message.is_sent = false);
    }

    /// It is sent again: what it says was not understood before.
    pub fn send_again(&self, rank: Rank, topic: String) {
        if let Some(message) = self.lock().get_mut(&(rank, topic)) {
            message.is_sent = false;
        }
    }

    pub fn has_unsent(&self) -> bool {
        self.lock().values().any(|message| !message.is_sent)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Rank, String), Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(standing: &Standing) -> Vec<(String, Vec<u8>)> {
        std::iter::from_fn(|| standing.next(Rank::Picture)).map(|unsent| (unsent.topic, unsent.payload)).collect()
    }

    #[test]
    fn what_is_new_is_sent_once_and_all_again_after_a_connection_was_lost() {
        let standing = Standing::default();
        assert!(standing.set(Rank::State, "a/state".to_owned(), "1"));
        assert!(standing.set(Rank::Discovery, "z/config".to_owned(), "{}"));
        assert!(standing.set(Rank::State, "a/state".to_owned(), "2"));
        let all = [("z/config".to_owned(), b"{}".to_vec()), ("a/state".to_owned(), b"2".to_vec())];
        assert_eq!(drained(&standing), all);
        assert!(!standing.set(Rank::State, "a/state".to_owned(), "2") && !standing.has_unsent());
        standing.forget_what_was_sent();
        assert_eq!(drained(&standing), all);
        standing.send_again(Rank::State, "a/state".to_owned());
        assert!(standing.next(Rank::Discovery).is_none());
        assert_eq!(drained(&standing), all[1..]);
    }
}
