//! Puts results that finish in any order back into the order asked for.

use std::collections::BTreeMap;

/// Holds what came early until everything before it has come.
#[derive(Debug)]
pub struct InOrder<T> {
    next: usize,
    early: BTreeMap<usize, T>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self { next: 0, early: BTreeMap::new() }
    }
}

impl<T> InOrder<T> {
    /// Takes the result of place `index`; gives all that can go on now, in order.
    pub fn push(&mut self, index: usize, value: T) -> Vec<T> {
        self.early.insert(index, value);
        let mut ready = Vec::new();
        while let Some(value) = self.early.remove(&self.next) {
            ready.push(value);
            self.next += 1;
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overtakes() {
        let mut order = InOrder::default();
        assert_eq!(order.push(2, 'c'), []);
        assert_eq!(order.push(0, 'a'), ['a']);
        assert_eq!(order.push(1, 'b'), ['b', 'c']);
    }
}
