//! Which of the formats, sizes and rates of a camera is used.

use std::io;

use super::{Driver, Encoding, FourCc};
use crate::preprocess::Dimensions;

/// Enough to see what a network sees, a region cut out included, and cheap to decode.
const WANTED: Dimensions = Dimensions { width: 1280, height: 720 };
/// A rate so little below what is asked for counts as that: cameras give 29.97.
const SLACK: f64 = 1.01;

/// What a camera is set to.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Mode {
    pub format: FourCc,
    pub encoding: Encoding,
    pub size: Dimensions,
    /// `None` leaves the rate as it is.
    pub interval: Option<Interval>,
}

/// From one frame to the next, in seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Interval {
    pub numerator: u32,
    pub denominator: u32,
}

impl Interval {
    fn of(fps: f32) -> Self {
        Self { numerator: 1000, denominator: (fps.clamp(0.001, 1000.0) * 1000.0).round() as u32 }
    }

    fn seconds(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator.max(1))
    }
}

/// Sizes of a camera: every one between two, in steps; a single one where they are the same.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Sizes {
    pub least: Dimensions,
    pub most: Dimensions,
    pub step: Dimensions,
}

impl Sizes {
    fn nearest(&self) -> Dimensions {
        let along = |wanted: u32, least: u32, most: u32, step: u32| {
            let within = wanted.clamp(least, most.max(least));
            within - (within - least) % step.max(1)
        };
        Dimensions {
            width: along(WANTED.width, self.least.width, self.most.width, self.step.width),
            height: along(WANTED.height, self.least.height, self.most.height, self.step.height),
        }
    }
}

/// Intervals of a camera: every one between two; a single one where they are the same.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Intervals {
    pub least: Interval,
    pub most: Interval,
}

impl Intervals {
    fn nearest(&self, wanted: Interval) -> Interval {
        match wanted.seconds() {
            seconds if seconds <= self.least.seconds() => self.least,
            seconds if seconds >= self.most.seconds() => self.most,
            _ => wanted,
        }
    }
}

/// The mode to use; `None` where the camera gives no format that can be read.
pub(super) fn choose(driver: &impl Driver, fps: f32) -> io::Result<Option<Mode>> {
    let formats = driver.formats()?;
    let usable = Encoding::FORMATS.iter().find(|(format, _)| formats.contains(format));
    let Some(&(format, encoding)) = usable else { return Ok(None) };
    let size = nearest_size(&driver.sizes(format));
    let interval = slowest_enough(&driver.intervals(format, size), Interval::of(fps));
    Ok(Some(Mode { format, encoding, size, interval }))
}

/// Of two that are as near, the smaller. A driver that lists none takes its nearest by itself.
fn nearest_size(sizes: &[Sizes]) -> Dimensions {
    let off = |size: &Dimensions| size.width.abs_diff(WANTED.width) + size.height.abs_diff(WANTED.height);
    sizes.iter().map(Sizes::nearest).min_by_key(|size| (off(size), size.pixels())).unwrap_or(WANTED)
}

/// The longest interval that is not longer than the wanted one, else the shortest.
fn slowest_enough(intervals: &[Intervals], wanted: Interval) -> Option<Interval> {
    let all = || intervals.iter().map(|some| some.nearest(wanted));
    let by_length = |one: &Interval, other: &Interval| one.seconds().total_cmp(&other.seconds());
    let enough = all().filter(|interval| interval.seconds() <= wanted.seconds() * SLACK).max_by(by_length);
    enough.or_else(|| all().min_by(by_length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(width: u32, height: u32) -> Sizes {
        let size = Dimensions { width, height };
        Sizes { least: size, most: size, step: Dimensions { width: 0, height: 0 } }
    }

    fn size_of(sizes: &[Sizes]) -> (u32, u32) {
        let size = nearest_size(sizes);
        (size.width, size.height)
    }

    #[test]
    fn the_size_is_the_nearest_to_720p() {
        let vga = [one(320, 240), one(640, 480)];
        assert_eq!(size_of(&vga), (640, 480));
        assert_eq!(size_of(&[vga[1], one(1280, 720), one(1920, 1080)]), (1280, 720));
        assert_eq!(size_of(&[one(3840, 2160), one(1920, 1080)]), (1920, 1080));
        assert_eq!(size_of(&[one(1280, 800), one(1280, 640)]), (1280, 640), "the smaller of two as near");
        assert_eq!(size_of(&[]), (1280, 720));
    }

    #[test]
    fn of_sizes_in_steps_the_nearest_that_there_is_is_taken() {
        let steps = |least: (u32, u32), most: (u32, u32), step: u32| {
            let size = |(width, height)| Dimensions { width, height };
            [Sizes { least: size(least), most: size(most), step: size((step, step)) }]
        };
        assert_eq!(size_of(&steps((48, 32), (4096, 2160), 1)), (1280, 720));
        assert_eq!(size_of(&steps((100, 100), (4096, 2160), 64)), (1252, 676));
        assert_eq!(size_of(&steps((16, 16), (800, 600), 2)), (800, 600));
        assert_eq!(size_of(&steps((2000, 1500), (4000, 3000), 8)), (2000, 1500));
        assert_eq!(size_of(&steps((64, 64), (32, 32), 0)), (64, 64), "nonsense of a driver");
    }

    fn every(numerator: u32, denominator: u32) -> Intervals {
        let interval = Interval { numerator, denominator };
        Intervals { least: interval, most: interval }
    }

    #[test]
    fn the_rate_is_the_lowest_that_is_enough_else_the_highest() {
        let rates = [every(1, 30), every(1, 15), every(1, 5), every(1, 2)];
        let chosen = |fps: f32, rates: &[Intervals]| {
            slowest_enough(rates, Interval::of(fps)).map(|interval| (interval.numerator, interval.denominator))
        };
        assert_eq!(chosen(5.0, &rates), Some((1, 5)));
        assert_eq!(chosen(6.0, &rates), Some((1, 15)));
        assert_eq!(chosen(60.0, &rates), Some((1, 30)));
        assert_eq!(chosen(0.1, &rates), Some((1, 2)));
        assert_eq!(chosen(30.0, &[every(1001, 30_000), every(1, 60)]), Some((1001, 30_000)));
        assert_eq!(chosen(30.0, &[]), None);
        let between = Intervals { least: every(1, 60).least, most: every(1, 3).most };
        assert_eq!(chosen(7.5, &[between]), Some((1000, 7500)));
        assert_eq!(chosen(100.0, &[between]), Some((1, 60)));
        assert_eq!(chosen(1.0, &[between]), Some((1, 3)));
        assert_eq!(chosen(5.0, &[every(1, 0)]), Some((1, 0)), "nonsense of a driver");
    }
}
