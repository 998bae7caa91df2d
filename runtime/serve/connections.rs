//! Open connections: what each is at, which have had their time, and which one goes when there are too many.
//!
//! Nobody is kept waiting for a place: a connection that comes when all are taken closes another, from the client that
//! has the most, the one that has been without a whole request the longest. Those whose picture is being worked on
//! stay; [`BodyMemory`](super::body_memory::BodyMemory) never lets them be all.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// In which the head of a request must come: one small packet, as a rule.
const HEAD: Duration = Duration::from_secs(5);

/// What a connection is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// It speaks about TLS, within the time for the head of its first request.
    Handshake,
    /// The head of a request is coming, or none came since the start.
    Head,
    /// Its request was answered and nothing has come since.
    Idle,
    /// A request is being looked at or refused, with no picture in memory.
    Asking,
    /// It has a picture in memory.
    Working,
    /// Its request is being answered for as long as the client wants.
    Ongoing,
}

/// Every open connection.
pub(super) struct Connections {
    most: usize,
    head: Duration,
    idle: Duration,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    entries: HashMap<u64, Entry>,
    last: u64,
}

struct Entry {
    client: IpAddr,
    phase: Phase,
    since: Instant,
    /// Closes the connection when dropped.
    #[expect(dead_code, reason = "held for its drop")]
    held: oneshot::Sender<()>,
}

/// One connection's place among all; given back when dropped.
pub(super) struct Place {
    number: u64,
    connections: Arc<Connections>,
}

/// Resolves when a connection is to be closed.
pub(super) type Closing = oneshot::Receiver<()>;

impl Connections {
    /// Up to `most`, at least two; one that was answered may stay idle for `client_timeout`.
    pub fn new(most: usize, client_timeout: Duration) -> Arc<Self> {
        let (most, head) = (most.max(2), HEAD.min(client_timeout));
        Arc::new(Self { most, head, idle: client_timeout, open: Mutex::default() })
    }

    /// A place for a new connection from `client`, and whether another lost its own; none where all have pictures.
    pub fn enter(self: &Arc<Self>, client: IpAddr) -> Option<(Place, Closing, bool)> {
        let crowded = self.lock().entries.len() >= self.most;
        if crowded && !self.close_one() {
            return None;
        }
        let (held, closing) = oneshot::channel();
        let entry = Entry { client: network(client), phase: Phase::Head, since: Instant::now(), held };
        let mut open = self.lock();
        open.last += 1;
        let number = open.last;
        open.entries.insert(number, entry);
        Some((Place { number, connections: self.clone() }, closing, crowded))
    }

    /// Closes the connection that can best be spared, if any can.
    pub fn close_one(&self) -> bool {
        let mut open = self.lock();
        let spared = spared(&open.entries);
        spared.and_then(|number| open.entries.remove(&number)).is_some()
    }

    /// Closes every connection that has had its time.
    pub fn close_late(&self, now: Instant) {
        let late = |entry: &Entry| {
            let age = now.saturating_duration_since(entry.since);
            match entry.phase {
                Phase::Handshake | Phase::Head => age >= self.head,
                Phase::Idle => age >= self.idle,
                Phase::Asking | Phase::Working | Phase::Ongoing => false,
            }
        };
        self.lock().entries.retain(|_, entry| !late(entry));
    }

    /// Closes those whose answer goes on.
    pub fn close_ongoing(&self) {
        self.close_all(Phase::Ongoing);
    }

    /// Closes those that have not asked for anything yet.
    pub fn close_handshakes(&self) {
        self.close_all(Phase::Handshake);
    }

