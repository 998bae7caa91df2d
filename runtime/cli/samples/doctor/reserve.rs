//! How many samples a class can lose: a finding may be wrong, and a class that is gone cannot be learned.

use std::collections::HashMap;

use crate::dataset::SampleId;
use crate::labels::Label;
use crate::store::{SampleRow, Split};

/// What each class can still lose of its samples of one split.
pub struct Reserve<'a> {
    left: HashMap<(&'a Label, Split), usize>,
    decided: HashMap<SampleId, bool>,
}

impl<'a> Reserve<'a> {
    pub fn new(rows: &'a [SampleRow]) -> Self {
        let mut left = HashMap::<_, usize>::new();
        for row in rows {
            if let Some(label) = &row.label {
                *left.entry((label, row.split)).or_default() += 1;
            }
        }
        left.values_mut().for_each(|count| *count -= kept(*count));
        Self { left, decided: HashMap::new() }
    }

    /// Takes `row` out of its class, where that can bear it; asked again, the answer is the same.
    pub fn take(&mut self, row: &'a SampleRow) -> bool {
        let Some(label) = &row.label else { return true };
        *self.decided.entry(row.id).or_insert_with(|| {
            let left = self.left.entry((label, row.split)).or_default();
            let borne = *left > 0;
            *left = left.saturating_sub(1);
            borne
        })
    }
}

/// A small class keeps more than half of its samples, a large one at least five.
fn kept(count: usize) -> usize {
    (count / 2 + 1).min(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_is_emptied_and_none_below_ten_is_halved() {
        for count in 1..10 {
            assert!(2 * kept(count) > count && kept(count) <= count, "{count}");
        }
        assert_eq!([10, 500].map(kept), [5, 5]);
    }
}
