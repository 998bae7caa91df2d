//! Notices that wait to be taken: so many and no more, in their order.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{About, Notice, events};

/// Of so many the oldest is given up.
const MOST: usize = 1000;

/// What became of notices since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Taken, and that was acknowledged.
    pub told: u64,
    /// Not taken, and never will be: refused, or given up since too many waited.
    pub lost: u64,
    pub waiting: u64,
    /// Times that something was not taken, now or ever.
    pub failures: u64,
    /// Why nothing is taken at the moment.
    pub trouble: Option<String>,
    /// `None` as long as nothing was tried.
    pub reached: Option<Reached>,
    /// The last time that something was not taken, and why.
    pub last_failure: Option<(SystemTime, String)>,
}

/// Whether somebody can be told, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    pub is_well: bool,
    pub since: SystemTime,
}

impl Counts {
    fn note(&mut self, is_well: bool) {
        if self.reached.is_none_or(|reached| reached.is_well != is_well) {
            self.reached = Some(Reached { is_well, since: SystemTime::now() });
        }
    }
}

pub(super) struct Outbox {
    about: About,
    state: Mutex<State>,
    changed: Condvar,
    /// Told of every change, where a condition cannot be waited for.
    waker: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Notice>>,
    /// Taken out to be told, and not acknowledged yet.
    in_hand: u64,
    counts: Counts,
    close_by: Option<Instant>,
    has_ended: bool,
}

/// What a thread is to do.
pub(super) enum Next {
    Tell(Arc<Notice>),
    /// Nothing more came for a while.
    Rest,
    End,
}

impl Outbox {
    pub fn new(about: About) -> Self {
        Self { about, state: Mutex::default(), changed: Condvar::new(), waker: OnceLock::new() }
    }

    /// As people call it.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    #[cfg(any(test, feature = "announce"))]
    pub fn wake_by(&self, waker: impl Fn() + Send + Sync + 'static) {
        let _ = self.waker.set(Box::new(waker));
    }

    pub fn put(&self, notice: Arc<Notice>) {
        let mut state = self.lock();
        if state.waiting.len() >= MOST {
            state.waiting.pop_front();
            self.one_is_too_many(&mut state.counts);
        }
        state.waiting.push_back(notice);
        drop(state);
        self.tell_of_change();
    }

    /// Takes the oldest out; `None` where nothing waits.
    #[cfg(any(test, feature = "announce"))]
    pub fn pick(&self) -> Option<Arc<Notice>> {
        let mut state = self.lock();
        let notice = state.waiting.pop_front()?;
        state.in_hand += 1;
        Some(notice)
    }

