//! What is kept of looks that are shown to the witness, with a clock that is made up.

use super::scene::{Scene, Shown, between, camera, feature, photograph, twin};
use super::{Keeping, ReviewSettings};
use crate::store::{ReviewRow, Worth};

const START: u64 = 1_795_700_000_000;
const SETTINGS: ReviewSettings = ReviewSettings { most: 40, days: 30, megabytes: 1, disk_reserve_megabytes: 0 };

fn keeping(scene: &Scene, settings: ReviewSettings) -> Keeping {
    Keeping::new(scene.device.clone(), settings, &[camera("gate"), camera("door")]).unwrap()
}

fn kept(scene: &Scene) -> Vec<ReviewRow> {
    let mut rows = scene.device.reviews().unwrap();
    rows.sort_by_key(|row| row.id);
    rows
}

/// At so many seconds.
fn at(seconds: u64) -> u64 {
    START + seconds * 1000
}

#[test]
fn what_the_head_knows_is_not_kept_and_what_it_does_not_know_is() {
    let scene = Scene::new();
    let mut keeping = keeping(&scene, SETTINGS);
    (0..3).for_each(|class| scene.show(&mut keeping, ("gate", at(20 * class)), &feature(class, 500)));
    assert!(kept(&scene).is_empty());
    scene.show(&mut keeping, ("gate", at(100)), &between(0, 1, 1));
    scene.show(&mut keeping, ("gate", at(200)), &feature(77, 1));
    let rows = kept(&scene);
    assert!(matches!(rows[0].why, Worth::Unsure | Worth::Unknown), "{rows:?}");
    assert!(matches!(rows[1].why, Worth::Far | Worth::Unknown | Worth::Unsure), "{rows:?}");
    assert_eq!((rows.len(), rows[0].at, rows[0].camera.as_str()), (2, at(100), "gate"));
    let answer: serde_json::Value = serde_json::from_str(&rows[0].answer).unwrap();
    assert!(answer["nearest"].is_string() && answer["top"].as_array().unwrap().len() == 3, "{answer}");
    assert!(rows.iter().all(|row| row.usefulness > 0.0 && row.usefulness <= 1.0));
}

#[test]
fn answers_that_change_to_and_fro_are_worth_a_label_though_each_is_sure() {
    let scene = Scene::new();
    let mut keeping = keeping(&scene, SETTINGS);
    let looks = [0, 1, 0, 1].into_iter().zip(0..);
    looks.for_each(|(class, second)| scene.show(&mut keeping, ("gate", at(second)), &feature(class, 600 + second)));
    let rows = kept(&scene);
    assert_eq!(rows.iter().map(|row| row.why).collect::<Vec<_>>(), [Worth::Disagreeing]);
}

#[test]
fn near_twins_of_what_is_stored_waits_or_was_dismissed_are_left_out() {
    let scene = Scene::new();
    let mut keeping = keeping(&scene, SETTINGS);
    let new = between(0, 1, 1);
    scene.show(&mut keeping, ("gate", at(0)), &new);
    scene.show(&mut keeping, ("gate", at(60)), &twin(&new, 1));
    assert_eq!(kept(&scene).len(), 1);
    let id = kept(&scene)[0].id;
    scene.device.dismiss(&[id]).unwrap();
    scene.show(&mut keeping, ("gate", at(120)), &twin(&new, 2));
    assert!(kept(&scene).is_empty(), "it was dismissed");
    let other = between(1, 2, 2);
    scene.show(&mut keeping, ("gate", at(180)), &other);
    let label = crate::labels::Label::new("dog").unwrap();
    scene.device.label_review(kept(&scene)[0].id, &label).unwrap();
    scene.show(&mut keeping, ("gate", at(240)), &twin(&other, 3));
    assert!(kept(&scene).is_empty(), "it is a sample, though no head knows it yet");
    scene.show(&mut keeping, ("gate", at(300)), &between(0, 2, 3));
    assert_eq!(kept(&scene).len(), 1);
}

