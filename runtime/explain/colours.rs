//! Colours for numbers from 0 to 1, evenly spaced to the eye and told apart by the colour-blind.

/// Red, green and blue of viridis at 17 even steps.
///
/// Source: matplotlib, `_cm_listed.py`, by van der Walt and Smith (CC0).
const VIRIDIS: [[u8; 3]; 17] = [
    [68, 1, 84],
    [72, 21, 104],
    [71, 39, 119],
    [66, 58, 131],
    [59, 76, 138],
    [50, 92, 140],
    [43, 108, 142],
    [37, 123, 142],
    [33, 145, 140],
    [30, 153, 138],
    [40, 169, 131],
    [63, 184, 119],
    [94, 201, 98],
    [132, 211, 74],
    [173, 220, 48],
    [214, 226, 26],
    [253, 231, 37],
];

/// The colour of `share`, which is taken to lie between 0 and 1.
pub fn colour(share: f32) -> [u8; 3] {
    let at = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f32;
    let (from, part) = (at as usize, at.fract());
    let (low, high) = (VIRIDIS[from], VIRIDIS[(from + 1).min(VIRIDIS.len() - 1)]);
    std::array::from_fn(|c| (f32::from(low[c]) + (f32::from(high[c]) - f32::from(low[c])) * part).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_grow_lighter_from_end_to_end_so_that_no_hue_is_needed_to_read_them() {
        let light = |[r, g, b]: [u8; 3]| 0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b);
        let steps: Vec<f32> = (0..=64).map(|step| light(colour(step as f32 / 64.0))).collect();
        assert!(steps.is_sorted(), "{steps:?}");
        assert_eq!((colour(-1.0), colour(2.0)), (VIRIDIS[0], VIRIDIS[16]));
    }
}
