//! The memory that all pictures share, and which body gives its part back when it is all taken.
//!
//! Every body has a place, which holds its first kilobytes; what is longer gets room as it comes. While there is enough,
//! nobody is asked for anything. Where there is not, those give way that have come to a halt: a body must grow by a
//! thirtieth a second, which is the pace that fills it within the default client timeout. What is given back goes to
//! who holds least, so that small pictures are not kept out by large ones; where all wait for each other, who holds
//! most is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::refusal::Refusal;

/// How many bodies of the greatest length all memory is for; many more of the usual length fit.
const LARGEST_BODIES: usize = 4;
/// The unit in which memory is shared out.
pub(super) const KIBIBYTE: usize = 1 << 10;
/// The least that a place holds, in KiB.
const LEAST_PLACE: usize = 16;
/// In which a body must have grown by [`GROWTH`] if it is not to give way.
const HALT: Duration = Duration::from_secs(1);
/// The part of itself by which a body must grow.
const GROWTH: usize = 30;
/// The least by which a body must grow, in KiB.
const LEAST_GROWTH: usize = 16;
/// How long a body waits for its part before it is refused.
const WAIT: Duration = Duration::from_secs(3);
/// How long bodies that wait for each other hope that one that came whole is answered.
const HOPE: Duration = Duration::from_millis(500);
/// Between two looks of a body that waits.
const LOOK: Duration = Duration::from_millis(50);

/// The memory that all pictures share.
pub(super) struct BodyMemory {
    /// What a place holds, in KiB.
    first: usize,
    state: Mutex<State>,
}

struct State {
    /// That are free.
    places: usize,
    /// Beyond the places, in KiB.
    free: usize,
    coming: HashMap<u64, IncomingBody>,
    /// Number of the last body that came.
    last: u64,
    /// When one of those that waited for each other was refused.
    refused: Instant,
}

/// A body that has not come whole.
struct IncomingBody {
    has_place: bool,
    /// Beyond its place, in KiB.
    room: usize,
    /// Since when it waits for this program, not for its client.
    waits: Option<Instant>,
    /// What had been received, in KiB, when it had last grown enough, and when that was.
    mark: (usize, Instant),
    /// Tells the body to give way when dropped.
    #[expect(dead_code, reason = "held for its drop")]
    stays: oneshot::Sender<()>,
}

/// What a body waits for.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    Place,
    /// In KiB.
    BodyMemory(usize),
}

/// A body's part of the memory, given back when dropped.
pub(super) struct HeldMemory {
    from: Arc<BodyMemory>,
    /// Beyond its place, in KiB.
    room: usize,
}

/// A body's part of the memory while it comes.
pub(super) struct Share {
    held: HeldMemory,
    entry: Entry,
    staying: oneshot::Receiver<()>,
}

/// A body's line among those that come.
struct Entry {
    number: u64,
    room: Arc<BodyMemory>,
}

impl BodyMemory {
    /// BodyMemory for [`LARGEST_BODIES`] of `max_bytes`, of which one is shared out among up to `places` bodies.
    pub fn new(max_bytes: usize, places: usize) -> Arc<Self> {
        let most = max_bytes.div_ceil(KIBIBYTE).max(1);
        let first = (most / places.max(1)).max(LEAST_PLACE).min(most);
        let (places, free) = ((most / first).min(places).max(1), (LARGEST_BODIES - 1) * most);
        let state = State { places, free, coming: HashMap::new(), last: 0, refused: Instant::now() };
        Arc::new(Self { first, state: Mutex::new(state) })
    }

    /// The share of a body that begins.
    ///
    /// # Errors
    /// When there is no place, and none is given back for a moment.
    pub async fn enter(self: &Arc<Self>) -> Result<Share, Refusal> {
        let (stays, staying) = oneshot::channel();
        let number = self.lock().add(stays);
        let entry = Entry { number, room: self.clone() };
        self.take(number, Need::Place).await?;
        Ok(Share { held: HeldMemory { from: self.clone(), room: 0 }, entry, staying })
    }