    fn close_all(&self, at: Phase) {
        self.lock().entries.retain(|_, entry| entry.phase != at);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// From now on the connection is at `phase`.
    pub fn set(&self, phase: Phase) {
        if let Some(entry) = self.connections.lock().entries.get_mut(&self.number) {
            (entry.phase, entry.since) = (phase, Instant::now());
        }
    }

    /// TLS is agreed on; the time for the head of the first request goes on.
    pub fn greeted(&self) {
        let mut open = self.connections.lock();
        if let Some(entry) = open.entries.get_mut(&self.number) {
            entry.phase = Phase::Head;
        }
    }

    /// The head of the answer is there: where the rest is not said to go on, the connection waits for its next request.
    pub fn answered(&self) {
        let mut open = self.connections.lock();
        let entry = open.entries.get_mut(&self.number).filter(|entry| entry.phase != Phase::Ongoing);
        if let Some(entry) = entry {
            (entry.phase, entry.since) = (Phase::Idle, Instant::now());
        }
    }

    /// Bytes have come: where nothing was waited for, they begin the next request.
    pub fn heard(&self) {
        let mut open = self.connections.lock();
        let entry = open.entries.get_mut(&self.number).filter(|entry| entry.phase == Phase::Idle);
        if let Some(entry) = entry {
            (entry.phase, entry.since) = (Phase::Head, Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().entries.remove(&self.number);
    }
}

/// The one to close: of the client that has the most, the one that is longest at what it is at.
fn spared(entries: &HashMap<u64, Entry>) -> Option<u64> {
    let mut held: HashMap<IpAddr, usize> = HashMap::new();
    for entry in entries.values() {
        *held.entry(entry.client).or_default() += 1;
    }
    let free = entries.iter().filter(|(_, entry)| entry.phase != Phase::Working);
    let (number, _) = free.max_by_key(|(number, entry)| (held[&entry.client], Reverse((entry.since, **number))))?;
    Some(*number)
}

/// What counts as one client: an IPv4 address, or the network of 64 bits in which an IPv6 client chooses its address.
pub(super) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(30);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_closed(closing: &mut Closing) -> bool {
        closing.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    /// Enters connections from `clients`, of which the first are the oldest.
    fn enter(connections: &Arc<Connections>, clients: &[&str]) -> Vec<(Place, Closing)> {
        let enter = |client: &&str| connections.enter(ip(client)).map(|(place, closing, _)| (place, closing)).unwrap();
        clients.iter().map(enter).collect()
    }

    fn closed(open: &mut [(Place, Closing)]) -> Vec<usize> {
        (0..open.len()).filter(|&number| is_closed(&mut open[number].1)).collect()
    }

    #[test]
    fn the_client_with_the_most_connections_gives_up_its_oldest() {
        let connections = Connections::new(5, IDLE);
        let mut open = enter(&connections, &["10.0.0.1", "10.0.0.2", "10.0.0.2", "::ffff:10.0.0.2", "10.0.0.3"]);
        open.extend(enter(&connections, &["10.0.0.4"]));
        assert_eq!(closed(&mut open), [1]);
        open.extend(enter(&connections, &["10.0.0.5"]));
        assert_eq!(closed(&mut open), [1, 2]);
        open.extend(enter(&connections, &["10.0.0.6"]));
        assert_eq!(closed(&mut open), [0, 1, 2], "each has one now");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let connections = Connections::new(3, IDLE);
        let mut open = enter(&connections, &["2001:db8:0:2::5", "2001:db8:0:1::5", "2001:db8:0:1::6"]);
        open.extend(enter(&connections, &["::1"]));
        assert_eq!(closed(&mut open), [1]);
    }

    #[test]
    fn who_has_a_picture_in_memory_stays_and_where_all_have_nobody_enters() {
        let connections = Connections::new(2, IDLE);
        let mut open = enter(&connections, &["::1", "::1"]);
        open[0].0.set(Phase::Working);
        open.extend(enter(&connections, &["::1"]));
        assert_eq!(closed(&mut open), [1]);
        open[2].0.set(Phase::Working);
        assert!(connections.enter(ip("::1")).is_none());
        open[0].0.set(Phase::Idle);
        open.extend(enter(&connections, &["::1"]));
        assert_eq!(closed(&mut open), [0, 1]);
    }

    #[test]
    fn an_answer_that_goes_on_is_never_late_until_it_ends() {
        let connections = Connections::new(9, IDLE);
        let mut open = enter(&connections, &["::1"; 2]);
        open.iter().for_each(|(place, _)| place.set(Phase::Ongoing));
        open.iter().for_each(|(place, _)| place.answered());
        connections.close_late(Instant::now() + 100 * IDLE);
        assert!(closed(&mut open).is_empty());
        open[0].0.set(Phase::Idle);
        connections.close_late(Instant::now() + IDLE);
        assert_eq!(closed(&mut open), [0]);
        connections.close_ongoing();
        assert_eq!(closed(&mut open), [0, 1]);
    }

    #[test]
    fn a_handshake_and_the_head_behind_it_share_one_time_and_end_with_the_service() {
        let connections = Connections::new(9, IDLE);
        let mut open = enter(&connections, &["::1"; 3]);
        let start = Instant::now();
        open[0].0.set(Phase::Handshake);
        open[1].0.set(Phase::Handshake);
        std::thread::sleep(Duration::from_millis(20));
        open[1].0.greeted();
        connections.close_late(start + HEAD + Duration::from_millis(10));
        assert_eq!(closed(&mut open), [0, 1, 2]);
        let mut open = enter(&connections, &["::1"; 2]);
        open[0].0.set(Phase::Handshake);
        connections.close_handshakes();
        assert_eq!(closed(&mut open), [0]);
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let connections = Connections::new(2, IDLE);
        let mut open = enter(&connections, &["::1", "::1"]);
        open.remove(0);
        open.extend(enter(&connections, &["::1"]));
        assert!(closed(&mut open).is_empty());
    }

    #[test]
    fn heads_have_seconds_idle_connections_have_longer_and_requests_have_limits_of_their_own() {
        let connections = Connections::new(9, IDLE);
        let mut open = enter(&connections, &["::1"; 5]);
        for (number, phase) in [(1, Phase::Idle), (2, Phase::Asking), (3, Phase::Working), (4, Phase::Idle)] {
            open[number].0.set(phase);
        }
        open[4].0.heard();
        let start = Instant::now();
        connections.close_late(start + HEAD - Duration::from_secs(1));
        assert!(closed(&mut open).is_empty());
        connections.close_late(start + HEAD);
        assert_eq!(closed(&mut open), [0, 4]);
        connections.close_late(start + IDLE);
        assert_eq!(closed(&mut open), [0, 1, 4]);
    }
}
