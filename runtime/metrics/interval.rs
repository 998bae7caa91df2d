//! How sure a counted share is.

/// The half-width of an interval that holds 19 of 20, in standard deviations.
const Z: f64 = 1.959_963_984_540_054;

/// The interval of 95 % around `count` of `of`, within 0 to 1; all of it where nothing was counted.
///
/// Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
pub fn wilson_interval(count: usize, of: usize) -> (f64, f64) {
    wilson_interval_of_share(count as f64 / of as f64, of)
}

/// The same around a mean of `of` shares, each of 0 to 1: they lie no wider apart than as many that are 0 or 1.
pub fn wilson_interval_of_share(share: f64, of: usize) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let n = of as f64;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: scipy 1.17, `binomtest(count, of).proportion_ci(method="wilson")`.
    #[test]
    fn intervals_are_those_of_scipy() {
        for (count, of, low, high) in [
            (0, 10, 0.0, 0.277_532_799_862_889),
            (5, 10, 0.236_593_090_512_564, 0.763_406_909_487_436),
            (12, 12, 0.757_505_993_344_759, 1.0),
            (153, 160, 0.912_456_958_457_536, 0.978_648_388_448_465),
        ] {
            let (got_low, got_high) = wilson_interval(count, of);
            assert!(
                (got_low - low).abs() < 1e-12 && (got_high - high).abs() < 1e-12,
                "{count} of {of}: {got_low} {got_high}"
            );
        }
        assert_eq!(wilson_interval(0, 0), (0.0, 1.0));
    }
}
