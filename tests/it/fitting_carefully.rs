//! `fit-head --unless-worse` and the service that teaches itself: what takes the place of the live head and what does not.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use edgetl::device::{Device as Library, FitAsked, Settings, Trainer, TrainerSettings, TrainingEvent};
use edgetl::head::{ArtifactParts, HeadArtifact};
use edgetl::store::{HeadFolder, StateDir};
use predicates::str::contains;
use serde_json::{Value, json};

use crate::common::Device;

/// A device with a ridge head, which is quick, that was fitted on `each` drawings of a shape.
fn taught(each: usize, flags: &[&str]) -> Device {
    taught_by("ridge", each, flags)
}

fn taught_by(head: &str, each: usize, flags: &[&str]) -> Device {
    let device = Device::new();
    device.draw("photos", each, 0);
    device.json(&["collect", "photos"]);
    device.json(&[&["fit-head", "--head", head][..], flags].concat());
    device
}

/// A device whose new pictures have four wrong labels in ten.
fn mistaught() -> Device {
    let device = taught_by("lda", 20, &[]);
    collect_more(&device, (20, 8), 50);
    device
}

/// Collects `each` more drawings of a shape; of the first `wrong` of each, one shape is called another.
fn collect_more(device: &Device, (each, wrong): (usize, usize), seed: u64) {
    let drawn = device.draw("drawn", each, seed);
    let mut shapes: Vec<_> = std::fs::read_dir(&drawn).unwrap().map(|entry| entry.unwrap().path()).collect();
    shapes.sort();
    let more = device.path(&format!("more-{seed}"));
    for (place, shape) in shapes.iter().enumerate() {
        let mut pictures: Vec<_> = std::fs::read_dir(shape).unwrap().map(|entry| entry.unwrap().path()).collect();
        pictures.sort();
        for (number, picture) in pictures.iter().enumerate() {
            let called = if number < wrong { &shapes[(place + 1) % shapes.len()] } else { shape };
            let folder = more.join(called.file_name().unwrap());
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::rename(picture, folder.join(format!("{place}-{number}.png"))).unwrap();
        }
    }
    std::fs::remove_dir_all(&drawn).unwrap();
    device.json(&["collect", more.to_str().unwrap()]);
}

/// All heads after a careful fit.
fn carefully(device: &Device, flags: &[&str]) -> Value {
    let arguments = [&["fit-head", "--unless-worse"][..], flags].concat();
    device.edgetl(&arguments).assert().success();
    device.json(&["heads", "list"]).remove(0)
}

fn live(device: &Device) -> u64 {
    let list = device.json(&["heads", "list"]).remove(0);
    let heads = list.as_array().unwrap().clone();
    heads.iter().find(|head| head["current"] == true).unwrap()["version"].as_u64().unwrap()
}

fn library(device: &Device) -> Library {
    Library::new(StateDir::new(device.state()), Settings::default())
}

#[test]
fn more_good_pictures_are_published_and_the_same_again_is_nothing_new() {
    let device = taught(4, &[]);
    collect_more(&device, (8, 0), 50);
    let fitted = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!((&fitted["outcome"], &fitted["version"]), (&"published".into(), &2.into()), "{fitted}");
    let comparison = &fitted["comparison"];
    assert_eq!((&comparison["against"], &comparison["measure"]), (&1.into(), &"accuracy".into()), "{comparison}");
    assert_eq!(comparison["changes"], json!({ "added": 48, "relabelled": 0, "renamed": 0, "removed": 0 }));
    assert_eq!((&comparison["all"]["pictures"], &comparison["known"]["pictures"]), (&72.into(), &24.into()));
    assert_eq!(live(&device), 2);
    let again = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!(again, json!({ "outcome": "nothing-new", "version": 2, "for_review": false }));
    assert_eq!(device.json(&["heads", "show"])[0]["comparison"], *comparison);
}

