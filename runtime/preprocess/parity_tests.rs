//! Holds preprocessing to Pillow: `tools/preprocess/make_fixtures.py` drew the pictures and the expectations.

use std::fs;
use std::path::PathBuf;

use ndarray::Array3;
use serde::Deserialize;

use super::{Dimensions, Limits, Preprocessor, decode, read_file};
use crate::manifest::Preprocess;

#[derive(Deserialize)]
struct Case {
    input: String,
    original: Original,
    settings: Preprocess,
    expected: String,
}

#[derive(Deserialize)]
struct Original {
    width: u32,
    height: u32,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/preprocess").join(name)
}

fn cases() -> Vec<Case> {
    serde_json::from_slice(&fs::read(fixture("cases.json")).unwrap()).unwrap()
}

/// Mean and maximum of the absolute difference, in levels of 0 to 255.
fn difference(ours: &[u8], theirs: &[u8]) -> (f64, u8) {
    assert_eq!(ours.len(), theirs.len());
    let apart = || ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b));
    (apart().map(f64::from).sum::<f64>() / ours.len() as f64, apart().max().unwrap())
}

#[test]
fn every_fixture_comes_out_as_pillow_resizes_it() {
    let mut far = Vec::new();
    for case in cases() {
        let expected = read_file(&fixture(&case.expected), &Limits::default()).unwrap();
        let expected = decode(&expected, &Limits::default(), [0; 3]).unwrap();
        let mut values = Array3::zeros((3, expected.height() as usize, expected.width() as usize));
        let mut preprocessor = Preprocessor::new(case.settings.clone(), Limits::default()).unwrap();
        let original = preprocessor.load(&fixture(&case.input), values.view_mut()).unwrap();
        assert_eq!(original, Dimensions { width: case.original.width, height: case.original.height }, "{}", case.input);
        let ours: Vec<u8> = values.permuted_axes([1, 2, 0]).iter().map(|value| value.round() as u8).collect();
        let (mean, most) = difference(&ours, expected.pixels());
        if mean > 1.0 || most > 3 {
            far.push(format!(
                "{} {:?} {:?}: mean {mean:.2}, maximum {most}",
                case.input, case.settings.resize, case.settings.filter
            ));
        }
    }
    assert!(far.is_empty(), "further than mean 1, maximum 3 from Pillow:\n{}", far.join("\n"));
}
