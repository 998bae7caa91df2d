//! A device whose head stands on features that are made up, and looks that are shown to a witness.

use std::time::{Duration, UNIX_EPOCH};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::witness::{Sight, Witness};
use super::{CameraSettings, Decided, Moment};
use crate::backbone::Provider;
use crate::camera::{Content, Frame, Source};
use crate::device::Device;
use crate::digest::{ContentHash, Digest, Fingerprint};
use crate::head::{FitOptions, HeadArtifact, HeadChoice, HeadKind, fit};
use crate::labels::Label;
use crate::predictor::{Answer, Statement};
use crate::preprocess::{Picture, to_jpeg};
use crate::store::{FeatureVector, NewSample, Selection, Split};

const CHANNELS: usize = 64;
const CLASSES: [&str; 3] = ["cat", "dog", "fox"];

pub struct Scene {
    _folder: tempfile::TempDir,
    pub device: Device,
    head: HeadArtifact,
    version: u64,
}

/// What a witness is shown.
pub struct Shown<'a> {
    pub camera: &'a str,
    pub at: u64,
    pub feature: &'a [f32],
    pub content: Content,
    pub is_whole: bool,
    pub picture: &'a Picture,
    pub answer: Answer,
}

impl Shown<'_> {
    pub fn to(self, witness: &mut dyn Witness) {
        let Self { camera, at, feature, content, is_whole, picture, answer } = self;
        let frame = Frame { content, taken: UNIX_EPOCH + Duration::from_millis(at) };
        let decided: &[Decided] = &[];
        let (at, frame, answer) = (Moment(at), &frame, &answer);
        let sight = Sight { camera, at, frame, is_whole, picture, feature, answer, decided, holds: None };
        assert!(witness.see(&sight).is_empty());
    }
}

fn noise(seed: u64, size: f32) -> Vec<f32> {
    let mut random = Pcg64::seed_from_u64(seed);
    (0..CHANNELS).map(|_| (random.random::<f32>() - 0.5) * size).collect()
}

fn plus(one: &[f32], other: &[f32]) -> Vec<f32> {
    one.iter().zip(other).map(|(a, b)| a + b).collect()
}

/// Around the middle of a class: `number` tells pictures apart.
pub fn feature(class: u64, number: u64) -> Vec<f32> {
    plus(&noise(1000 + class, 2.0), &noise(5000 + 100 * class + number * 7919, 1.0))
}

/// What is between two classes.
pub fn between(one: u64, other: u64, number: u64) -> Vec<f32> {
    let middle: Vec<f32> = plus(&feature(one, number), &feature(other, number)).iter().map(|sum| sum / 2.0).collect();
    plus(&middle, &noise(90_000 + number, 1.0))
}

/// Nearly the same picture.
pub fn twin(feature: &[f32], number: u64) -> Vec<f32> {
    plus(feature, &noise(70_000 + number, 0.02))
}

/// A picture file of its own for each number; the larger, the more bytes.
pub fn photograph(number: u64, side: u32) -> (Picture, Content) {
    let mut random = Pcg64::seed_from_u64(number);
    let picture = Picture::new(side, side, (0..side * side * 3).map(|_| random.random()).collect()).unwrap();
    let bytes = to_jpeg(&picture).unwrap();
    (picture, Content::File(bytes.into()))
}

pub fn camera(name: &str) -> (String, CameraSettings) {
    (name.to_owned(), CameraSettings::new(Source::Push))
}

impl Scene {
    /// Twelve samples of each of three classes, and a head that tells these apart.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::open(folder.path().join("state")).unwrap();
        let mut store = device.store().unwrap();
        let fingerprint = Fingerprint(Digest::of(b"made up"));
        let sample = |class: usize, number: u64| NewSample {
            hash: ContentHash::of(format!("{class} {number}").as_bytes()),
            label: Some(Label::new(CLASSES[class]).unwrap()),
            split: Split::Train,
            group: None,
            source: format!("photos/{class}/{number}"),
            added_at: 0,
            width: 1,
            height: 1,
            thumbnail: None,
            features: Some(FeatureVector { fingerprint, revision: 1, values: feature(class as u64, number) }),
        };
        let samples: Vec<_> = (0..36).map(|place| sample(place % 3, place as u64 / 3)).collect();
        store.insert(&samples).unwrap();
        let dataset = store.dataset(&fingerprint, &Selection::default()).unwrap();
        let options = FitOptions { head: HeadChoice::Only(HeadKind::Ridge), ..FitOptions::default() };
        let head = fit(&dataset, &options).unwrap();
        let version = device.heads().folder().publish(&head.to_bytes()).unwrap().0;
        Self { _folder: folder, device, head, version }
    }

    pub fn answer(&self, camera: &str, feature: &[f32]) -> Answer {
        answer(camera, feature, (&self.head, self.version))
    }

    /// Shows a witness a picture of its own with this feature.
    pub fn show(&self, witness: &mut dyn Witness, (camera, at): (&str, u64), feature: &[f32]) {
        let (picture, content) = photograph(at, 8);
        let answer = self.answer(camera, feature);
        Shown { camera, at, feature, content, is_whole: true, picture: &picture, answer }.to(witness);
    }
}

pub fn answer(camera: &str, feature: &[f32], (head, head_version): (&HeadArtifact, u64)) -> Answer {
    Answer {
        path: camera.to_owned(),
        statement: Statement::of_feature(feature, head, 3).unwrap(),
        why: None,
        head_version,
        head_hash: String::new(),
        provider: Provider::Tract,
    }
}
