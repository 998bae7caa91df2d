//! Answers to requests that a client may send again because it did not hear the first answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::digest::Digest;

/// So many answers are remembered, the latest.
const MOST: usize = 4096;
/// For so long.
const KEPT: Duration = Duration::from_secs(600);

/// The latest answers, by the key that a client chose.
pub(super) struct Repeats<T> {
    known: Mutex<VecDeque<Known<T>>>,
}

struct Known<T> {
    key: String,
    /// Of what was asked.
    about: Digest,
    since: Instant,
    answer: Arc<OnceCell<T>>,
}

impl<T> Default for Repeats<T> {
    fn default() -> Self {
        Self { known: Mutex::default() }
    }
}

impl<T> Repeats<T> {
    /// Where the answer to the requests of `key` lies, or will: whoever comes while one is under way waits for it. `None` where the key
    /// stands for another request.
    pub fn of(&self, key: &str, about: Digest, now: Instant) -> Option<Arc<OnceCell<T>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while known.front().is_some_and(|first| now.saturating_duration_since(first.since) >= KEPT) {
            known.pop_front();
        }
        // A request that failed, and that nobody waits for, leaves its key to others.
        let is_free = |known: &Known<T>| known.answer.get().is_none() && Arc::strong_count(&known.answer) == 1;
        known.retain(|known| known.key != key || known.about == about || !is_free(known));
        if let Some(known) = known.iter().find(|known| known.key == key) {
            return (known.about == about).then(|| known.answer.clone());
        }
        if known.len() == MOST {
            known.pop_front();
        }
        let answer = Arc::new(OnceCell::new());
        known.push_back(Known { key: key.to_owned(), about, since: now, answer: answer.clone() });
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_for_a_while_and_among_the_latest() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let about = Digest::of(b"a picture");
        let cell = |key: &str, seconds| repeats.of(key, about, start + Duration::from_secs(seconds)).unwrap();
        cell("first", 0).set(1).unwrap();
        assert_eq!(cell("first", 599).get(), Some(&1));
        assert!(repeats.of("first", Digest::of(b"another"), start).is_none(), "it stands for another request");
        assert_eq!(cell("first", 600).get(), None, "its time is over");
        cell("second", 600).set(2).unwrap();
        (0..MOST - 2).for_each(|number| drop(cell(&number.to_string(), 601)));
        assert_eq!(cell("second", 602).get(), Some(&2));
        cell("one more", 602);
        cell("and another", 602);
        assert_eq!(cell("second", 602).get(), None, "it is not among the latest");
    }
}
