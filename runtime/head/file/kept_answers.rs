//! What a head's file keeps of the answers that were held out.

use ndarray::{Array2, ArrayView2, Axis};

use super::writer::Tensor;
use crate::dataset::numbered;
use crate::labels::ClassIndex;

/// So many probabilities are kept at most: 4 MB.
const MOST: usize = 1 << 20;

/// Out-of-fold answers, one row a picture, in ascending order of the pictures' marks. Pictures are told by their content, which stays
/// the same wherever they are stored.
#[derive(Clone, PartialEq, Debug)]
pub struct KeptAnswers {
    pictures: Vec<i64>,
    truth: Vec<ClassIndex>,
    /// Numbers from 0, the same where pictures are of one group; `None` in older files.
    groups: Option<Vec<u32>>,
    /// `[M,K]`, calibrated.
    probabilities: Array2<f32>,
}

impl KeptAnswers {
    /// `groups` are the same number where pictures are of one. `None` where there are none, or more than a file should carry.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn new(pictures: &[i64], truth: &[ClassIndex], groups: &[u32], probabilities: ArrayView2<f32>) -> Option<Self> {
        let lengths = [truth.len(), groups.len(), probabilities.nrows()];
        assert!(lengths.iter().all(|length| *length == pictures.len()), "one answer a picture");
        if pictures.is_empty() || Self::is_too_much(pictures.len(), probabilities.ncols()) {
            return None;
        }
        let mut order: Vec<usize> = (0..pictures.len()).collect();
        order.sort_by_key(|&row| pictures[row]);
        Some(Self {
            pictures: order.iter().map(|&row| pictures[row]).collect(),
            truth: order.iter().map(|&row| truth[row]).collect(),
            groups: Some(numbered(order.iter().map(|&row| groups[row]))),
            probabilities: probabilities.select(Axis(0), &order),
        })
    }

    /// Whether answers to so many pictures of so many classes are not kept.
    pub fn is_too_much(pictures: usize, classes: usize) -> bool {
        pictures.saturating_mul(classes) > MOST
    }

    pub(super) fn of_file(
        pictures: Vec<i64>,
        truth: Vec<ClassIndex>,
        groups: Option<Vec<u32>>,
        probabilities: Array2<f32>,
    ) -> Self {
        Self { pictures, truth, groups, probabilities }
    }

    /// Whether there is one answer a picture, among so many classes.
    pub(super) fn fits(&self, classes: usize) -> bool {
        let rows = self.pictures.len();
        (rows, rows, classes) == (self.truth.len(), self.probabilities.nrows(), self.probabilities.ncols())
            && self.truth.iter().all(|truth| truth.0 < classes)
            && self
                .groups
                .iter()
                .all(|groups| groups.len() == rows && groups.iter().all(|group| (*group as usize) < rows))
    }

    pub(super) fn tensors(&self) -> Vec<Tensor> {
        let truth: Vec<i32> = self.truth.iter().map(|class| class.0 as i32).collect();
        let groups = self.groups.iter().map(|groups| {
            let groups: Vec<i32> = groups.iter().map(|group| *group as i32).collect();
            Tensor::i32("answers.groups", &[groups.len()], &groups)
        });
        let mut tensors = vec![
            Tensor::i64("answers.pictures", &[self.pictures.len()], &self.pictures),
            Tensor::i32("answers.truth", &[truth.len()], &truth),
            Tensor::f32("answers.probabilities", self.probabilities.shape(), &self.probabilities),
        ];
        tensors.extend(groups);
        tensors
    }

    pub fn pictures(&self) -> &[i64] {
        &self.pictures
    }

    /// What each picture was said to be when the head was fitted.
    pub fn truth(&self) -> &[ClassIndex] {
        &self.truth
    }

    /// Numbers from 0, the same where pictures are of one group; `None` where an older program did not keep that.
    pub fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &f32> {
        self.probabilities.iter()
    }

    /// `[M,K]`, calibrated.
    pub fn probabilities(&self) -> ArrayView2<'_, f32> {
        self.probabilities.view()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn answers_lie_in_the_order_of_their_pictures_and_too_many_are_not_kept() {
        let classes = [ClassIndex(1), ClassIndex(0)];
        let kept = KeptAnswers::new(&[9, -4], &classes, &[7, 3], array![[0.2, 0.8], [0.7, 0.3]].view()).unwrap();
        assert_eq!((kept.pictures(), kept.truth()), (&[-4, 9][..], &[ClassIndex(0), ClassIndex(1)][..]));
        assert_eq!(kept.probabilities(), array![[0.7, 0.3], [0.2, 0.8]]);
        assert_eq!(kept.groups(), Some(&[0, 1][..]));
        assert!(kept.fits(2) && !kept.fits(3));
        assert!(KeptAnswers { groups: None, ..kept.clone() }.fits(2));
        assert!(!KeptAnswers { groups: Some(vec![0, 2]), ..kept.clone() }.fits(2));
        assert!(!KeptAnswers { groups: Some(vec![0]), ..kept }.fits(2));
        assert_eq!(KeptAnswers::new(&[], &[], &[], Array2::zeros((0, 2)).view()), None);
        let many = Array2::zeros((1025, 1024));
        assert_eq!(KeptAnswers::new(&[0; 1025], &[ClassIndex(0); 1025], &[0; 1025], many.view()), None);
    }
}
