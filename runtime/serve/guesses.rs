//! Wrong codes, counted for each client: a code has 60 bits, and nobody is let try many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connections::network;

/// So many wrong codes from one address are looked at in `WITHIN`.
const MOST: usize = 10;
/// So many of one network of IPv6, in which a machine has as many addresses as it likes, and others live beside it.
const MOST_OF_NETWORK: usize = 1000;
const WITHIN: Duration = Duration::from_secs(600);
/// So many addresses, and so many networks, are remembered; the one that was silent for longest goes.
const MOST_CLIENTS: usize = 1024;

#[derive(Default)]
pub(super) struct Guesses {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    addresses: HashMap<IpAddr, Wrong>,
    networks: HashMap<IpAddr, Wrong>,
}

struct Wrong {
    count: usize,
    first: Instant,
    last: Instant,
}

impl Guesses {
    /// Counts a code of `client` as a wrong one, before anybody looks at it, so that many at once are counted too.
    ///
    /// # Errors
    /// How long `client` must wait, where it brought too many; then nobody looks at this one.
    pub fn count(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let (client, network, mut counts) = (client.to_canonical(), network(client), self.counts());
        let waits = [(&counts.addresses, client, MOST), (&counts.networks, network, MOST_OF_NETWORK)];
        if let Some(wait) = waits.into_iter().filter_map(|(among, key, most)| wait(among.get(&key)?, most, now)).max() {
            return Err(wait);
        }
        enter(&mut counts.addresses, client, now);
        if client.is_ipv6() {
            enter(&mut counts.networks, network, now);
        }
        Ok(())
    }

    /// `client` brought a right one, so that what it typed wrongly before is forgiven.
    pub fn right(&self, client: IpAddr) {
        let mut counts = self.counts();
        let count = counts.addresses.remove(&client.to_canonical()).map_or(0, |wrong| wrong.count);
        take(&mut counts.networks, network(client), count);
    }

    /// Of the code that `client` brought last nobody knows whether it was wrong.
    pub fn forgive(&self, client: IpAddr) {
        let mut counts = self.counts();
        take(&mut counts.addresses, client.to_canonical(), 1);
        take(&mut counts.networks, network(client), 1);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait(wrong: &Wrong, most: usize, now: Instant) -> Option<Duration> {
    let over = now.saturating_duration_since(wrong.first);
    WITHIN.checked_sub(over).filter(|wait| wrong.count >= most && !wait.is_zero())
}

fn enter(among: &mut HashMap<IpAddr, Wrong>, key: IpAddr, now: Instant) {
    among.retain(|_, wrong| now.saturating_duration_since(wrong.first) < WITHIN);
    if among.len() >= MOST_CLIENTS && !among.contains_key(&key) {
        let silent = among.iter().min_by_key(|(_, wrong)| wrong.last).map(|(key, _)| *key);
        silent.and_then(|key| among.remove(&key));
    }
    let wrong = among.entry(key).or_insert(Wrong { count: 0, first: now, last: now });
    (wrong.count, wrong.last) = (wrong.count + 1, now);
}

fn take(among: &mut HashMap<IpAddr, Wrong>, key: IpAddr, count: usize) {
    if let Some(wrong) = among.get_mut(&key) {
        wrong.count = wrong.count.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn after_ten_wrong_codes_a_client_waits_and_others_do_not() {
        for (client, others) in [("10.0.0.7", ["10.0.0.8", "::1"]), ("2001:db8::1", ["2001:db8::2", "10.0.0.7"])] {
            let (guesses, start, client) = (Guesses::default(), Instant::now(), ip(client));
            (0..MOST).for_each(|_| guesses.count(client, start).unwrap());
            let later = start + Duration::from_secs(60);
            assert_eq!(guesses.count(client, later), Err(Duration::from_secs(540)));
            others.iter().for_each(|other| guesses.count(ip(other), later).unwrap());
            (0..MOST).for_each(|_| guesses.count(client, start + WITHIN).unwrap());
            assert!(guesses.count(client, start + WITHIN).is_err(), "counted anew");
            guesses.right(client);
            guesses.count(client, start + WITHIN).unwrap();
        }
    }

    #[test]
    fn a_machine_that_changes_its_address_within_its_network_waits_at_last() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        let address = |number: usize| IpAddr::V6((0x2001_0db8_u128 << 96 | number as u128).into());
        for number in 0..MOST_OF_NETWORK {
            guesses.count(address(number), now).unwrap();
        }
        guesses.count(address(MOST_OF_NETWORK), now).unwrap_err();
        guesses.count(ip("2001:db8:0:1::1"), now).unwrap();
        guesses.right(address(0));
        guesses.count(address(MOST_OF_NETWORK), now).unwrap();
        guesses.count(address(MOST_OF_NETWORK), now).unwrap_err();
    }

    #[test]
    fn what_nobody_could_look_at_is_not_counted() {
        for client in ["10.0.0.7", "2001:db8::1", "::ffff:10.0.0.7"].map(ip) {
            let (guesses, now) = (Guesses::default(), Instant::now());
            for _ in 0..3 * MOST {
                guesses.count(client, now).unwrap();
                guesses.forgive(client);
            }
        }
    }

    #[test]
    fn only_so_many_clients_are_remembered() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        for number in 0..2 * MOST_CLIENTS as u32 {
            guesses.count(IpAddr::V4(number.into()), start + Duration::from_millis(number.into())).unwrap();
        }
        assert_eq!(guesses.counts().addresses.len(), MOST_CLIENTS);
    }
}
