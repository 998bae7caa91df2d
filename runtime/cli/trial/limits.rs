//! What a network's first run may take: a little, and more for a file that is itself large.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::backbone::graph::{MAX_BYTES, Network, stored_length};

const MB: u64 = 1_000_000;

/// Memory that holds activations; of the networks of `tools/zoo` at their own input sizes none needs a third of it.
const MEMORY: u64 = 1000 * MB;
/// Copies of the weights: as read, widened to float32, cut, encoded again, in the engine, packed for its kernels.
const MEMORY_A_BYTE: u64 = 8;
/// Seconds of the processor for optimising a network and a few pictures.
const SECONDS: u64 = 6;
/// A megabyte of weights is a quarter of a million multiplications a pixel of the last map.
const SECONDS_A_MB: u64 = 1;
/// Waiting for the disk or for other processes takes no processor.
const PATIENCE: u64 = 12;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Limits {
    /// Bytes of the file and of what lies beside it.
    stored: u64,
    memory: u64,
    seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(0)
    }
}

impl Limits {
    fn of(stored: u64) -> Self {
        let (memory, seconds) = (MEMORY + MEMORY_A_BYTE * stored, SECONDS + SECONDS_A_MB * stored / MB);
        Self { stored, memory, seconds }
    }

    /// Limits this process to what the network at `path` may take. Reading it to find out is limited too.
    pub fn apply(path: &Path) -> Self {
        let seen = bytes_seen(path);
        Self::of(seen).hold();
        let limits = Self::of(if path.is_file() { Network::stored_bytes(path).unwrap_or(seen) } else { seen });
        limits.hold();
        limits
    }

    /// Until this much time has gone by, nobody looks whether the process still computes.
    pub fn patience(&self) -> std::time::Duration {
        std::time::Duration::from_secs(PATIENCE * self.seconds)
    }

    pub fn memory(&self) -> String {
        format!("{} MB of memory, all that a file of {} gets", self.memory / MB, size(self.stored))
    }

    pub fn time(&self) -> String {
        format!("{} s, all that a file of {} gets", self.seconds, size(self.stored))
    }

    #[cfg(unix)]
    fn hold(&self) {
        limit(libc::RLIMIT_DATA, self.memory);
        limit(libc::RLIMIT_CPU, self.seconds);
        // Gigabytes of a process that was meant to be cut off are nothing to keep.
        limit(libc::RLIMIT_CORE, 0);
    }

    #[cfg(not(unix))]
    fn hold(&self) {}
}

/// The bytes on the disk of a file, or of all files of a folder, at most as many as a network may have.
fn bytes_seen(path: &Path) -> u64 {
    let length =
        |path: &Path| path.metadata().ok().filter(|metadata| metadata.is_file()).map(|file| stored_length(&file));
    let bytes = match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().filter_map(|entry| length(&entry.path())).fold(0, u64::saturating_add),
        Err(_) => length(path).unwrap_or(0),
    };
    bytes.min(MAX_BYTES)
}

fn size(bytes: u64) -> String {
    if bytes < MB { format!("{} kB", bytes.div_ceil(1000)) } else { format!("{} MB", bytes / MB) }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(all(unix, not(all(target_os = "linux", target_env = "gnu"))))]
type Resource = libc::c_int;

/// Lowers a limit of this process, or raises it again as far as whoever started it allows.
#[cfg(unix)]
fn limit(resource: Resource, value: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only read or write the struct that they are given.
    unsafe {
        if libc::getrlimit(resource, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max.min(value.min(usize::MAX as u64) as libc::rlim_t);
            libc::setrlimit(resource, &raw const limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_gets_more_than_a_small_one() {
        let (small, large) = (Limits::of(22_000), Limits::of(528 * MB));
        assert_eq!((small.seconds, small.memory / MB), (6, 1000));
        assert_eq!((large.seconds, large.memory / MB), (534, 5224));
        assert_eq!(small.time(), "6 s, all that a file of 22 kB gets");
        assert_eq!(large.memory(), "5224 MB of memory, all that a file of 528 MB gets");
    }
}