#[test]
fn wrong_labels_are_kept_for_review_and_the_live_head_stays_until_somebody_takes_the_other() {
    let device = mistaught();
    let before = std::fs::read(device.state().join("heads/current")).unwrap();
    let list = carefully(&device, &["--note", "after the storm"]);
    assert_eq!(std::fs::read(device.state().join("heads/current")).unwrap(), before);
    let kept = &list[1];
    assert_eq!((&kept["current"], &kept["for_review"], &kept["version"]), (&false.into(), &true.into(), &2.into()));
    assert_eq!((&kept["comparison"]["verdict"], &kept["note"]), (&"worse".into(), &"after the storm".into()));

    // It is not fitted a second time, and waits.
    let again = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!(again, json!({ "outcome": "nothing-new", "version": 2, "for_review": true }));
    device.edgetl(&["fit-head", "--unless-worse"]).assert().success().stdout(contains("edgetl heads activate 2"));

    // Nobody rolls back to a head that was never live; the one that is left waits.
    device.json(&["fit-head", "--head", "ridge"]);
    assert_eq!((live(&device), device.json(&["heads", "rollback"])[0]["version"].as_u64()), (3, Some(1)));
    assert_eq!(device.json(&["heads", "activate", "2"])[0]["version"], 2);
    let list = device.json(&["heads", "list"]).remove(0);
    assert_eq!((&list[1]["current"], &list[1]["for_review"]), (&true.into(), &false.into()));
    assert_eq!(device.json(&["heads", "rollback"])[0]["version"], 1);
}

#[test]
fn what_was_rolled_back_is_not_published_again_of_the_same_pictures() {
    let device = taught(4, &[]);
    collect_more(&device, (8, 0), 50);
    assert_eq!(device.json(&["fit-head", "--unless-worse"])[0]["outcome"], "published");
    assert_eq!(device.json(&["heads", "rollback"])[0]["version"], 1);
    let again = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!(again, json!({ "outcome": "nothing-new", "version": 2, "for_review": true }));
    assert_eq!(live(&device), 1);
    // Whoever wants it all the same takes it.
    assert_eq!(device.json(&["heads", "activate", "2"])[0]["version"], 2);
    let list = device.json(&["heads", "list"]).remove(0);
    assert_eq!((&list[0]["for_review"], &list[1]["for_review"]), (&false.into(), &false.into()));
}

#[test]
fn a_comparison_is_said_in_a_few_lines() {
    let device = mistaught();
    let said = device.edgetl(&["fit-head", "--unless-worse"]).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("since the live head")).take(8).collect();
    assert_eq!(lines[0], "since the live head was fitted: 120 pictures added", "{text}");
    assert!(lines[1].starts_with("held out from both: 240 pictures"), "{text}");
    assert!(lines[2].starts_with("  accuracy ") && lines[2].contains(" %, before "), "{text}");
    assert!(lines[3].starts_with("  gain -") && lines[3].contains(", 95 % interval "), "{text}");
    assert!(lines[4].starts_with("of these, learned by head 000001: 120 pictures"), "{text}");
    assert!(lines[7].starts_with("worse than head 000001"), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("kept for review as head 000002"), "{text}");
}

#[test]
fn without_flags_the_recipe_is_that_of_the_live_head_and_with_them_another() {
    let device = taught(5, &["--balance"]);
    collect_more(&device, (3, 0), 50);
    let dry = device.json(&["fit-head", "--unless-worse", "--dry-run"]).remove(0);
    assert_eq!((&dry["outcome"], &dry["head"], &dry["balance"]), (&"dry-run".into(), &"ridge".into(), &true.into()));
    assert_eq!((&dry["comparison"]["measure"], &dry["version"]), (&"balanced-accuracy".into(), &Value::Null));
    let other = device.json(&["fit-head", "--unless-worse", "--head", "lda", "--cost", "star:ring=5"]).remove(0);
    assert_eq!((&other["head"], &other["comparison"]["measure"]), (&"lda".into(), &"cost".into()));
    assert!(other["comparison"]["all"]["new"].is_number(), "{other}");
}

