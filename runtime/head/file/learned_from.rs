//! Which pictures a head learned from, and as what.

/// The pictures that a head was fitted on, each with a mark of the label that it had, in ascending order. Pictures are told by their
/// content, which stays the same wherever they are stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LearnedFrom(Vec<(i64, i32)>);

impl LearnedFrom {
    /// `pictures` are marks of a picture's content and of its label.
    pub fn new(pictures: impl IntoIterator<Item = (i64, i32)>) -> Self {
        let mut pictures: Vec<(i64, i32)> = pictures.into_iter().collect();
        pictures.sort_unstable();
        pictures.dedup_by_key(|(picture, _)| *picture);
        Self(pictures)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mark of the label that `picture` had; `None` for one that was not learned from.
    pub fn label_of(&self, picture: i64) -> Option<i32> {
        self.0.binary_search_by_key(&picture, |(known, _)| *known).ok().map(|place| self.0[place].1)
    }

    pub(super) fn pictures(&self) -> impl Iterator<Item = &i64> {
        self.0.iter().map(|(picture, _)| picture)
    }

    /// Of all of them, a mark of each and one of its label.
    pub fn marks(&self) -> impl Iterator<Item = (i64, i32)> {
        self.0.iter().copied()
    }

    /// Of all of them, marks as well.
    pub fn labels(&self) -> impl Iterator<Item = &i32> {
        self.0.iter().map(|(_, label)| label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_content_and_gives_the_label_it_had() {
        let learned = LearnedFrom::new([(7, 1), (-3, 2), (7, 1)]);
        assert_eq!((learned.len(), learned.label_of(-3), learned.label_of(7)), (2, Some(2), Some(1)));
        assert_eq!(learned.label_of(0), None);
    }
}