    /// Gives body `number` what it needs as soon as it is its turn.
    async fn take(&self, number: u64, need: Need) -> Result<(), Refusal> {
        let asked = Instant::now();
        self.lock().change(number, |body| body.waits = Some(asked));
        loop {
            // A guard must not be held while it sleeps.
            {
                let (mut state, now) = (self.lock(), Instant::now());
                if state.take(number, need) {
                    return Ok(());
                }
                if now - asked >= WAIT || state.must_yield(number, now) {
                    return Err(Refusal::NoRoom);
                }
                state.clear(need, now);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, stays: oneshot::Sender<()>) -> u64 {
        self.last += 1;
        let body = IncomingBody { has_place: false, room: 0, waits: None, mark: (0, Instant::now()), stays };
        self.coming.insert(self.last, body);
        self.last
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut IncomingBody)) {
        if let Some(body) = self.coming.get_mut(&number) {
            change(body);
        }
    }

    /// Takes what body `number` needs, if it is there and no other goes before it.
    fn take(&mut self, number: u64, need: Need) -> bool {
        let there = match need {
            Need::Place => self.places > 0,
            Need::BodyMemory(kibibytes) => self.free >= kibibytes,
        };
        if !there || self.next(need == Need::Place) != Some(number) {
            return false;
        }
        let room = if let Need::BodyMemory(kibibytes) = need { kibibytes } else { 0 };
        self.places -= usize::from(need == Need::Place);
        self.free -= room;
        self.change(number, |body| {
            (body.has_place, body.room) = (true, body.room + room);
            // What it waited is not its client's fault.
            body.mark.1 += body.waits.take().map_or(Duration::ZERO, |since| since.elapsed());
        });
        true
    }

    /// Who gets the next place or the next room: of those that wait, who holds least, then who came first.
    fn next(&self, place: bool) -> Option<u64> {
        let waiting = self.coming.iter().filter(|(_, body)| body.waits.is_some() && body.has_place != place);
        waiting.min_by_key(|(number, body)| (body.room, **number)).map(|(number, _)| *number)
    }

    /// Whether body `number` is to be refused, since it holds most of those that can do nothing but wait.
    fn must_yield(&mut self, number: u64, now: Instant) -> bool {
        let holding = || self.coming.iter().filter(|(_, body)| body.room > 0);
        let hopes = |body: &IncomingBody| body.waits.is_none_or(|since| now.saturating_duration_since(since) < HOPE);
        let largest = holding().max_by_key(|(number, body)| (body.room, **number)).map(|(number, _)| *number);
        let yields = largest == Some(number)
            && !holding().any(|(_, body)| hopes(body))
            && now.saturating_duration_since(self.refused) >= LOOK;
        if yields {
            self.refused = now;
        }
        yields
    }

    /// Tells bodies at a halt to give way, those that are the longest at it first, until they bring what is needed.
    fn clear(&mut self, need: Need, now: Instant) {
        let (wanted, gain): (usize, fn(&IncomingBody) -> usize) = match need {
            Need::Place => (1, |body| body.has_place.into()),
            Need::BodyMemory(kibibytes) => (kibibytes, |body| body.room),
        };
        let halted = |body: &IncomingBody| body.waits.is_none() && now.saturating_duration_since(body.mark.1) >= HALT;
        let useful = self.coming.iter().filter(|(_, body)| halted(body) && gain(body) > 0);
        let mut useful: Vec<_> = useful.map(|(number, body)| (body.mark.1, *number)).collect();
        useful.sort_unstable();
        let mut cleared = 0;
        for (_, number) in useful {
            if cleared >= wanted {
                break;
            }
            cleared += self.coming.remove(&number).map_or(0, |body| gain(&body));
        }
    }
}

impl Share {
    /// Makes room for `bytes` in all, which is how much of the body will have come.
    ///
    /// # Errors
    /// When there is no room, and none is given back for a moment, or when this body must give way itself.
    pub async fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let received = bytes.div_ceil(KIBIBYTE);
        let (number, from) = (self.entry.number, &self.held.from);
        let missing = received.saturating_sub(from.first + self.held.room);
        if missing > 0 {
            tokio::select! {
                biased;
                _ = &mut self.staying => return Err(Refusal::Halted),
                taken = from.take(number, Need::BodyMemory(missing)) => taken?,
            }
            self.held.room += missing;
        }
        from.lock().change(number, |body| {
            if received >= body.mark.0 + (received / GROWTH).max(LEAST_GROWTH) {
                body.mark = (received, Instant::now());
            }
        });
        Ok(())
    }

    /// Resolves when this body is to give its part back.
    pub async fn must_give_way(&mut self) {
        // Only the drop of the other half is waited for.
        let _ = (&mut self.staying).await;
    }

    /// The part of a body that has come whole: nobody takes it away.
    pub fn whole(self) -> HeldMemory {
        self.held
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        let mut state = self.from.lock();
        state.places += 1;
        state.free += self.room;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.room.lock().coming.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