#[test]
fn labels_that_were_renamed_or_removed_are_published_without_a_comparison_and_corrected_ones_are_compared() {
    let device = taught(6, &[]);
    device.json(&["samples", "rename", "star", "asterisk"]);
    let renamed = device.json(&["fit-head", "--unless-worse"]).remove(0);
    let comparison = &renamed["comparison"];
    assert_eq!((&renamed["outcome"], &comparison["verdict"]), (&"published".into(), &"not-compared".into()));
    assert_eq!((&comparison["changes"]["renamed"], &comparison["all"]), (&6.into(), &Value::Null));
    device.json(&["samples", "remove", "--label", "ring"]);
    let removed = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!((&removed["outcome"], &removed["comparison"]["changes"]["removed"]), (&"published".into(), &6.into()));
    device.json(&["samples", "relabel", "circle", "--id", "7"]);
    let corrected = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!(corrected["comparison"]["changes"]["relabelled"], 1);
    assert!(corrected["comparison"]["all"]["gain"].is_number(), "{corrected}");
}

#[test]
fn a_new_class_is_judged_on_the_others_and_its_own_pictures_are_counted() {
    let device = Device::new();
    let photos = device.draw("photos", 12, 0);
    for shape in ["cross", "square", "triangle"] {
        std::fs::remove_dir_all(photos.join(shape)).unwrap();
    }
    std::fs::rename(photos.join("star"), device.path("star")).unwrap();
    device.json(&["collect", "photos"]);
    device.json(&["fit-head", "--head", "ridge"]);
    device.json(&["collect", "star", "--label", "star"]);
    let fitted = device.json(&["fit-head", "--unless-worse"]).remove(0);
    let comparison = &fitted["comparison"];
    assert_eq!(comparison["all"]["pictures"], 24, "those of the other classes: {comparison}");
    assert_eq!(comparison["all"], comparison["known"]);
    let class = &comparison["new_classes"][0];
    assert_eq!((&class["label"], &class["found"]["of"]), (&"star".into(), &12.into()));
    let is_worse = comparison["verdict"] == "worse";
    assert_eq!(fitted["outcome"] == "kept", is_worse, "{comparison}");
}

#[test]
fn a_class_that_was_merged_into_another_was_not_renamed_and_is_compared() {
    let device = taught(6, &[]);
    device.json(&["samples", "rename", "star", "ring"]);
    let merged = device.json(&["fit-head", "--unless-worse"]).remove(0);
    let changes = &merged["comparison"]["changes"];
    assert_eq!((&changes["renamed"], &changes["relabelled"]), (&0.into(), &6.into()), "{merged}");
    assert!(merged["comparison"]["all"]["gain"].is_number(), "{merged}");
}

#[test]
fn where_the_recipe_of_the_live_head_cannot_be_fitted_any_more_the_new_head_is_kept() {
    let device = Device::new();
    let photos = device.draw("photos", 6, 0);
    for shape in ["cross", "square", "triangle"] {
        std::fs::remove_dir_all(photos.join(shape)).unwrap();
    }
    std::fs::rename(photos.join("star"), device.path("star")).unwrap();
    device.json(&["collect", "photos"]);
    device.json(&["fit-head", "--head", "ridge"]);
    device.json(&["samples", "remove", "--label", "ring"]);
    device.json(&["collect", "star", "--label", "star"]);
    let fitted = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!((&fitted["outcome"], &fitted["comparison"]["verdict"]), (&"kept".into(), &"not-compared".into()));
    assert!(fitted["comparison"]["reason"].as_str().unwrap().contains("could not be fitted"), "{fitted}");
    assert_eq!(live(&device), 1);
}

#[test]
fn without_a_head_the_first_is_published_and_of_another_backbone_it_is_kept() {
    let device = Device::new();
    device.draw("photos", 5, 0);
    device.json(&["collect", "photos"]);
    let first = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!((&first["outcome"], &first["version"], first.get("comparison")), (&"published".into(), &1.into(), None));
    device.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    let other = device.json(&["fit-head", "--unless-worse"]).remove(0);
    assert_eq!((&other["outcome"], &other["comparison"]["verdict"]), (&"kept".into(), &"not-compared".into()));
    assert!(other["comparison"]["reason"].as_str().unwrap().contains("another backbone"), "{other}");
    assert_eq!(live(&device), 1);
}

