//! A head's file: the same bytes every time, and every damage refused by name.

use std::collections::BTreeMap;

use crate::head_data::clusters;
use edgetl::head::{ArtifactError, FitOptions, HeadArtifact, HeadChoice, HeadKind, InvalidHead, fit};
use edgetl::tensor::Features;
use safetensors::{Dtype, SafeTensors};

fn artifact(kind: HeadKind) -> HeadArtifact {
    fit(&clusters(3, 12, 6), &FitOptions { head: HeadChoice::Only(kind), ..FitOptions::default() }).unwrap()
}

/// The file with its metadata and tensors edited, in the library's own writing.
struct Edited {
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Edited {
    fn new(bytes: &[u8]) -> Self {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let file = SafeTensors::deserialize(bytes).unwrap();
        let tensor = |(name, view): (&str, safetensors::tensor::TensorView)| {
            (name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        };
        Self {
            metadata: header.metadata().clone().unwrap().into_iter().collect(),
            tensors: file.iter().map(tensor).collect(),
        }
    }

    fn read(&self) -> Result<HeadArtifact, ArtifactError> {
        let views = self.tensors.iter().map(|(name, (dtype, shape, data))| {
            (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        let metadata = Some(self.metadata.clone().into_iter().collect());
        HeadArtifact::from_bytes(&safetensors::serialize(views, metadata).unwrap())
    }
}

fn read_with(edit: impl FnOnce(&mut Edited)) -> ArtifactError {
    let mut edited = Edited::new(&artifact(HeadKind::Softmax).to_bytes());
    edit(&mut edited);
    edited.read().unwrap_err()
}

fn read_with_metadata(key: &str, value: &str) -> ArtifactError {
    read_with(|file| drop(file.metadata.insert(key.to_owned(), value.to_owned())))
}

#[test]
fn every_kind_of_head_comes_back_from_its_bytes() {
    for kind in HeadKind::ALL {
        let head = artifact(kind);
        let bytes = head.to_bytes();
        let read = HeadArtifact::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes, "{kind}");
        let features = Features(clusters(3, 4, 6).features().clone());
        assert_eq!(read.predict(&features).unwrap(), head.predict(&features).unwrap());
        assert_eq!(read.report(), &head.report().without_durations());
    }
}

#[test]
fn the_same_samples_and_options_give_the_same_bytes() {
    for kind in HeadKind::ALL {
        assert_eq!(artifact(kind).to_bytes(), artifact(kind).to_bytes(), "{kind}");
    }
}

#[test]
fn the_librarys_own_writing_is_read_as_well() {
    assert!(Edited::new(&artifact(HeadKind::Ridge).to_bytes()).read().is_ok());
}

#[test]
fn a_file_cut_short_at_any_byte_is_refused() {
    let bytes = artifact(HeadKind::Prototype).to_bytes();
    for length in (0..bytes.len()).step_by(7) {
        let error = HeadArtifact::from_bytes(&bytes[..length]).unwrap_err();
        assert!(matches!(error, ArtifactError::NotSafetensors(_)), "{length}: {error}");
    }
}

#[test]
fn a_header_that_promises_gigabytes_is_refused() {
    let mut bytes = artifact(HeadKind::Prototype).to_bytes();
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(HeadArtifact::from_bytes(&bytes), Err(ArtifactError::NotSafetensors(_))));
}

#[test]
fn other_files_and_newer_versions_are_refused() {
    assert!(matches!(read_with(|file| file.metadata.clear()), ArtifactError::Format(None)));
    assert!(matches!(read_with_metadata("format", "model"), ArtifactError::Format(Some(_))));
    let newer = read_with_metadata("version", "3");
    assert_eq!(newer.to_string(), "expected a head of version 2 or older, got `3`");
    assert!(matches!(read_with_metadata("task", "clustering"), ArtifactError::Task(_)));
}

#[test]
fn metadata_that_says_nothing_is_refused_with_its_key() {
    let missing = read_with(|file| drop(file.metadata.remove("labels")));
    assert_eq!(missing.to_string(), "expected `labels` in the metadata");
    assert!(matches!(
        read_with_metadata("labels", "[\"a\", \"a\", \"b\"]"),
        ArtifactError::Metadata { key: "labels", .. }
    ));
    assert!(matches!(read_with_metadata("report", "{}"), ArtifactError::Metadata { key: "report", .. }));
    assert!(matches!(read_with_metadata("unknown", "7"), ArtifactError::Metadata { key: "unknown", .. }));
    assert!(matches!(read_with_metadata("kind", "forest"), ArtifactError::Kind(_)));
    assert!(matches!(read_with_metadata("fingerprint", "12"), ArtifactError::Fingerprint(_)));
    for temperature in ["0", "-1", "NaN", "inf", "warm"] {
        assert!(matches!(read_with_metadata("temperature", temperature), ArtifactError::Temperature(_)));
    }
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    let labels = read_with_metadata("labels", "[\"a\", \"b\"]");
    assert_eq!(labels.to_string(), "expected 3 labels, one a class, got 2");
    let missing = read_with(|file| drop(file.tensors.remove("weight")));
    assert_eq!(missing.to_string(), "expected the tensor `weight`");
    let flat = read_with(|file| file.tensors.get_mut("weight").unwrap().1 = vec![18]);
    assert_eq!(flat.to_string(), "expected the tensor `weight` to be F32 of 2 dimensions, got F32 of shape [18]");
    let empty = read_with(|file| *file.tensors.get_mut("weight").unwrap() = (Dtype::F32, vec![0, 6], vec![]));
    assert!(matches!(empty, ArtifactError::Invalid(InvalidHead::Empty { classes: 0, dim: 6 })));
    let biases = read_with(|file| *file.tensors.get_mut("bias").unwrap() = (Dtype::F32, vec![1], vec![0; 4]));
    assert!(matches!(biases, ArtifactError::Invalid(InvalidHead::Biases { expected: 3, got: 1 })));
}

#[test]
fn a_weight_that_is_not_a_number_is_refused() {
    let error =
        read_with(|file| file.tensors.get_mut("weight").unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes()));
    assert_eq!(error.to_string(), "expected finite numbers in the tensor `weight`");
}

#[test]
fn a_head_that_an_older_program_updated_from_sums_is_read() {
    let mut edited = Edited::new(&artifact(HeadKind::Lda).to_bytes());
    let update = r#"{"update":{"measured_on":60,"added":1,"removed":2,"relabelled":3,"rebuilt":false},"#;
    let report = edited.metadata["report"].replacen('{', update, 1);
    edited.metadata.insert("report".to_owned(), report);
    assert_eq!(edited.read().unwrap().report(), &artifact(HeadKind::Lda).report().without_durations());
}
