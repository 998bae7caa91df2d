//! Frames in, events out, with cameras that are pushed to and a head that is made up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::*;
use crate::backbone::Provider;
use crate::camera::Source;
use crate::device::{Device, Glance, Settings};
use crate::labels::Label;
use crate::predictor::{Answer, Prediction, RankedLabel, Statement};
use crate::preprocess::{Picture, PoorPicture, to_jpeg};
use crate::store::StateDir;

/// Names a picture by how bright it is, takes its time, and counts whom it answered.
#[derive(Default)]
struct Brightness {
    asked: BTreeMap<String, usize>,
    takes: Duration,
}

impl Answerer for Brightness {
    fn answer(&mut self, camera: &str, picture: Arc<Picture>) -> Result<Glance, NoAnswer> {
        *self.asked.entry(camera.to_owned()).or_default() += 1;
        std::thread::sleep(self.takes);
        let level = picture.pixels()[0];
        if level < 20 {
            return Ok(Glance::Poor(PoorPicture::TooDark { highlights: 0.0 }));
        }
        let label = Label::new(if level < 128 { "closed" } else { "open" }).unwrap();
        let top = vec![RankedLabel { label: label.clone(), score: 0.95 }];
        let prediction = Prediction {
            label: Some(label.clone()),
            score: 0.95,
            unknown: false,
            unsure: false,
            nearest: label,
            distance: None,
            threshold: None,
            top,
            labels: None,
        };
        let answer = Answer {
            path: camera.to_owned(),
            statement: Statement::Prediction(prediction),
            why: None,
            head_version: 7,
            head_hash: String::new(),
            provider: Provider::Tract,
        };
        Ok(Glance::Answer { answer: Box::new(answer), feature: vec![f32::from(level)], decided: false })
    }
}

fn frame(level: u8) -> Vec<u8> {
    to_jpeg(&Picture::new(32, 24, vec![level; 32 * 24 * 3]).unwrap()).unwrap()
}

fn pushed(names: &[&str]) -> Watch {
    pushed_in(Mode::State, names)
}

fn pushed_in(mode: Mode, names: &[&str]) -> Watch {
    let settings = CameraSettings { fps: 60.0, mode, ..CameraSettings::new(Source::Push) };
    let cameras: Vec<_> = names.iter().map(|name| ((*name).to_owned(), settings.clone())).collect();
    let nobody = Device::new(StateDir::new("/nonexistent"), Settings::default());
    Watch::start(&cameras, Choices::of(nobody, []), Limits::default()).unwrap()
}

/// Watches while `act` runs beside it; gives the events.
fn watched(watch: &mut Watch, head: &mut Brightness, act: impl FnOnce(&Board) + Send) -> Vec<Event> {
    let (stop, board) = (AtomicBool::new(false), watch.board());
    let mut events = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            act(&board);
            stop.store(true, Ordering::SeqCst);
        });
        let mut tell = |event: &Event| {
            events.push(event.clone());
            Ok(())
        };
        watch.run(head, &|| stop.load(Ordering::SeqCst), &mut tell).unwrap();
    });
    events
}

/// Pushes until `count` looks more were taken.
fn push(entry: &Entry, level: u8, count: u64) {
    let (start, before) = (Instant::now(), entry.view().looks);
    while entry.view().looks < before + count {
        assert!(start.elapsed() < Duration::from_secs(20), "it is not looked at: {:?}", entry.view());
        entry.push(frame(level));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_event_says_what_was_decided_when_and_by_which_head() {
    let mut watch = pushed(&["gate"]);
    let events = watched(&mut watch, &mut Brightness::default(), |board| {
        let gate = board.entry("gate").unwrap();
        push(gate, 60, 4);
        push(gate, 200, 4);
        push(gate, 3, 4);
    });
    let decided: Vec<&Decided> = events
        .iter()
        .filter_map(|event| match event {
            Event::Decided(decided) => Some(decided),
            _ => None,
        })
        .collect();
    let told: Vec<_> = decided.iter().map(|event| (event.change.event, event.change.label.as_str())).collect();
    assert_eq!(told, [(Kind::Started, "closed"), (Kind::Changed, "open")]);
    assert!(decided.iter().all(|event| event.head_version == Some(7) && event.seconds.unwrap() < 10.0));
    let states: Vec<CameraState> = events
        .iter()
        .filter_map(|event| match event {
            Event::Camera(camera) => Some(camera.state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [CameraState::Live, CameraState::Poor], "the last pictures were too dark");
    let view = watch.board().views().remove(0);
    assert_eq!((view.label.as_deref(), view.state), (Some("open"), CameraState::Poor));
}

#[test]
fn a_visit_is_over_where_its_camera_is_set_up_anew_and_a_state_is_not() {
    let half = Region::rectangle([0.0, 0.0, 0.5, 1.0]).unwrap();
    let off = Choice { on: false, region: None };
    let elsewhere = Choice { on: true, region: Some(half) };
    for (mode, choice) in [(Mode::Visit, off.clone()), (Mode::Visit, elsewhere), (Mode::State, off)] {
        let mut watch = pushed_in(mode, &["gate"]);
        let events = watched(&mut watch, &mut Brightness::default(), |board| {
            let gate = board.entry("gate").unwrap();
            push(gate, 200, 4);
            gate.choose(choice.clone());
            let start = Instant::now();
            while gate.view().label.is_some() && start.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let told = events.iter().filter_map(|event| match event {
            Event::Decided(decided) => Some(decided.change.event.word()),
            Event::Set(set) => Some(set.event),
            _ => None,
        });
        let expected =
            if mode == Mode::Visit { &["started", "ended", "camera-set"][..] } else { &["started", "camera-set"] };
        assert_eq!(told.collect::<Vec<_>>(), expected, "{mode:?}, {choice:?}");
    }
}

#[test]
fn each_camera_has_its_turn_however_many_frames_another_sends() {
    let mut watch = pushed(&["one", "two", "busy"]);
    let mut head = Brightness { takes: Duration::from_millis(20), ..Brightness::default() };
    watched(&mut watch, &mut head, |board| {
        for round in 0..200 {
            board.entry("busy").unwrap().push(frame(60));
            if round % 2 == 0 {
                board.entry("one").unwrap().push(frame(60));
                board.entry("two").unwrap().push(frame(60));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let counts: Vec<usize> = head.asked.values().copied().collect();
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(counts.len() == 3 && *least > 5 && most - least <= 1 + most / 10, "{:?}", head.asked);
    let busy = watch.board().entry("busy").unwrap().view();
    assert!(busy.passed_over > 100, "the newest of many is taken: {busy:?}");
}