/// The live head as an older program would have written it: without the pictures that it was fitted on, and what was said of them.
pub fn forget_the_note(device: &Device) {
    let folder = HeadFolder::new(device.state().join("heads"), 10);
    let head = HeadArtifact::from_bytes(&folder.current().unwrap().1).unwrap();
    let parts = ArtifactParts {
        head: head.head().clone(),
        channels: head.channels(),
        outputs: head.outputs().clone(),
        operating: *head.operating(),
        labels: head.labels().clone(),
        fingerprint: head.fingerprint(),
        temperature: head.temperature(),
        unknown: head.unknown().cloned(),
        report: head.report().clone(),
        options: head.options().cloned(),
        learned_from: None,
        answers: None,
    };
    folder.publish(&HeadArtifact::new(parts).unwrap().to_bytes()).unwrap();
}

#[test]
fn of_a_head_that_does_not_say_what_it_learned_from_nothing_is_claimed() {
    let device = taught(6, &[]);
    forget_the_note(&device);
    let fitted = device.json(&["fit-head", "--unless-worse"]).remove(0);
    let comparison = &fitted["comparison"];
    assert_eq!((&fitted["outcome"], &comparison["changes"]), (&"published".into(), &Value::Null), "{fitted}");
    assert!(comparison["reason"].as_str().unwrap().contains("does not say which pictures"), "{fitted}");
    // Recipe against recipe, on everything.
    forget_the_note(&device);
    let other = device.json(&["fit-head", "--unless-worse", "--head", "lda"]).remove(0);
    assert_eq!((&other["comparison"]["changes"], &other["comparison"]["all"]["pictures"]), (&Value::Null, &36.into()));
}

#[test]
fn forgetting_erases_heads_that_wait_for_review_too() {
    let device = mistaught();
    assert_eq!(device.json(&["fit-head", "--unless-worse"])[0]["outcome"], "kept");
    assert!(device.state().join("heads/000002.safetensors").exists());
    let forgotten = device.json(&["samples", "remove", "--id", "1", "--forget"]).remove(0);
    assert_eq!(forgotten["forgotten"]["erased_heads"], 2, "{forgotten}");
    let list = device.json(&["heads", "list"]).remove(0);
    assert_eq!((list.as_array().unwrap().len(), &list[0]["for_review"]), (1, &false.into()));
}

/// A trainer of `device`, and what it tells.
fn trainer(device: &Device, settings: TrainerSettings) -> (Trainer, Receiver<TrainingEvent>) {
    let (sender, told) = channel();
    let tell = Box::new(move |event: &TrainingEvent| {
        sender.send(event.clone()).unwrap();
        // Whoever is told may fail.
        panic!("nobody listens");
    });
    (Trainer::start(library(device), settings, tell).unwrap(), told)
}

fn next(told: &Receiver<TrainingEvent>) -> TrainingEvent {
    told.recv_timeout(Duration::from_secs(120)).expect("an event")
}

#[test]
fn a_trainer_fits_when_it_is_asked_and_says_what_came_of_it() {
    let device = taught(4, &[]);
    let (trainer, told) = trainer(&device, TrainerSettings::default());
    assert_eq!(trainer.status(), Default::default());
    trainer.ask(FitAsked::default());
    let event = next(&told);
    assert_eq!((event.outcome, event.head.unwrap().0), ("nothing-new", 1), "{event:?}");
    collect_more(&device, (3, 0), 50);
    trainer.ask(FitAsked::default());
    let event = next(&told);
    assert_eq!((event.event, event.outcome), ("fitted", "published"), "{event:?}");
    assert_eq!(trainer.status().last, Some(event));
    assert_eq!(library(&device).heads().rollback(None).unwrap().0, 1);
    std::fs::write(device.state().join("heads/000001.safetensors"), "no head").unwrap();
    trainer.ask(FitAsked::default());
    let event = next(&told);
    assert_eq!((event.event, event.outcome), ("not-fitted", "failed"));
    assert!(event.sentence.contains("head 000001"), "{}", event.sentence);
}

