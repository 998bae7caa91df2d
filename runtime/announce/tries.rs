//! How often a notice was tried that may never be taken.

use super::Notice;

/// Of the notice in hand: another one may come in its place, where too many wait.
#[derive(Default)]
pub(super) struct Tries {
    id: String,
    count: usize,
}

impl Tries {
    /// Counts another try, and gives which one it is.
    pub fn count(&mut self, notice: &Notice) -> usize {
        if self.id != notice.id {
            *self = Self { id: notice.id.clone(), count: 0 };
        }
        self.count += 1;
        self.count
    }
}
