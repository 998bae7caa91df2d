//! What more pictures would bring, with how sure that is.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_distr::{Beta, Distribution};
use rand_pcg::Pcg64;
use serde::Serialize;

use super::curve::{ClassPoint, CurvePoint, LearningCurve, Outcome};
use super::power_law::{Measured, PowerLaw};
use crate::dataset::SampleId;
use crate::labels::Label;

/// How often the samples are drawn anew.
const DRAWS: usize = 200;
/// How many pictures' worth the shape of all classes together counts in the curve of one.
const POOLED: f64 = 10.0;
/// Nothing is said of more than so many times the pictures there are.
pub const FARTHEST: f64 = 8.0;

/// What is expected, and where it lies four times in five.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Interval {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// Accuracy now and with more pictures, extrapolated.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Projection {
    pub law: PowerLaw,
    pub now: f64,
    /// With twice and four times the pictures of every class.
    pub doubled: Interval,
    pub quadrupled: Interval,
    /// The one that gains most right answers from twice its pictures first.
    pub classes: Vec<ClassProjection>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct ClassProjection {
    pub label: Label,
    pub pictures: usize,
    /// The share of its pictures named right now.
    pub now: f64,
    pub doubled: Interval,
    /// How many more pictures of it bring it to the target; `None` when more than eight times as many would not.
    pub more_for_target: Option<usize>,
    /// Its share of all errors.
    pub share_of_errors: f64,
    /// So many more that it reaches the target, or as many again; `None` where it is reached.
    pub step: Option<Step>,
}

/// So many more pictures of a class, and the share of its pictures named right with them.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Step {
    pub more: usize,
    pub then: Interval,
}