#[test]
fn a_trainer_fits_by_itself_after_so_many_labels_and_in_time() {
    let device = taught(4, &[]);
    let (trainer, told) = trainer(&device, TrainerSettings { after: 18, every: None });
    collect_more(&device, (2, 0), 50);
    assert!(told.recv_timeout(Duration::from_secs(5)).is_err(), "12 labels are too few");
    collect_more(&device, (2, 0), 80);
    assert_eq!(next(&told).outcome, "published");
    assert_eq!(live(&device), 2);
    drop(trainer);
    let (_trainer, told) = self::trainer(&device, TrainerSettings { after: 0, every: Some(Duration::from_secs(1)) });
    assert_eq!([next(&told).outcome, next(&told).outcome], ["nothing-new"; 2]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_trainer_lets_other_threads_go_first() {
    let device = taught(4, &[]);
    let (sender, told) = channel();
    let tell = Box::new(move |_: &TrainingEvent| sender.send(niceness()).unwrap());
    let trainer = Trainer::start(library(&device), TrainerSettings::default(), tell).unwrap();
    trainer.ask(FitAsked::default());
    assert_eq!(told.recv_timeout(Duration::from_secs(120)), Ok(niceness().max(10)));
}

/// Of this thread; a higher one goes later.
#[cfg(target_os = "linux")]
fn niceness() -> i32 {
    let told = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The fields after the name, of which the first is the third.
    let fields = told.rsplit_once(") ").unwrap().1;
    fields.split_whitespace().nth(16).unwrap().parse().unwrap()
}

#[cfg(unix)]
mod service {
    use super::*;
    use crate::serve::service::{Service, eventually};

    fn settings(device: &Device, text: &str) {
        std::fs::write(device.path("edgetl.toml"), text).unwrap();
    }

    #[test]
    fn a_service_fits_after_so_many_labels_and_answers_with_the_new_head() {
        let device = taught(4, &[]);
        settings(&device, "[fit]\nafter = 10\n");
        let service = Service::start(&device, &[]);
        assert_eq!((service.head_version(), &service.get("/v1/fit").json()["after"]), (1, &10.into()));
        collect_more(&device, (3, 0), 50);
        eventually("a head that was fitted by itself", || service.head_version() == 2);
        let status = service.get("/v1/fit").json();
        assert_eq!((&status["state"], &status["last"]["outcome"]), (&"idle".into(), &"published".into()), "{status}");
    }

    #[test]
    fn a_service_fits_when_a_client_with_its_token_asks() {
        let device = taught(4, &[]);
        let token = "0123456789abcdef0123";
        let guarded = Service::start_with(&device, &[], &[("EDGETL_TOKEN", token)]);
        assert_eq!((guarded.post("/v1/fit", "text/plain", b"").status, guarded.get("/v1/fit").status), (401, 401));
        drop(guarded);
        let service = Service::start(&device, &[]);
        assert_eq!(service.get("/v1/fit").json()["last"], Value::Null);
        let asked = service.post("/v1/fit", "text/plain", b"");
        assert_eq!(asked.status, 202, "{asked:?}");
        eventually("what came of it", || service.get("/v1/fit").json()["last"]["outcome"] == "nothing-new");
        collect_more(&device, (5, 2), 50);
        service.post("/v1/fit", "text/plain", b"");
        eventually("a fit of what is new", || service.get("/v1/fit").json()["last"]["event"] == "fitted");
        assert_eq!(service.put("/v1/fit", b"").status, 405);
    }

    #[test]
    fn a_service_that_ends_in_the_middle_of_a_fit_ends_in_time_and_leaves_whole_heads() {
        let device = taught(6, &[]);
        device.json(&["fit-head", "--head", "mlp", "--epochs", "200"]);
        collect_more(&device, (6, 0), 50);
        let mut service = Service::start(&device, &[]);
        service.post("/v1/fit", "text/plain", b"");
        eventually("a fit that runs", || service.get("/v1/fit").json()["state"] == "running");
        let end = std::time::Instant::now();
        service.signal("TERM");
        assert!(service.wait().success());
        assert!(end.elapsed() < Duration::from_secs(5), "{:?}", end.elapsed());
        assert!(is_whole(&device.state().join("heads")));
    }

    fn is_whole(heads: &Path) -> bool {
        let names = std::fs::read_dir(heads).unwrap().map(|entry| entry.unwrap().path());
        let mut files = names.filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
        files.all(|path| HeadArtifact::from_bytes(&std::fs::read(path).unwrap()).is_ok())
    }
}