    /// Waits for the oldest, and takes it out.
    pub fn next(&self, patience: Duration) -> Next {
        let mut state = self.lock();
        let by = Instant::now() + patience;
        loop {
            let is_late = state.close_by.is_some_and(|close_by| close_by <= Instant::now());
            if is_late || (state.close_by.is_some() && state.waiting.is_empty()) {
                return Next::End;
            }
            if let Some(notice) = state.waiting.pop_front() {
                state.in_hand += 1;
                return Next::Tell(notice);
            }
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Rest;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// It was taken.
    pub fn is_told(&self) {
        let mut state = self.lock();
        state.in_hand -= 1;
        state.counts.told += 1;
        drop(state);
        self.is_well();
    }

    /// It will not be taken.
    pub fn is_lost(&self, because: &str) {
        let mut state = self.lock();
        state.in_hand -= 1;
        state.counts.lost += 1;
        state.counts.failures += 1;
        state.counts.trouble = None;
        state.counts.last_failure = Some((SystemTime::now(), because.to_owned()));
        drop(state);
        tracing::warn!("{} was not told of an event: {because}", self.about.name);
    }

    /// What was taken out goes back, in its order, to be told again.
    pub fn put_back(&self, notices: impl DoubleEndedIterator<Item = Arc<Notice>>) {
        let mut state = self.lock();
        for notice in notices.rev() {
            state.in_hand -= 1;
            if state.waiting.len() < MOST {
                state.waiting.push_front(notice);
            } else {
                self.one_is_too_many(&mut state.counts);
            }
        }
    }

    fn one_is_too_many(&self, counts: &mut Counts) {
        counts.lost += 1;
        // Each would be a line.
        if counts.lost.is_power_of_two() {
            let lost = events(counts.lost);
            tracing::warn!("{} was not told of {lost} in all, since more than {MOST} wait", self.about.name);
        }
    }

    /// Nothing is taken at the moment; the same is said once.
    pub fn is_in_trouble(&self, because: String) {
        let mut state = self.lock();
        state.counts.failures += 1;
        state.counts.note(false);
        state.counts.last_failure = Some((SystemTime::now(), because.clone()));
        if state.counts.trouble.as_ref() != Some(&because) {
            tracing::warn!("{} cannot be told of events, which wait: {because}", self.about.name);
            state.counts.trouble = Some(because);
        }
    }

    pub fn is_well(&self) {
        let mut state = self.lock();
        state.counts.note(true);
        let was_in_trouble = state.counts.trouble.take().is_some();
        drop(state);
        if was_in_trouble {
            tracing::info!("{} can be told of events again", self.about.name);
        }
    }

    /// Waits, but not longer than whoever ends it allows.
    pub fn pause(&self, wait: Duration) {
        let by = Instant::now() + wait;
        let mut state = self.lock();
        loop {
            let until = state.close_by.map_or(by, |close_by| by.min(close_by));
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn counts(&self) -> Counts {
        let state = self.lock();
        Counts { waiting: state.waiting.len() as u64 + state.in_hand, ..state.counts.clone() }
    }

    pub fn close(&self, by: Instant) {
        self.lock().close_by.get_or_insert(by);
        self.tell_of_change();
    }

    #[cfg(any(test, feature = "announce"))]
    pub fn close_by(&self) -> Option<Instant> {
        self.lock().close_by
    }

    /// Nobody takes anything out any more.
    pub fn has_ended(&self) {
        self.lock().has_ended = true;
        self.tell_of_change();
    }

    pub fn wait_for_end(&self, longer: Duration) {
        let mut state = self.lock();
        let by = state.close_by.unwrap_or_else(Instant::now) + longer;
        while !state.has_ended {
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn tell_of_change(&self) {
        self.changed.notify_all();
        if let Some(wake) = self.waker.get() {
            wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(id: usize) -> Arc<Notice> {
        Notice { id: id.to_string(), camera: Some("gate".to_owned()), json: "{}".to_owned() }.into()
    }

    fn about() -> About {
        About { name: "webhook house".to_owned(), kind: "webhook", address: "https://hooks.example".to_owned() }
    }

    fn ids(outbox: &Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.pick()).map(|notice| notice.id.clone()).collect()
    }

    #[test]
    fn of_too_many_the_oldest_goes_and_is_counted() {
        let outbox = Outbox::new(about());
        (0..MOST + 3).for_each(|id| outbox.put(notice(id)));
        assert_eq!(outbox.counts(), Counts { lost: 3, waiting: MOST as u64, ..Counts::default() });
        assert_eq!(outbox.pick().unwrap().id, "3");
    }

    #[test]
    fn it_is_known_since_when_somebody_can_be_told_and_what_went_wrong_last() {
        let outbox = Outbox::new(about());
        assert_eq!(outbox.counts().reached, None);
        outbox.is_in_trouble("nobody is there".to_owned());
        let trouble = outbox.counts();
        assert!(trouble.reached.is_some_and(|reached| !reached.is_well));
        outbox.is_in_trouble("it refuses".to_owned());
        assert_eq!(outbox.counts().reached, trouble.reached, "since the first");
        outbox.is_well();
        let well = outbox.counts();
        assert!(well.reached.is_some_and(|reached| reached.is_well) && well.trouble.is_none());
        assert_eq!(well.last_failure.unwrap().1, "it refuses");
    }

    #[test]
    fn what_goes_back_comes_first_and_in_its_order() {
        let outbox = Outbox::new(about());
        (0..5).for_each(|id| outbox.put(notice(id)));
        let picked: Vec<_> = std::iter::from_fn(|| outbox.pick()).take(3).collect();
        outbox.is_told();
        assert_eq!((outbox.counts().told, outbox.counts().waiting), (1, 4));
        outbox.put_back(picked.into_iter().skip(1));
        assert_eq!(outbox.counts().waiting, 4);
        assert_eq!(ids(&outbox), ["1", "2", "3", "4"]);
    }

    #[test]
    fn a_closed_one_is_emptied_and_then_ends_or_ends_at_its_time() {
        let outbox = Outbox::new(about());
        outbox.put(notice(0));
        outbox.close(Instant::now() + Duration::from_secs(60));
        assert!(matches!(outbox.next(Duration::ZERO), Next::Tell(_)));
        assert!(matches!(outbox.next(Duration::from_secs(60)), Next::End));
        let late = Outbox::new(about());
        late.put(notice(0));
        late.close(Instant::now());
        assert!(matches!(late.next(Duration::from_secs(60)), Next::End));
        assert_eq!(late.counts().waiting, 1);
    }
}