/// Fits inverse power laws to `curve` and to each class of it, and to as many resampled curves; `counts` has the
/// pictures of each class, `target` is the accuracy to reach. `None` when the curve has no two points.
///
/// A class's law has the exponent of the law of all classes and is drawn towards it, the more the fewer pictures it has.
pub fn project(curve: &LearningCurve, counts: &[usize], target: f64, seed: u64) -> Option<Projection> {
    let tallies = PointTotals::of(curve, |_| 1.0);
    let laws = PowerLaws::fit(&tallies)?;
    let last = curve.points.last()?;
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut ids: Vec<SampleId> = curve.points.iter().flat_map(|point| point.outcomes.keys().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let draws = (0..DRAWS).filter_map(|_| PowerLaws::fit(&redrawn(curve, &ids, &mut rng))).collect();
    let mut forecasts = Forecasts { laws, draws, rng };
    let classes = classes(last, counts, target, &mut forecasts);
    let asked: f64 = last.per_class.iter().map(|class| class.asked).sum();
    let all = CurveEnd { right: asked * last.accuracy, asked, pictures: last.pictures };
    let [doubled, quadrupled] = [2.0, 4.0].map(|times| forecasts.interval(&all, times, |laws| &laws.all));
    Some(Projection { law: forecasts.laws.all, now: last.accuracy, doubled, quadrupled, classes })
}

fn classes(last: &CurvePoint, counts: &[usize], target: f64, forecasts: &mut Forecasts) -> Vec<ClassProjection> {
    let errors: f64 = last.per_class.iter().map(|class| class.asked - class.right).sum();
    let mut classes = Vec::new();
    for (number, point) in last.per_class.iter().enumerate().filter(|(_, point)| point.asked > 0.0) {
        let counted = CurveEnd { right: point.right, asked: point.asked, pictures: point.pictures };
        let share = more(&forecasts.laws.classes[number], point, target);
        let more_for_target = share.map(|share| (share * counts[number] as f64).ceil() as usize);
        let more = more_for_target.unwrap_or(counts[number]);
        let times = 1.0 + more as f64 / counts[number] as f64;
        let then = forecasts.interval(&counted, times, |laws| &laws.classes[number]);
        classes.push(ClassProjection {
            label: point.label.clone(),
            pictures: counts[number],
            now: point.accuracy(),
            doubled: forecasts.interval(&counted, 2.0, |laws| &laws.classes[number]),
            more_for_target,
            share_of_errors: if errors > 0.0 { (point.asked - point.right) / errors } else { 0.0 },
            step: (more > 0).then_some(Step { more, then }),
        });
    }
    classes.sort_by(|a: &ClassProjection, b| b.gained().total_cmp(&a.gained()));
    classes
}

/// What was measured with all pictures.
struct CurveEnd {
    right: f64,
    asked: f64,
    /// Of a class, learned from.
    pictures: f64,
}

/// The laws of the curve as it was measured, and of the curve as it might have been.
struct Forecasts {
    laws: PowerLaws,
    draws: Vec<PowerLaws>,
    rng: Pcg64,
}

impl Forecasts {
    /// The measured accuracy with what so many times the pictures add to it. Each draw has its own law, and an accuracy
    /// now that is as likely as the counts make it (Jeffreys' interval).
    fn interval(&mut self, counted: &CurveEnd, times: f64, law: impl Fn(&PowerLaws) -> &PowerLaw) -> Interval {
        let span = (counted.pictures, counted.pictures * times);
        let wrong = (counted.asked - counted.right).max(0.0);
        let accuracy = Beta::new(counted.right + 0.5, wrong + 0.5).expect("both are above 0");
        let rng = &mut self.rng;
        let mut drawn: Vec<f64> =
            self.draws.iter().map(|laws| forecast(accuracy.sample(rng), law(laws), span)).collect();
        drawn.sort_by(f64::total_cmp);
        let middle = forecast(counted.right / counted.asked, law(&self.laws), span);
        let at = |share: f64| {
            let place = (share * drawn.len().saturating_sub(1) as f64).round() as usize;
            drawn.get(place).copied().unwrap_or(middle)
        };
        Interval { low: at(0.1).min(middle), middle, high: at(0.9).max(middle) }
    }
}

/// The measured accuracy, and what the law says that going from so many pictures to so many adds to it.
fn forecast(now: f64, law: &PowerLaw, (from, to): (f64, f64)) -> f64 {
    (now + law.error(from) - law.error(to)).min(1.0)
}

/// How many more pictures bring a class to the target accuracy, as a share of those it has; `None` when more than
/// [`FARTHEST`] times as many would not.
fn more(law: &PowerLaw, point: &ClassPoint, target: f64) -> Option<f64> {
    if point.accuracy() >= target {
        return Some(0.0);
    }
    let needed = law.pictures_for(law.error(point.pictures) - (target - point.accuracy()))?;
    let times = needed / point.pictures.max(1.0);
    (times <= FARTHEST).then_some((times - 1.0).max(0.0))
}

impl ClassProjection {
    /// Accuracy gained with twice its pictures, from -1 to 1.
    pub fn gain(&self) -> f64 {
        self.doubled.middle - self.now
    }

    /// Right answers gained, in pictures of what is there.
    fn gained(&self) -> f64 {
        self.gain() * self.pictures as f64
    }
}

/// One point of a curve as the laws see it: measurements of all and of each class.
struct PointTotals {
    all: Measured,
    classes: Vec<Measured>,
}

impl PointTotals {
    fn of(curve: &LearningCurve, times: impl Fn(&SampleId) -> f64) -> Vec<Self> {
        curve.points.iter().map(|point| Self::of_point(point, &times)).collect()
    }

    fn of_point(point: &CurvePoint, times: &impl Fn(&SampleId) -> f64) -> Self {
        let none = |pictures: f64| Measured { pictures, asked: 0.0, errors: 0.0 };
        let mut tally = Self {
            all: none(point.pictures),
            classes: point.per_class.iter().map(|class| none(class.pictures)).collect(),
        };
        for (id, Outcome { class, asked, right }) in &point.outcomes {
            let (times, errors) = (times(id), 1.0 - right / asked);
            for measured in [&mut tally.all, &mut tally.classes[*class]] {
                measured.asked += times;
                measured.errors += times * errors;
            }
        }
        tally
    }
}

/// The curve of samples drawn with replacement, the same ones at every point.
fn redrawn(curve: &LearningCurve, ids: &[SampleId], rng: &mut Pcg64) -> Vec<PointTotals> {
    let mut times = BTreeMap::<SampleId, f64>::new();
    for _ in 0..ids.len() {
        *times.entry(ids[rng.random_range(0..ids.len())]).or_default() += 1.0;
    }
    PointTotals::of(curve, |id| times.get(id).copied().unwrap_or(0.0))
}

struct PowerLaws {
    all: PowerLaw,
    classes: Vec<PowerLaw>,
}

impl PowerLaws {
    fn fit(tallies: &[PointTotals]) -> Option<Self> {
        let all = PowerLaw::fit(&tallies.iter().map(|tally| tally.all).collect::<Vec<_>>())?;
        let classes = (0..tallies.first()?.classes.len()).map(|class| Self::class(class, &all, tallies)).collect();
        Some(Self { all, classes })
    }

    fn class(class: usize, all: &PowerLaw, tallies: &[PointTotals]) -> PowerLaw {
        let own: Vec<Measured> = tallies.iter().map(|tally| tally.classes[class]).collect();
        let sum = |value: &dyn Fn(&Measured) -> f64| own.iter().map(value).sum::<f64>();
        let expected = sum(&|point| point.asked * all.error(point.pictures.max(1.0)));
        // How much worse than the others it is, with one error added to both sides.
        let ratio = (sum(&|point| point.errors) + 1.0) / (expected + 1.0);
        let pooled = own.iter().map(|point| {
            let errors = POOLED * (ratio * all.error(point.pictures.max(1.0))).min(1.0);
            Measured { asked: point.asked + POOLED, errors: point.errors + errors, ..*point }
        });
        let scaled = PowerLaw { scale: all.scale * ratio, floor: all.floor * ratio, ..*all };
        PowerLaw::with_exponent(all.exponent, &pooled.collect::<Vec<_>>()).map_or(scaled, |(law, _)| law)
    }
}
