//! How far one picture lies from those that are known, a picture at a time.

use ndarray::{ArrayView1, ArrayView2, Axis};

use super::near::{CLOSE, FAR, Rows};
use crate::dataset::Dataset;

/// Where nothing tells what is usual, as of the first pictures of a state: the usual squared distance between directions of pictures
/// of one class, with the networks of `docs/heads.md`.
const USUAL: f64 = 0.5;
/// How many known pictures tell how far a known one lies from the nearest other.
const ASKED: usize = 200;
/// Only so many of them lie farther than what counts as far.
const KNOWN_FAR: f64 = 0.02;
/// Fewer pictures tell nothing of what is far.
const ENOUGH: usize = 10;

/// Directions of known pictures, on the last map.
#[derive(Clone, Debug)]
pub struct Neighbourhood {
    /// `[N,C]`, row by row.
    directions: Vec<f32>,
    channels: usize,
    /// Of squared distances between directions: the usual one within a class.
    usual: f64,
    /// Beyond it hardly a known picture lies from the nearest other; `None` where too few tell.
    far: Option<f64>,
}

impl Neighbourhood {
    /// Of the samples of `dataset`, which tell what is near and what is far.
    pub fn of(dataset: &Dataset) -> Self {
        let groups = super::numbered(dataset);
        let rows = Rows::new(dataset.last_map(), &groups);
        let mut classes = vec![Vec::new(); dataset.labels().len()];
        dataset.targets().iter().enumerate().for_each(|(row, class)| classes[class.0].push(row));
        let usual = rows.limit(&classes).map_or(USUAL, |limit| limit / FAR);
        let mut known = Self { directions: Vec::new(), channels: dataset.last_dim(), usual, far: None };
        (0..dataset.len()).for_each(|row| known.directions.extend(rows.direction(row)));
        known.far = known.far_of(&groups);
        known
    }

    /// Of the last map.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Without a picture, for features whose last map has so many channels.
    pub fn empty(channels: usize) -> Self {
        Self { directions: Vec::new(), channels, usual: USUAL, far: None }
    }

    pub fn len(&self) -> usize {
        self.directions.len().checked_div(self.channels).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.directions.is_empty()
    }

    /// Lets go of all that were added behind the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.directions.truncate(count * self.channels);
    }

    /// Adds a picture by its feature, `[W]`, of which the first channels are those of the last map.
    ///
    /// # Panics
    /// When it has fewer.
    pub fn add(&mut self, feature: &[f32]) {
        let direction = direction(&feature[..self.channels]);
        self.directions.extend(direction);
    }

    /// The squared distance of a picture to the nearest known one, between their directions, from 0 to 4; 4 where none is known.
    ///
    /// # Panics
    /// When `feature` has fewer channels than the last map.
    pub fn distance(&self, feature: &[f32]) -> f64 {
        let direction = direction(&feature[..self.channels]);
        self.nearest(ArrayView1::from(&direction), |_| true)
    }

    /// Whether a picture at this distance is one of the known ones again, as from one burst.
    pub fn is_twin(&self, distance: f64) -> bool {
        distance <= FAR * self.usual
    }

    /// Whether a picture at this distance shows hardly anything that a known one does not, not even where it is of one burst with it.
    pub fn is_copy(&self, distance: f64) -> bool {
        distance <= CLOSE * self.usual
    }

    /// Whether a picture at this distance is unlike all known ones.
    pub fn is_far(&self, distance: f64) -> bool {
        self.far.is_some_and(|far| distance > far)
    }

    /// How new a picture at this distance is: 0 for a known one, 1 for one that is as far as hardly a known one from the others.
    pub fn novelty(&self, distance: f64) -> f64 {
        (distance / self.far.unwrap_or(self.usual).max(f64::MIN_POSITIVE)).min(1.0)
    }

    fn far_of(&self, groups: &[usize]) -> Option<f64> {
        if self.len() < ENOUGH {
            return None;
        }
        let rows: Vec<usize> = (0..self.len()).step_by(self.len().div_ceil(ASKED)).collect();
        let all = self.rows();
        let other = |row: usize| self.nearest(all.row(row), |place| groups[place] != groups[row]);
        let mut distances: Vec<f64> = rows.into_iter().map(other).filter(|distance| *distance < NONE).collect();
        distances.sort_by(f64::total_cmp);
        let place = (distances.len() as f64 * (1.0 - KNOWN_FAR)) as usize;
        distances.get(place.min(distances.len().checked_sub(1)?)).copied()
    }

    fn nearest(&self, direction: ArrayView1<f32>, counts: impl Fn(usize) -> bool) -> f64 {
        let products = self.rows().dot(&direction);
        let near = products.iter().enumerate().filter(|(place, _)| counts(*place)).map(|(_, product)| *product);
        let most = near.fold(f32::NEG_INFINITY, f32::max);
        // Between unit vectors; rounding may lead below zero.
        if most == f32::NEG_INFINITY { NONE } else { (2.0 - 2.0 * f64::from(most)).max(0.0) }
    }

    fn rows(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.len(), self.channels), &self.directions).expect("whole rows")
    }
}

