//! A head's file: the same bytes every time, and every damage refused by name.

use std::collections::BTreeMap;

use crate::head_data::clusters;
use edgetl::digest::Digest;
use edgetl::head::{
    ArtifactError, FitOptions, HeadArtifact, HeadChoice, HeadKind, HeldOutAnswers, Initialisation, InvalidHead,
    KeptAnswers, LearningRate, MlpSettings, Task, fit, fit_with_answers,
};
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
        let mut bytes = safetensors::serialize(views, metadata).unwrap();
        if let Some(old) = self.metadata.get("checksum") {
            let place = bytes.windows(64).position(|window| window == old.as_bytes()).unwrap();
            bytes[place..][..64].fill(b'0');
            let checksum = Digest::of(&bytes).to_string();
            bytes[place..][..64].copy_from_slice(checksum.as_bytes());
        }
        HeadArtifact::from_bytes(&bytes)
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

/// Files of an older program keep answers and do not say which pictures are of one group.
#[test]
fn answers_without_groups_are_read_and_count_each_picture_by_itself() {
    let options = FitOptions { head: HeadChoice::Only(HeadKind::Ridge), ..FitOptions::default() };
    let (head, answers) = fit_with_answers(&clusters(3, 12, 6), &options).unwrap();
    let pictures: Vec<i64> = (0..answers.truth.len() as i64).collect();
    let two: Vec<u32> = pictures.iter().map(|picture| (picture % 2) as u32 * 9).collect();
    let kept = KeptAnswers::new(&pictures, &answers.truth, &two, answers.probabilities.view()).unwrap();
    let head = head.noting_answers(kept).unwrap();
    let right = |head: &HeadArtifact| HeldOutAnswers::of(head).unwrap().outcome(head.operating()).right;
    let read = HeadArtifact::from_bytes(&head.to_bytes()).unwrap();
    assert_eq!((read.answers(), right(&read).groups), (head.answers(), Some(2)));
    let mut older = Edited::new(&head.to_bytes());
    older.tensors.remove("answers.groups").unwrap();
    let older = older.read().unwrap();
    assert_eq!((right(&older).groups, right(&older).count), (None, right(&head).count));
    assert!(right(&older).low > right(&head).low);
    let mut broken = Edited::new(&head.to_bytes());
    broken.tensors.get_mut("answers.groups").unwrap().2[..4].copy_from_slice(&i32::MAX.to_le_bytes());
    assert!(matches!(broken.read(), Err(ArtifactError::Invalid(InvalidHead::Answers(3)))));
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
    let newer = read_with_metadata("version", "4");
    assert_eq!(
        newer.to_string(),
        "expected a head of version 3 or older, got `4`, which another version of edgetl wrote"
    );
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

/// Two classes on six channels, one of each kind of rule and answer.
fn small_heads() -> Vec<HeadArtifact> {
    let fit_as = |task, kind| {
        let options = FitOptions { task, head: HeadChoice::Only(kind), ..FitOptions::default() };
        fit(&clusters(2, 12, 6), &options).unwrap()
    };
    vec![fit_as(Task::Classification, HeadKind::Softmax), fit_as(Task::Multilabel, HeadKind::Softmax)]
}

#[test]
fn every_flipped_bit_of_a_head_is_an_error() {
    for head in small_heads() {
        let bytes = head.to_bytes();
        assert!(bytes.len() < 8000, "{}", bytes.len());
        for (place, bit) in (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            let read = HeadArtifact::from_bytes(&damaged);
            assert!(read.is_err(), "bit {bit} of byte {place}");
        }
    }
}

#[test]
fn a_head_that_was_changed_and_parses_says_that_it_is_damaged() {
    let bytes = artifact(HeadKind::Ridge).to_bytes();
    let changed = |from: &[u8], to: &[u8]| {
        let place = bytes.windows(from.len()).position(|window| window == from).unwrap();
        let mut changed = bytes.clone();
        changed[place..][..to.len()].copy_from_slice(to);
        HeadArtifact::from_bytes(&changed).unwrap_err()
    };
    assert!(matches!(changed(b"class 0", b"claws 0"), ArtifactError::Checksum));
    assert!(matches!(changed(b"\"version\":\"3\"", b"\"version\":\"1\""), ArtifactError::Checksum));
    let error = changed(b"\"temperature\":\"", b"\"temperature\":\"9");
    assert_eq!(error.to_string(), "the file is damaged: its checksum does not match");
    let missing = read_with(|file| drop(file.metadata.remove("checksum")));
    assert!(matches!(missing, ArtifactError::MissingMetadata("checksum")));
}

#[test]
fn a_head_keeps_all_that_it_was_fitted_with() {
    let mlp = MlpSettings {
        width: Some(5),
        initialisation: Initialisation::Xavier,
        learning_rate: LearningRate::Fixed(0.003),
        epochs: 4,
        ..MlpSettings::default()
    };
    let head = HeadChoice::Only(HeadKind::Mlp);
    let penalties = Some(vec![0.1, 2.5e-3]);
    let options = FitOptions {
        head,
        balance: true,
        folds: 3,
        seed: 9,
        penalties,
        false_reject: 0.125,
        mlp,
        ..FitOptions::default()
    };
    let written = fit(&clusters(3, 12, 6), &options).unwrap();
    let read = HeadArtifact::from_bytes(&written.to_bytes()).unwrap();
    assert_eq!(read.options(), Some(&options));
    let automatic = FitOptions { budget: Some(0.5), ..FitOptions::default() };
    let written = fit(&clusters(3, 12, 6), &automatic).unwrap();
    assert_eq!(HeadArtifact::from_bytes(&written.to_bytes()).unwrap().options(), Some(&automatic));
}

#[test]
fn heads_of_older_versions_are_read_and_have_no_checksum() {
    for (version, bytes) in [
        (1, &include_bytes!("../fixtures/head/version_1.safetensors")[..]),
        (2, &include_bytes!("../fixtures/head/version_2.safetensors")[..]),
    ] {
        let head = HeadArtifact::from_bytes(bytes).unwrap();
        assert_eq!(HeadArtifact::file_version(bytes).unwrap(), version);
        assert!(!HeadArtifact::has_checksum(version) && head.options().is_none());
        let told = FitOptions::told_by(head.report());
        assert_eq!((told.task, told.head), (head.outputs().task(), HeadChoice::Only(head.head().kind())));
        let rewritten = head.to_bytes();
        assert_eq!(HeadArtifact::file_version(&rewritten).unwrap(), 3);
        assert_eq!(HeadArtifact::from_bytes(&rewritten).unwrap(), head);
    }
}
