//! Which pictures excite each channel of a layer most, of pictures that come one after another.

use ndarray::{Array2, ArrayView2};

/// A picture that excites a channel.
#[derive(Clone, PartialEq, Debug)]
pub struct Peak {
    /// The number that it came with.
    pub picture: usize,
    /// The largest value of the channel.
    pub score: f32,
    /// Over all places: of values that a network cuts off, many are the largest.
    pub mean: f32,
    /// Where that is, row by row.
    pub place: usize,
    /// The whole channel `[1, places]`, where that was to be kept.
    pub plane: Option<Array2<f32>>,
}

/// The strongest pictures of every channel; of the others only what their mean and deviation need.
pub struct Strongest {
    most: usize,
    with_planes: bool,
    pictures: usize,
    channels: Vec<Channel>,
}

#[derive(Clone, Default)]
struct Channel {
    /// The strongest first.
    peaks: Vec<Peak>,
    mean: f64,
    squares: f64,
}

impl Strongest {
    /// Keeps `most` pictures a channel.
    pub fn new(channels: usize, most: usize, with_planes: bool) -> Self {
        Self { most, with_planes, pictures: 0, channels: vec![Channel::default(); channels] }
    }

    /// Looks at what the layer, `[channels, places]`, makes of one more picture.
    pub fn see(&mut self, picture: usize, planes: ArrayView2<f32>) {
        self.pictures += 1;
        let count = self.pictures as f64;
        for (channel, plane) in self.channels.iter_mut().zip(planes.rows()) {
            let mean = f64::from(plane.mean().unwrap_or_default());
            let before = mean - channel.mean;
            channel.mean += before / count;
            channel.squares += before * (mean - channel.mean);
            let score = plane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let Some(place) = middle_of(plane.iter().map(|value| *value == score)) else { continue };
            let mean = mean as f32;
            let at = channel.peaks.partition_point(|peak| (peak.score, peak.mean) >= (score, mean));
            if at < self.most && score.is_finite() {
                let plane = self.with_planes.then(|| plane.to_owned().insert_axis(ndarray::Axis(0)));
                channel.peaks.insert(at, Peak { picture, score, mean, place, plane });
                channel.peaks.truncate(self.most);
            }
        }
    }

    /// Of the channel's mean over the places, from picture to picture.
    pub fn deviation(&self, channel: usize) -> f32 {
        let variance = self.channels[channel].squares / self.pictures.max(2).saturating_sub(1) as f64;
        variance.sqrt() as f32
    }

    /// The strongest first; equals in the order in which they came.
    pub fn peaks(&self, channel: usize) -> &[Peak] {
        &self.channels[channel].peaks
    }

    /// The channels by `weight` times deviation, largest first; those that nothing excites are no part.
    pub fn busiest(&self, weight: impl Fn(usize) -> f32) -> Vec<usize> {
        let use_of = |channel: usize| weight(channel) * self.deviation(channel);
        let mut channels: Vec<usize> = (0..self.channels.len()).filter(|&channel| use_of(channel) > 0.0).collect();
        channels.sort_by(|&a, &b| use_of(b).total_cmp(&use_of(a)));
        channels
    }

    /// The first `count` of `channels` that are not excited by the same pictures as one before them.
    pub fn unlike(&self, channels: Vec<usize>, count: usize) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        for channel in channels {
            if chosen.len() < count && chosen.iter().all(|&other| !self.are_alike(channel, other)) {
                chosen.push(channel);
            }
        }
        chosen
    }

    /// Whether at least half of the pictures that excite one excite the other.
    fn are_alike(&self, one: usize, other: usize) -> bool {
        let (one, other) = (self.peaks(one), self.peaks(other));
        let shared = one.iter().filter(|peak| other.iter().any(|known| known.picture == peak.picture)).count();
        2 * shared >= one.len().max(2)
    }
}

/// The one in the middle of those that hold.
fn middle_of(hold: impl Iterator<Item = bool>) -> Option<usize> {
    let places: Vec<usize> = hold.enumerate().filter_map(|(place, holds)| holds.then_some(place)).collect();
    places.get(places.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_strongest_pictures_and_places_of_each_channel_are_kept_in_order() {
        let mut strongest = Strongest::new(3, 2, true);
        strongest.see(0, array![[0.0, 1.0], [5.0, 4.0], [1.0, 1.0]].view());
        strongest.see(1, array![[3.0, 1.0], [1.0, f32::NAN], [1.0, 1.0]].view());
        strongest.see(2, array![[2.0, 0.0], [1.0, 6.0], [1.0, 1.0]].view());
        let of = |channel| -> Vec<(usize, usize)> {
            strongest.peaks(channel).iter().map(|peak| (peak.picture, peak.place)).collect()
        };
        assert_eq!((of(0), of(1), of(2)), (vec![(1, 0), (2, 0)], vec![(2, 1), (0, 0)], vec![(0, 1), (1, 1)]));
        strongest.see(3, array![[3.0, 2.0], [0.0, 0.0], [0.0, 0.0]].view());
        assert_eq!(strongest.peaks(0)[0].picture, 3, "of equals the one that is excited in more places");
        assert_eq!(strongest.peaks(0)[0].plane, Some(array![[3.0, 2.0]]));
    }

    #[test]
    fn channels_are_ordered_by_weight_times_deviation_and_idle_ones_left_out() {
        let mut strongest = Strongest::new(3, 1, false);
        strongest.see(0, array![[0.0], [0.0], [7.0]].view());
        strongest.see(1, array![[1.0], [2.0], [7.0]].view());
        assert_eq!(strongest.busiest(|_| 1.0), [1, 0]);
        assert_eq!(strongest.busiest(|channel| if channel == 0 { 5.0 } else { 1.0 }), [0, 1]);
        // Means 0 and 1, and 0 and 2.
        assert!(
            (strongest.deviation(0) - 0.5_f32.sqrt()).abs() < 1e-6
                && (strongest.deviation(1) - 2_f32.sqrt()).abs() < 1e-6
        );
    }

    #[test]
    fn a_channel_that_shows_the_pictures_of_another_is_passed_over() {
        let mut strongest = Strongest::new(3, 2, false);
        for picture in 0..4 {
            let value = picture as f32;
            strongest.see(picture, array![[value], [value * 2.0], [-value]].view());
        }
        assert_eq!(strongest.unlike(vec![1, 0, 2], 9), [1, 2]);
        assert_eq!(strongest.unlike(vec![1, 0, 2], 1), [1]);
    }
}
