//! Seconds since 1970-01-01 UTC: now, and as a date and time.

use std::time::{Duration, SystemTime};

/// 9999-12-31, the last day that can be written.
const LAST: i64 = 253_402_300_799;

/// 0 where the clock is before 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// As RFC 3339 has it; the nearest that it can write.
pub fn date(seconds: i64) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.clamp(0, LAST).unsigned_abs());
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_date() {
        assert_eq!(date(1_795_700_202), "2026-11-26T13:36:42Z");
        assert_eq!([i64::MIN, i64::MAX].map(date), ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]);
        assert!(now() > 1_700_000_000);
    }
}
