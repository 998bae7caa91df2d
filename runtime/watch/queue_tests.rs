//! Whether labelling what the queue names first teaches more than labelling as many frames at random: on photographs, a day of them.
//!
//! `tools/bench/review.py` writes what is printed here into `docs/review.md`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::scene::{Shown, answer, camera};
use super::{Keeping, ReviewSettings};
use crate::camera::Content;
use crate::dataset::{Dataset, DatasetParts, GroupId, SampleId};
use crate::device::{CollectRequest, Device};
use crate::digest::Fingerprint;
use crate::head::{FitOptions, HeadArtifact, HeadChoice, HeadKind, fit};
use crate::labels::{ClassIndex, Label, Labels};
use crate::preprocess::Picture;
use crate::store::{FeatureVector, Filter, NewSample, Selection, Split};
use crate::tensor::Features;

/// Pictures of each class that the first head learns from.
const FIRST: usize = 3;
/// How many are labelled.
const LABELLED: usize = 20;
/// Draws of the first pictures and of the day; `REVIEW_DRAWS` asks for others.
const DRAWS: u64 = 8;
/// Choices at random that are averaged, of each draw.
const CHOICES: usize = 4;
/// Between two frames, in milliseconds: a day has so many.
const APART: u64 = 60_000;

/// Photographs with their features: some to learn from and to see, others to measure on.
struct Photographs {
    fingerprint: Fingerprint,
    labels: Labels,
    train: Vec<Photograph>,
    test: Dataset,
}

struct Photograph {
    class: usize,
    feature: Vec<f32>,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn flowers() -> Photographs {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/flowers12");
    let state = tempfile::tempdir().unwrap();
    let device = Device::open(state.path()).unwrap();
    device.collect(&CollectRequest::new([folder.join("train")]), &mut ()).unwrap();
    let test = CollectRequest { split: Some(Split::Test), ..CollectRequest::new([folder.join("test")]) };
    device.collect(&test, &mut ()).unwrap();
    let store = device.existing_store().unwrap();
    let fingerprint = store.fingerprints().unwrap()[0].fingerprint;
    let of = |split| device.dataset(&store, &fingerprint, &Selection { split: Some(split), labels: None }).unwrap();
    let (train, test) = (of(Split::Train), of(Split::Test));
    assert_eq!(train.labels(), test.labels());
    let rows = store.samples(&Filter::ids(train.ids().to_vec())).unwrap();
    let photograph = |(place, row): (usize, &crate::store::SampleRow)| Photograph {
        class: train.targets()[place].0,
        feature: train.feature(place).to_vec(),
        bytes: std::fs::read(&row.source).unwrap(),
        path: row.source.clone().into(),
    };
    let photographs = rows.iter().enumerate().map(photograph).collect();
    Photographs { fingerprint, labels: train.labels().clone(), train: photographs, test }
}

impl Photographs {
    fn fitted(&self, chosen: &[usize]) -> HeadArtifact {
        let mut chosen = chosen.to_vec();
        chosen.sort_unstable();
        let width = self.test.width();
        let values = chosen.iter().flat_map(|&place| self.train[place].feature.iter().copied()).collect();
        let dataset = Dataset::new(DatasetParts {
            fingerprint: self.fingerprint,
            features: Array2::from_shape_vec((chosen.len(), width), values).unwrap(),
            targets: chosen.iter().map(|&place| ClassIndex(self.train[place].class)).collect(),
            groups: chosen.iter().map(|&place| GroupId(place as i64)).collect(),
            ids: chosen.iter().map(|&place| SampleId(place as i64)).collect(),
            labels: self.labels.clone(),
        });
        let dataset = dataset.unwrap().with_last_map(self.test.last_dim()).unwrap();
        let options = FitOptions { head: HeadChoice::Only(HeadKind::Softmax), ..FitOptions::default() };
        fit(&dataset, &options).unwrap()
    }

    /// The share of the held-out photographs that a head names rightly.
    fn accuracy(&self, head: &HeadArtifact) -> f64 {
        let scores = head.predict(&Features(self.test.features().clone())).unwrap();
        let right = scores.iter().zip(self.test.targets()).filter(|(scores, target)| scores.best() == **target).count();
        right as f64 / self.test.features().len_of(Axis(0)) as f64
    }

    fn label(&self, place: usize) -> Label {
        self.labels.get(ClassIndex(self.train[place].class)).unwrap().clone()
    }