/// The farthest there is.
const NONE: f64 = 4.0;

fn direction(feature: &[f32]) -> Vec<f32> {
    let row = ArrayView1::from(feature);
    Rows::new(row.insert_axis(Axis(0)), &[0]).direction(0).to_vec()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::dataset::{DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::labels::{ClassIndex, Label, Labels};

    const CHANNELS: usize = 40;

    /// Two classes of so many pictures each, around two directions.
    fn dataset(of_each: usize, spread: f32) -> Dataset {
        let mut random = Pcg64::seed_from_u64(1);
        let features = Array2::from_shape_fn((2 * of_each, CHANNELS), |(row, channel)| {
            f32::from(u8::from(row % 2 == channel % 2)) + spread * (random.random::<f32>() - 0.5)
        });
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"b")),
            features,
            targets: (0..2 * of_each).map(|row| ClassIndex(row % 2)).collect(),
            groups: (0..2 * of_each as i64).map(GroupId).collect(),
            ids: (0..2 * of_each as i64).map(SampleId).collect(),
            labels: Labels::new(vec![Label::new("a").unwrap(), Label::new("b").unwrap()]).unwrap(),
        })
        .unwrap()
    }

    fn moved(feature: &[f32], by: f32) -> Vec<f32> {
        feature.iter().enumerate().map(|(channel, value)| value + if channel % 3 == 0 { by } else { -by }).collect()
    }

    #[test]
    fn a_copy_a_twin_a_picture_of_its_kind_and_a_strange_one_are_told_apart() {
        let dataset = dataset(20, 1.0);
        let known = Neighbourhood::of(&dataset);
        let own = dataset.feature(4).to_vec();
        let of = |feature: &[f32]| {
            let distance = known.distance(feature);
            (known.is_copy(distance), known.is_twin(distance), known.is_far(distance))
        };
        assert_eq!(of(&own), (true, true, false));
        assert_eq!(of(&moved(&own, 0.01)), (true, true, false));
        assert_eq!(of(&moved(&own, 0.12)), (false, true, false));
        let mut random = Pcg64::seed_from_u64(9);
        let alike: Vec<f32> =
            (0..CHANNELS).map(|channel| f32::from(u8::from(channel % 2 == 0)) + random.random::<f32>() - 0.5).collect();
        assert_eq!(of(&alike), (false, false, false));
        let strange: Vec<f32> = (0..CHANNELS).map(|channel| if channel < 4 { 1.0 } else { 0.0 }).collect();
        assert_eq!(of(&strange), (false, false, true));
    }

    #[test]
    fn pictures_can_be_added_and_let_go_of_and_channels_of_earlier_maps_do_not_count() {
        let dataset = dataset(10, 1.0).with_last_map(CHANNELS - 6).unwrap();
        let mut known = Neighbourhood::of(&dataset);
        let strange: Vec<f32> = (0..CHANNELS).map(|channel| if channel < 4 { 1.0 } else { 0.0 }).collect();
        let before = known.distance(&strange);
        let mut elsewhere = strange.clone();
        elsewhere[CHANNELS - 1] = 9.0;
        known.add(&elsewhere);
        assert!(known.distance(&strange) < 1e-6 && known.len() == 21);
        known.truncate(20);
        assert_eq!(known.distance(&strange), before);
    }

    #[test]
    fn where_nothing_is_known_everything_is_new_and_nothing_is_far() {
        let mut known = Neighbourhood::empty(3);
        assert_eq!((known.distance(&[1.0, 0.0, 0.0]), known.is_empty()), (NONE, true));
        assert!(!known.is_twin(NONE) && !known.is_far(NONE) && known.novelty(NONE) == 1.0);
        known.add(&[1.0, 0.0, 0.0]);
        known.add(&[0.0; 3]);
        assert!(known.is_copy(known.distance(&[2.0, 0.0, 0.0])));
        assert!(!known.is_twin(known.distance(&[0.0, 1.0, 0.0])));
        assert!(!Neighbourhood::of(&dataset(2, 1.0)).is_far(NONE), "so few pictures do not tell what is far");
    }

    proptest! {
        #[test]
        fn what_is_nearer_is_never_newer_and_a_copy_is_a_twin(one in 0.0..4.0_f64, other in 0.0..4.0_f64) {
            let known = Neighbourhood::of(&dataset(10, 1.0));
            let (near, far) = (one.min(other), one.max(other));
            prop_assert!(known.novelty(near) <= known.novelty(far));
            prop_assert!(!known.is_copy(near) || known.is_twin(near));
            prop_assert!(!known.is_twin(far) || known.is_twin(near));
        }
    }
}
