//! How often an unshifted day of photographs is noticed, and how soon another camera or the night is; needs `../shared`.
//!
//! `python3 tools/bench/drift.py` writes the table that this prints into `docs/drift.md`.

use std::collections::BTreeMap;
use std::path::Path;

use edgetl::dataset::Dataset;
use edgetl::device::{Device as Library, Glance, Predictor, Settings};
use edgetl::drift::{Kind, Look, Record, Reference};
use edgetl::head::{FitOptions, HeadArtifact, HeadChoice, HeadKind, fit};
use edgetl::predictor::Statement;
use edgetl::preprocess::Picture;
use edgetl::store::StateDir;
use image::RgbImage;
use image::imageops::{blur, crop_imm};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::common::{Device, shared};

/// The default, and one of which few days tell whether it holds.
const RATES: [f64; 2] = [0.01, 0.1];

/// What a camera does to a photograph.
type Shift = fn(&RgbImage, &mut Pcg64) -> RgbImage;

fn each(picture: &RgbImage, mut change: impl FnMut(usize, f32) -> f32) -> RgbImage {
    let mut changed = picture.clone();
    for pixel in changed.pixels_mut() {
        for (channel, value) in pixel.0.iter_mut().enumerate() {
            *value = change(channel, f32::from(*value)).clamp(0.0, 255.0) as u8;
        }
    }
    changed
}

/// Little light, and the noise that comes with it.
fn night(picture: &RgbImage, random: &mut Pcg64) -> RgbImage {
    each(picture, |_, value| value * 0.35 + (random.random::<f32>() + random.random::<f32>() - 1.0) * 40.0)
}

/// Warmer colours, softer, and closer.
fn other_camera(picture: &RgbImage, _: &mut Pcg64) -> RgbImage {
    let (width, height) = (picture.width() * 7 / 10, picture.height() * 7 / 10);
    let part = crop_imm(picture, picture.width() / 5, picture.height() / 10, width, height).to_image();
    each(&blur(&part, 1.0), |channel, value| value * [1.1, 0.95, 0.7][channel])
}

/// Features of the photographs below `folder`, as a camera's frames give them; poor ones give none.
fn seen(predictor: &mut Predictor, folder: &Path, shift: Option<Shift>) -> Vec<Vec<f32>> {
    let mut files: Vec<_> = walk(folder);
    files.sort();
    let mut random = Pcg64::seed_from_u64(1);
    let mut features = Vec::new();
    for file in &files {
        let picture = image::open(file).unwrap().to_rgb8();
        let picture = shift.map_or_else(|| picture.clone(), |shift| shift(&picture, &mut random));
        let picture = Picture::new(picture.width(), picture.height(), picture.into_raw()).unwrap();
        if let Glance::Answer { feature, .. } = predictor.glance("camera", &picture).unwrap() {
            features.push(feature);
        }
    }
    assert!(features.len() * 10 > files.len() * 9, "{} of {} are not poor", features.len(), files.len());
    features
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Rows of `dataset` by chance: `most` of each class, and the others.
fn divided(dataset: &Dataset, most: usize, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = (0..dataset.len()).collect();
    rows.shuffle(&mut Pcg64::seed_from_u64(seed));
    let mut counts = vec![0; dataset.labels().len()];
    let (mut taught, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|&row| {
        counts[dataset.targets()[row].0] += 1;
        counts[dataset.targets()[row].0] <= most
    });
    taught.sort_unstable();
    (taught, others)
}

/// For each kind the look at which it was told at each of `RATES`, in a day of looks at `features`.
fn day(reference: &Reference, head: &HeadArtifact, features: &[&[f32]]) -> [BTreeMap<Kind, u64>; 2] {
    let mut record = Record::new(reference);
    let mut told = RATES.map(|_| BTreeMap::new());
    for (feature, look) in features.iter().zip(1..) {
        let Statement::Prediction(said) = Statement::of_feature(feature, head, 1).unwrap() else { panic!() };
        let own = reference.channels_of(feature).unwrap();
        let unknown = said.distance.zip(said.threshold).map(|(distance, threshold)| distance > threshold);
        let class = Some(said.top[0].label.as_str()).filter(|_| unknown != Some(true));
        record.count(reference, &Look { at: look, feature: own, unknown, class }, RATES[0]);
        for (told, rate) in told.iter_mut().zip(RATES) {
            let enough = record.evidence().into_iter().filter(|(_, evidence)| *evidence >= Record::enough(rate));
            enough.for_each(|(kind, _)| _ = told.entry(kind).or_insert(look));
        }
    }
    told
}

/// The look with which one of the kinds that warn was told, of so many days; the longest day where it was not.
struct Delays(Vec<u64>);

impl Delays {
    fn quantile(&self, share: f64) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[((sorted.len() - 1) as f64 * share).round() as usize]
    }
}

