//! How much memory this process may use.

use std::path::Path;

use crate::files;

/// In bytes: the least of the machine's memory, the limits of the process's control groups and its own. `None` where the
/// system tells nothing.
pub fn usable() -> Option<u64> {
    let machine = files::of_system("/proc/meminfo").and_then(|text| total(&text));
    let groups = files::of_system("/proc/self/cgroup").unwrap_or_default();
    let groups = limits_of_groups(&groups, Path::new("/sys/fs/cgroup"));
    machine.into_iter().chain(groups).chain(own_limit()).min()
}

/// `bytes` for people: `1.5 GB`.
pub fn shown(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// The bytes of a size as `800M`, `1.5G` or `2GB`; `None` where it is none.
#[cfg(any(feature = "cli", test))]
pub fn bytes(text: &str) -> Option<u64> {
    let bare = text.trim().trim_end_matches(['b', 'B']);
    let units = [(['k', 'K'], 1e3), (['m', 'M'], 1e6), (['g', 'G'], 1e9)];
    let split = units.iter().find_map(|(unit, factor)| Some((bare.strip_suffix(*unit)?, *factor)));
    let (number, factor) = split.unwrap_or((bare, 1.0));
    let number = number.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0)?;
    Some((number * factor) as u64)
}

/// Of `/proc/meminfo`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The limits of the control groups that `/proc/self/cgroup` names, and of those around them. A container may see its own group
/// as the root.
fn limits_of_groups(text: &str, root: &Path) -> Vec<u64> {
    let mut limits = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (root, files): (_, &[&str]) = match controllers {
            "" => (root.to_owned(), &["memory.max", "memory.high"]),
            list if list.split(',').any(|name| name == "memory") => (root.join("memory"), &["memory.limit_in_bytes"]),
            _ => continue,
        };
        for group in Path::new(group.trim_start_matches('/')).ancestors() {
            let read = |file: &&str| files::of_system(root.join(group).join(file));
            // `max` is no number, and no limit.
            limits.extend(files.iter().filter_map(read).filter_map(|text| text.trim().parse::<u64>().ok()));
        }
    }
    limits
}

#[cfg(unix)]
fn own_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(unix))]
fn own_limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read_in_bytes() {
        assert_eq!(total("MemTotal:       24551932 kB\nMemFree: 1 kB\n"), Some(24_551_932 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn a_group_is_bound_by_the_groups_around_it_in_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("system.slice/memory.max", "500\n");
        write("system.slice/edgetl.service/memory.max", "max\n");
        write("system.slice/edgetl.service/memory.high", "700\n");
        write("memory/old/memory.limit_in_bytes", "900\n");
        let mut limits = limits_of_groups("0::/system.slice/edgetl.service\n", root.path());
        limits.sort_unstable();
        assert_eq!(limits, [500, 700]);
        assert_eq!(limits_of_groups("5:cpu,memory:/old\n4:pids:/old\n", root.path()), [900]);
        assert!(limits_of_groups("nonsense", root.path()).is_empty());
    }

    #[test]
    fn a_size_is_a_number_with_or_without_a_unit() {
        assert_eq!(
            ["1.5G", "800M", "2 GB", "64k", "4096"].map(bytes),
            [1_500_000_000, 800_000_000, 2_000_000_000, 64_000, 4096].map(Some)
        );
        assert_eq!(["", "G", "-1G", "much", "inf"].map(bytes), [None; 5]);
    }

    #[test]
    fn amounts_are_shown_in_the_unit_that_fits() {
        let shown = [200_000, 350_400_000, 2_070_000_000].map(shown);
        assert_eq!(shown, ["200 kB", "350 MB", "2.1 GB"]);
    }
}
