//! Both ways through the same pictures.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Admit, ExtractError, Extractor, Outcome, Queue, batched, fused};
use crate::backbone::{ImportRequest, Loader, Options, Package, Provider, ProviderChoice};
use crate::preprocess::Limits;

type Way = fn(
    &Extractor<'_>,
    &Queue<'_>,
    &Admit<'_>,
    &mut dyn FnMut(usize, Outcome) -> Result<(), ExtractError>,
) -> Result<(), ExtractError>;

const WAYS: [Way; 2] = [fused::run, batched::run];

fn loader() -> Loader {
    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx");
    let package = Package::from_onnx(&network, &ImportRequest::default()).unwrap();
    let options = Options { provider: ProviderChoice::Only(Provider::Tract), threads: 1, ..Options::default() };
    Loader::new(package, &options).unwrap()
}

/// Pictures of which every fifth is broken.
fn pictures(folder: &Path, count: usize) -> Vec<PathBuf> {
    let write = |number: usize| {
        let path = folder.join(format!("{number}.png"));
        if number % 5 == 4 {
            std::fs::write(&path, b"broken").unwrap();
        } else {
            let picture = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, number as u8]));
            picture.save(&path).unwrap();
        }
        path
    };
    (0..count).map(write).collect()
}

fn outcomes(way: Way, paths: &[PathBuf], stop: &AtomicBool, admit: &Admit<'_>) -> Vec<Option<Outcome>> {
    let loader = loader();
    let extractor =
        Extractor { loader: &loader, limits: Limits::default(), threads: 3, journal: &(), thumbnails: false };
    let mut outcomes: Vec<Option<Outcome>> = paths.iter().map(|_| None).collect();
    let queue = Queue { paths, next: AtomicUsize::new(0), stop };
    way(&extractor, &queue, admit, &mut |index, outcome| {
        assert!(outcomes[index].replace(outcome).is_none(), "one outcome a picture");
        Ok(())
    })
    .unwrap();
    outcomes
}

#[test]
fn both_ways_give_every_picture_one_outcome_and_the_same_feature() {
    let folder = tempfile::tempdir().unwrap();
    let paths = pictures(folder.path(), 43);
    let features = WAYS.map(|way| {
        let outcomes = outcomes(way, &paths, &AtomicBool::new(false), &|_, _| true);
        let feature = |outcome: Option<Outcome>| match outcome.expect("every picture is visited") {
            Outcome::Extracted(extracted) => Some(extracted.feature),
            _ => None,
        };
        outcomes.into_iter().map(feature).collect::<Vec<_>>()
    });
    for (number, (one, other)) in features[0].iter().zip(&features[1]).enumerate() {
        assert_eq!(one.is_none(), number % 5 == 4);
        assert_eq!(one, other, "picture {number}");
    }
}

#[test]
fn what_is_not_admitted_is_declined() {
    let folder = tempfile::tempdir().unwrap();
    let paths = pictures(folder.path(), 4);
    for way in WAYS {
        let outcomes = outcomes(way, &paths, &AtomicBool::new(false), &|index, _| index != 2);
        assert!(matches!(outcomes[2], Some(Outcome::Declined(_))));
        assert!(matches!(outcomes[3], Some(Outcome::Extracted(_))));
    }
}

#[test]
fn a_raised_flag_begins_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let paths = pictures(folder.path(), 4);
    for way in WAYS {
        let begun = AtomicUsize::new(0);
        let admit = |_, _| begun.fetch_add(1, Ordering::SeqCst) < usize::MAX;
        assert!(outcomes(way, &paths, &AtomicBool::new(true), &admit).iter().all(Option::is_none));
        assert_eq!(begun.into_inner(), 0);
    }
}

#[test]
fn an_error_of_the_visitor_ends_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let paths = pictures(folder.path(), 30);
    let loader = loader();
    let extractor =
        Extractor { loader: &loader, limits: Limits::default(), threads: 2, journal: &(), thumbnails: false };
    for way in WAYS {
        let stop = AtomicBool::new(false);
        let queue = Queue { paths: &paths, next: AtomicUsize::new(0), stop: &stop };
        let full = || ndarray::ShapeError::from_kind(ndarray::ErrorKind::OutOfBounds);
        let ended = way(&extractor, &queue, &|_, _| true, &mut |_, _| Err(ExtractError::Shape(full())));
        assert!(ended.is_err());
    }
}
