//! What a camera saw last becomes a sample when somebody says what it is.

use super::scene::{Scene, Shown, feature, photograph};
use super::{Recent, TeachError};
use crate::camera::Content;
use crate::dataset::SampleId;
use crate::device::DeviceError;
use crate::digest::ContentHash;
use crate::labels::Label;
use crate::preprocess::{Limits, Picture, decode};
use crate::store::{Filter, SampleRow};

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn row(scene: &Scene, id: SampleId) -> SampleRow {
    scene.device.existing_store().unwrap().samples(&Filter::ids(vec![id])).unwrap().remove(0)
}

#[test]
fn the_last_look_becomes_a_sample_whose_file_is_what_the_camera_gave() {
    let scene = Scene::new();
    let recent = Recent::new(scene.device.clone());
    let mut witness = recent.witness();
    assert!(matches!(recent.label("gate", &label("fox")), Err(TeachError::NothingSeen(name)) if name == "gate"));
    for (name, number) in [("gate", 1), ("gate", 2), ("door", 3)] {
        scene.show(&mut *witness, (name, 1_795_700_000_000 + number), &feature(0, number));
    }
    let added =
        std::thread::scope(|scope| scope.spawn(|| recent.label("gate", &label("fox")).unwrap()).join().unwrap());
    let row = row(&scene, added.id);
    assert_eq!((row.label, added.relabelled, added.was_known), (Some(label("fox")), None, false));
    assert_eq!(row.group.as_deref(), Some("gate 2026-11-26T13:33:20.001Z"), "of the first look");
    let (_, Content::File(sent)) = photograph(1_795_700_000_002, 8) else { panic!("it is a file") };
    let file = std::fs::read(&row.source).unwrap();
    assert!(file == sent.to_vec() && row.hash == ContentHash::of(&file));
    assert_eq!((row.width, row.height), (8, 8));
    let store = scene.device.existing_store().unwrap();
    let fingerprint = store.fingerprints().unwrap()[0].fingerprint;
    assert_eq!(store.vector(added.id, &fingerprint).unwrap(), Some(feature(0, 2)));
    assert!(store.thumbnail(added.id).unwrap().is_some());
}

#[test]
fn what_somebody_says_is_about_the_picture_that_was_shown_and_not_about_one_that_did_not_arrive() {
    let scene = Scene::new();
    let recent = Recent::new(scene.device.clone());
    let mut witness = recent.witness();
    let hash_of = |name: &str| row(&scene, recent.label("gate", &label(name)).unwrap().id).hash;
    let sent = |number| match photograph(number, 8).1 {
        Content::File(bytes) => ContentHash::of(&bytes),
        Content::Pixels(_) => panic!("it is a file"),
    };
    scene.show(&mut *witness, ("gate", 1000), &feature(0, 1));
    let first = recent.to_show("gate").unwrap();
    assert!(recent.to_show("gate").is_none(), "it is given once");
    first.is_shown();
    scene.show(&mut *witness, ("gate", 2000), &feature(0, 2));
    let second = recent.to_show("gate").unwrap();
    assert!(matches!(second.content(), Content::File(bytes) if ContentHash::of(bytes) == sent(2000)));
    assert_eq!(hash_of("fox"), sent(1000), "the second is on its way");
    second.is_shown();
    assert_eq!(hash_of("dog"), sent(2000));
}

#[test]
fn who_says_something_else_of_the_same_picture_is_right_and_it_can_be_taken_back() {
    let scene = Scene::new();
    let recent = Recent::new(scene.device.clone());
    let mut witness = recent.witness();
    scene.show(&mut *witness, ("gate", 1000), &feature(0, 1));
    let first = recent.label("gate", &label("fox")).unwrap();
    let second = recent.label("gate", &label("dog")).unwrap();
    assert_eq!((second.id, second.was_known, second.relabelled.clone()), (first.id, true, Some(label("fox"))));
    assert_eq!(row(&scene, first.id).label, Some(label("dog")));
    scene.device.existing_store().unwrap().undo().unwrap();
    assert_eq!(row(&scene, first.id).label, Some(label("fox")));
}

#[test]
fn of_a_camera_that_is_cut_the_file_holds_what_the_network_saw_pixel_by_pixel() {
    let scene = Scene::new();
    let recent = Recent::new(scene.device.clone());
    let mut witness = recent.witness();
    let (_, content) = photograph(1, 8);
    let (seen, feature) = (photograph(2, 5).0, feature(1, 1));
    let answer = scene.answer("gate", &feature);
    Shown { camera: "gate", at: 1000, feature: &feature, content, is_whole: false, picture: &seen, answer }
        .to(&mut *witness);
    let row = row(&scene, recent.label("gate", &label("dog")).unwrap().id);
    assert!(row.source.ends_with(".png"), "{}", row.source);
    let file = std::fs::read(&row.source).unwrap();
    assert_eq!(decode(&file, &Limits::default(), [0; 3]).unwrap(), seen);
}

#[test]
fn what_is_no_picture_becomes_no_sample() {
    let scene = Scene::new();
    let recent = Recent::new(scene.device.clone());
    let mut witness = recent.witness();
    let (feature, picture) = (feature(1, 1), Picture::new(1, 1, vec![0; 3]).unwrap());
    let content = Content::File(b"no picture".as_slice().into());
    let answer = scene.answer("gate", &feature);
    Shown { camera: "gate", at: 1000, feature: &feature, content, is_whole: true, picture: &picture, answer }
        .to(&mut *witness);
    let error = recent.label("gate", &label("dog")).unwrap_err();
    assert!(matches!(error, TeachError::Device(DeviceError::Extract(_))), "{error}");
    assert_eq!(scene.device.existing_store().unwrap().samples(&Filter::default()).unwrap().len(), 36);
}
