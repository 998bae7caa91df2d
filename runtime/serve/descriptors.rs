//! How many connections the system lets this process hold.

/// Enough for a burst of clients; more only costs memory.
const MOST: usize = 512;
/// Descriptors that the rest of the program may need: heads, backbones, libraries, the log.
const OTHERS: usize = 64;
/// Where the limit cannot be read: the least that systems give.
const UNKNOWN: usize = 256;

/// How many connections may be open at once.
pub(super) fn most_connections() -> usize {
    let limits = crate::files::of_system("/proc/self/limits");
    connections(limits.as_deref().and_then(soft_limit).unwrap_or(UNKNOWN))
}

fn connections(descriptors: usize) -> usize {
    descriptors.saturating_sub(OTHERS).max(descriptors / 2).min(MOST)
}

/// The limit in force, from the text of Linux' `/proc/self/limits`.
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_over() {
        for (descriptors, expected) in [(usize::MAX, MOST), (1024, MOST), (256, 192), (64, 32), (20, 10)] {
            assert_eq!(connections(descriptors), expected);
        }
    }

    #[test]
    fn the_limit_in_force_is_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             7                    8                    processes \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(text), Some(1024));
        assert_eq!(soft_limit(&text.replace("1024  ", "unlimited")), Some(usize::MAX));
        assert_eq!(soft_limit("nothing"), None);
        if cfg!(target_os = "linux") {
            assert!(soft_limit(&std::fs::read_to_string("/proc/self/limits").unwrap()).is_some());
        }
    }
}