#[test]
fn each_camera_has_a_cool_down_and_one_that_is_not_in_the_settings_is_left_alone() {
    let scene = Scene::new();
    let mut keeping = keeping(&scene, SETTINGS);
    for second in 0..25 {
        for (name, other) in [("gate", 1), ("door", 2), ("passing", 2)] {
            scene.show(&mut keeping, (name, at(second)), &between(0, other, 10 + second));
        }
    }
    let of = |name: &str| -> Vec<u64> {
        let rows = kept(&scene).into_iter().filter(|row| row.camera == name);
        rows.map(|row| (row.at - START) / 1000).collect()
    };
    for name in ["gate", "door"] {
        let seconds = of(name);
        assert!(seconds.len() >= 2 && seconds.windows(2).all(|pair| pair[1] - pair[0] >= 10), "{name}: {seconds:?}");
    }
    assert!(of("passing").is_empty());
    let groups: std::collections::BTreeSet<String> = kept(&scene).into_iter().map(|row| row.group).collect();
    assert_eq!(groups.len(), 2, "what happens before a camera within a few seconds is one group: {groups:?}");
}

#[test]
fn a_day_of_frames_stays_within_count_bytes_and_age() {
    let scene = Scene::new();
    let settings = ReviewSettings { days: 1, ..SETTINGS };
    let mut keeping = keeping(&scene, settings);
    let mut most = 0;
    for number in 0..2 * 24 * 60 {
        let second = number * 60;
        let feature = if number % 3 == 0 { feature(number % 5, number) } else { between(0, number % 4, number) };
        let (picture, content) = photograph(number, 120);
        let answer = scene.answer("gate", &feature);
        Shown { camera: "gate", at: at(second), feature: &feature, content, is_whole: true, picture: &picture, answer }
            .to(&mut keeping);
        if number % 100 == 99 {
            let rows = kept(&scene);
            most = most.max(rows.len());
            assert!(rows.len() <= 40 && rows.iter().map(|row| row.bytes).sum::<u64>() <= 1_000_000);
            assert!(rows.iter().all(|row| at(second) - row.at <= 24 * 60 * 60 * 1000));
        }
    }
    assert!(most >= 20, "there was enough to keep: {most}");
}

#[test]
fn the_reserve_of_the_disk_is_not_touched() {
    let scene = Scene::new();
    let mut keeping = keeping(&scene, ReviewSettings { disk_reserve_megabytes: u32::MAX, ..SETTINGS });
    (0..5).for_each(|number| scene.show(&mut keeping, ("gate", at(60 * number)), &between(0, 1, number)));
    assert!(kept(&scene).is_empty());
    assert_eq!(keeping.counts.no_room, 5);
}

#[test]
fn nothing_is_kept_where_a_bound_is_nothing() {
    let scene = Scene::new();
    for settings in [
        ReviewSettings { most: 0, ..SETTINGS },
        ReviewSettings { days: 0, ..SETTINGS },
        ReviewSettings { megabytes: 0, ..SETTINGS },
    ] {
        assert!(Keeping::new(scene.device.clone(), settings, &[camera("gate")]).is_none());
    }
    assert!(Keeping::new(scene.device.clone(), SETTINGS, &[]).is_none());
}

#[test]
fn a_store_that_cannot_be_read_stops_nothing_and_once_it_can_pictures_are_kept_again() {
    let scene = Scene::new();
    let mut keeping = keeping(&scene, SETTINGS);
    let (database, aside) = (scene.device.state().database(), scene.device.state().path().join("aside.db"));
    std::fs::rename(&database, &aside).unwrap();
    std::fs::create_dir(&database).unwrap();
    (0..2).for_each(|number| scene.show(&mut keeping, ("gate", at(60 * number)), &between(0, 1, number)));
    std::fs::remove_dir(&database).unwrap();
    std::fs::rename(&aside, &database).unwrap();
    scene.show(&mut keeping, ("gate", at(200)), &between(0, 1, 2));
    assert_eq!((kept(&scene).len(), keeping.counts.failures), (1, 2));
}