struct Photographs {
    known: Dataset,
    unshifted: Vec<Vec<f32>>,
    shifted: Vec<(&'static str, Vec<Vec<f32>>)>,
}

impl Photographs {
    /// Of flowers, of twelve kinds, through the network in the box.
    fn of_flowers() -> Self {
        let (device, data) = (Device::new(), shared().join("data/flowers12"));
        device.json(&["collect", data.join("train").to_str().unwrap()]);
        device.json(&["fit-head", "--head", "ridge"]);
        let library = Library::new(StateDir::new(device.state()), Settings::default());
        let mut predictor = library.predictor().unwrap();
        let shifts: [(&str, Shift); 2] = [("night", night), ("another camera", other_camera)];
        Self {
            known: device.dataset(None),
            unshifted: seen(&mut predictor, &data.join("test"), None),
            shifted: shifts.map(|(name, shift)| (name, seen(&mut predictor, &data.join("test"), Some(shift)))).to_vec(),
        }
    }
}

/// What was measured with so many pictures of each class.
struct Measured {
    taught: usize,
    held_out: usize,
    looks: usize,
    /// Days on which anything was told at the default rate, and at one of ten.
    alarms: [usize; 2],
    delays: Vec<Delays>,
}

/// So many days, each with other pictures to teach with and in another order.
fn measure(photographs: &Photographs, most: usize, days: u64) -> Measured {
    let Photographs { known, unshifted, shifted } = photographs;
    let mut measured = Measured { taught: 0, held_out: 0, looks: 0, alarms: [0; 2], delays: Vec::new() };
    measured.delays.extend(shifted.iter().map(|_| Delays(Vec::new())));
    let options = FitOptions { head: HeadChoice::Only(HeadKind::Ridge), ..FitOptions::default() };
    for seed in 0..days {
        let (taught, others) = divided(known, most, seed);
        let dataset = known.select(&taught);
        let head = fit(&dataset, &options).unwrap();
        let reference = Reference::new(&dataset, &head).unwrap();
        let mut random = Pcg64::seed_from_u64(seed);
        let mut order = |features: &mut Vec<&[f32]>| features.shuffle(&mut random);
        let mut looks: Vec<&[f32]> = unshifted.iter().map(Vec::as_slice).collect();
        looks.extend(others.iter().map(|&row| known.features().row(row).to_slice().unwrap()));
        order(&mut looks);
        (measured.taught, measured.held_out, measured.looks) = (taught.len(), reference.pictures(), looks.len());
        let told = day(&reference, &head, &looks);
        if !told[1].is_empty() {
            eprintln!("false alarms with {most} a class, day {seed}: {told:?}");
        }
        measured.alarms.iter_mut().zip(&told).for_each(|(alarms, told)| *alarms += usize::from(!told.is_empty()));
        for ((_, features), delays) in shifted.iter().zip(&mut measured.delays) {
            let mut looks: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
            order(&mut looks);
            let [mut told, _] = day(&reference, &head, &looks);
            told.remove(&Kind::Mix);
            delays.0.push(told.into_values().min().unwrap_or(u64::MAX));
        }
    }
    measured
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with photographs")]
fn an_unshifted_day_is_not_noticed_and_the_night_and_another_camera_are() {
    let photographs = Photographs::of_flowers();
    for (most, within) in [(10, [20, 80]), (50, [12, 40])] {
        let Measured { alarms, delays, .. } = measure(&photographs, most, 10);
        let soon: Vec<u64> = delays.iter().map(|delays| delays.quantile(0.9)).collect();
        println!("{most} a class: {alarms:?} of 10 days, noticed after {soon:?}");
        // More than 1 of 10 at one in a hundred, more than 4 of 10 at one in ten: each less than one time in a hundred.
        assert!(alarms[0] <= 1 && alarms[1] <= 4, "{alarms:?} false alarms");
        assert!(soon.iter().zip(within).all(|(soon, within)| *soon <= within), "{soon:?}");
    }
}

/// The lines of the table in `docs/drift.md`.
#[test]
#[ignore = "minutes: python3 tools/bench/drift.py"]
fn measured_for_the_documentation() {
    const DAYS: u64 = 100;
    let photographs = Photographs::of_flowers();
    let said = |look: u64| if look == u64::MAX { "not that day".to_owned() } else { look.to_string() };
    for most in [5, 10, 20, 50] {
        let Measured { taught, held_out, looks, alarms, delays } = measure(&photographs, most, DAYS);
        let delay = |delays: &Delays| format!("{}, {}", said(delays.quantile(0.5)), said(delays.quantile(0.9)));
        let delays: Vec<String> = delays.iter().map(delay).collect();
        println!(
            "| {most} a class, {taught} | {held_out} | {} of {DAYS}, {} of {DAYS} | {looks} | {} |",
            alarms[0],
            alarms[1],
            delays.join(" | ")
        );
    }
}
