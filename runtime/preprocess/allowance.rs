//! The memory that all decoders of this process share: a picture that needs much waits for the others.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A longer buffer is given back to the system rather than kept for the next picture.
const LONGEST_SPARE: usize = 64 << 20;
/// More buffers than this are not kept; nor more bytes than a quarter of the limit.
const MOST_SPARE: usize = 16;
/// How much longer than asked for a spare buffer may be: a quarter, and so many bytes.
const SPARE_SLACK: usize = 1 << 20;

/// Grants shares in the order in which they are asked for.
pub(super) struct Allowance {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    granted: u64,
    /// Who asks next gets this number.
    next: u64,
    /// Whose turn it is.
    serving: u64,
    /// Buffers of earlier pictures.
    spare: Vec<Vec<u8>>,
}

/// The process's own.
pub(super) static ALLOWANCE: Allowance = Allowance::new();

/// A right to some bytes, until it is dropped.
#[derive(Debug)]
pub struct Share {
    allowance: &'static Allowance,
    bytes: u64,
    limit: u64,
}

impl std::fmt::Debug for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowance").field("granted", &self.lock().granted).finish()
    }
}

impl Allowance {
    const fn new() -> Self {
        let state = State { granted: 0, next: 0, serving: 0, spare: Vec::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `bytes` fit beside what others have, within `limit`, or nobody has any.
    ///
    /// A thread that has a share must not ask for another one.
    pub fn take(&'static self, bytes: u64, limit: u64) -> Share {
        let mut state = self.lock();
        let own = state.next;
        state.next += 1;
        while state.serving != own || (state.granted > 0 && state.granted.saturating_add(bytes) > limit) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.serving += 1;
        state.granted = state.granted.saturating_add(bytes);
        state.trim(limit);
        drop(state);
        self.changed.notify_all();
        Share { allowance: self, bytes, limit }
    }
}

impl State {
    /// Lets the oldest spare buffers go until the others fit beside what is granted.
    fn trim(&mut self, limit: u64) {
        let room = limit.saturating_sub(self.granted).min(limit / 4);
        let length = |spare: &[Vec<u8>]| spare.iter().map(|buffer| buffer.capacity() as u64).sum::<u64>();
        while self.spare.len() > MOST_SPARE || length(&self.spare) > room {
            self.spare.remove(0);
        }
    }
}

impl Share {
    /// An empty buffer with room for `length` bytes; a spare one where there is one that is not far too long.
    pub fn buffer(&self, length: usize) -> Vec<u8> {
        let mut state = self.allowance.lock();
        let longest = length.saturating_add(length / 4).saturating_add(SPARE_SLACK);
        let fits = |buffer: &Vec<u8>| (length..=longest).contains(&buffer.capacity());
        let found = state.spare.iter().position(fits).map(|at| state.spare.remove(at));
        drop(state);
        found.unwrap_or_else(|| Vec::with_capacity(length))
    }

    /// Ends the share and keeps `buffer` for another picture.
    pub fn give_back(self, mut buffer: Vec<u8>) {
        if buffer.capacity() > LONGEST_SPARE {
            return;
        }
        buffer.clear();
        let (allowance, limit) = (self.allowance, self.limit);
        drop(self);
        let mut state = allowance.lock();
        state.spare.push(buffer);
        state.trim(limit);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.allowance.lock().granted -= self.bytes;
        self.allowance.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn own() -> &'static Allowance {
        Box::leak(Box::new(Allowance::new()))
    }

    #[test]
    fn shares_never_exceed_the_limit_together_and_everybody_gets_one() {
        let (allowance, held, served) = (own(), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8u64 {
                let (held, served) = (&held, &served);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = 1 + (thread * 31 + round * 17) % 100;
                        let share = allowance.take(bytes, 100);
                        assert!(held.fetch_add(bytes, Ordering::SeqCst) + bytes <= 100);
                        held.fetch_sub(bytes, Ordering::SeqCst);
                        served.fetch_add(1, Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        assert_eq!(served.into_inner(), 1600);
        assert_eq!(allowance.lock().granted, 0);
    }

    #[test]
    fn one_alone_goes_on_whatever_it_takes() {
        let allowance = own();
        drop(allowance.take(1000, 100));
        drop(allowance.take(u64::MAX, 100));
        assert_eq!(allowance.lock().granted, 0);
    }

    #[test]
    fn a_big_picture_is_not_overtaken_for_ever_by_small_ones() {
        let allowance = own();
        let small = allowance.take(60, 100);
        std::thread::scope(|scope| {
            let big = scope.spawn(|| drop(allowance.take(90, 100)));
            while allowance.lock().next < 2 {
                std::thread::yield_now();
            }
            let later = scope.spawn(|| drop(allowance.take(1, 100)));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!big.is_finished() && !later.is_finished());
            drop(small);
        });
    }

    #[test]
    fn a_spare_buffer_is_used_again_and_goes_where_there_is_no_room_for_it() {
        let allowance = own();
        let share = allowance.take(50, 200);
        let buffer = share.buffer(40);
        let address = buffer.as_ptr();
        share.give_back(buffer);
        let share = allowance.take(50, 200);
        let again = share.buffer(30);
        assert_eq!(again.as_ptr(), address);
        share.give_back(again);
        let crowding = allowance.take(190, 200);
        assert_eq!(allowance.lock().spare.len(), 0);
        drop(crowding);
    }
}