    /// A state with the first pictures and the head.
    fn device(&self, folder: &Path, first: &[usize], head: &HeadArtifact) -> (Device, u64) {
        let device = Device::open(folder).unwrap();
        let sample = |&place: &usize| {
            let Photograph { feature, path, bytes, .. } = &self.train[place];
            NewSample {
                hash: crate::digest::ContentHash::of(bytes),
                label: Some(self.label(place)),
                split: Split::Train,
                group: None,
                source: path.display().to_string(),
                added_at: 0,
                width: 1,
                height: 1,
                thumbnail: None,
                features: Some(self.vector(feature)),
            }
        };
        device.store().unwrap().insert(&first.iter().map(sample).collect::<Vec<_>>()).unwrap();
        let version = device.heads().folder().publish(&head.to_bytes()).unwrap().0;
        (device, version)
    }

    fn vector(&self, feature: &[f32]) -> FeatureVector {
        let revision = crate::preprocess::REVISION;
        FeatureVector { fingerprint: self.fingerprint, revision, values: feature.to_vec() }
    }

    /// What the queue names first after a day of these photographs, `stream`.
    fn queued(&self, stream: &[usize], first: &[usize], head: &HeadArtifact) -> Vec<usize> {
        let folder = tempfile::tempdir().unwrap();
        let (device, version) = self.device(folder.path(), first, head);
        let mut keeping = Keeping::new(device.clone(), ReviewSettings::default(), &[camera("garden")]).unwrap();
        let unseen = Picture::new(1, 1, vec![0; 3]).unwrap();
        let mut places = HashMap::new();
        for (&place, number) in stream.iter().zip(1..) {
            let Photograph { feature, bytes, .. } = &self.train[place];
            places.insert(crate::digest::ContentHash::of(bytes), place);
            let answer = answer("garden", feature, (head, version));
            let content = Content::File(bytes.as_slice().into());
            Shown { camera: "garden", at: number * APART, feature, content, is_whole: true, picture: &unseen, answer }
                .to(&mut keeping);
        }
        let rows = device.reviews().unwrap();
        assert!(rows.len() <= ReviewSettings::default().most && keeping.counts.failures == 0);
        rows.iter().take(LABELLED).map(|row| places[&row.hash]).collect()
    }
}

fn shuffle(places: &mut [usize], random: &mut Pcg64) {
    (1..places.len()).rev().for_each(|last| places.swap(last, random.random_range(0..=last)));
}

/// Accuracy before, after labelling what the queue names first, and after labelling as many at random.
#[derive(Clone, Copy, Debug)]
struct Measured {
    before: f64,
    queue: f64,
    random: f64,
}

fn measure(photographs: &Photographs, seed: u64, is_seen: impl Fn(usize, usize) -> bool) -> Measured {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut places: Vec<usize> = (0..photographs.train.len()).collect();
    shuffle(&mut places, &mut random);
    let mut counts = vec![0; photographs.labels.len()];
    let (mut first, mut stream) = (Vec::new(), Vec::new());
    for place in places {
        let class = photographs.train[place].class;
        counts[class] += 1;
        match counts[class] {
            1..=FIRST => first.push(place),
            number if is_seen(class, number - FIRST) => stream.push(place),
            _ => {}
        }
    }
    let head = photographs.fitted(&first);
    let with = |more: &[usize]| photographs.accuracy(&photographs.fitted(&[&first, more].concat()));
    let queue = with(&photographs.queued(&stream, &first, &head));
    let mut at_random = || {
        let mut frames = stream.clone();
        shuffle(&mut frames, &mut random);
        with(&frames[..LABELLED])
    };
    let random = (0..CHOICES).map(|_| at_random()).sum::<f64>() / CHOICES as f64;
    Measured { before: photographs.accuracy(&head), queue, random }
}

/// The mean and its standard error.
fn mean(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

#[cfg_attr(not(has_shared), ignore = "needs the photographs in ../shared")]
#[test]
fn labelling_what_the_queue_names_first_teaches_more_than_labelling_at_random() {
    let photographs = flowers();
    let draws = std::env::var("REVIEW_DRAWS").map_or(DRAWS, |draws| draws.parse().unwrap());
    let gain = |name: &str, is_seen: &dyn Fn(usize, usize) -> bool| {
        let measured: Vec<Measured> = (0..draws).map(|seed| measure(&photographs, seed, is_seen)).collect();
        let of = |value: fn(&Measured) -> f64| mean(measured.iter().map(value));
        let (before, queue, random) = (of(|m| m.before).0, of(|m| m.queue).0, of(|m| m.random).0);
        let (gain, error) = of(|m| m.queue - m.random);
        println!("measured|{name}|{draws}|{before}|{random}|{queue}|{gain}|{error}");
        (gain, error)
    };
    // As before most cameras: much of the same, and seldom something else.
    let (uneven, error) = gain("three species often, nine seldom", &|class, number| class % 4 == 0 || number <= 6);
    assert!(uneven > 2.0 * error, "{uneven} ± {error}");
    let (even, error) = gain("every species as often", &|_, _| true);
    assert!(even > 0.0, "{even} ± {error}");
}
