//! What every kind of camera must do, asked of each.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::feed::Activity;
use super::test_server::{Form, Server};
use super::{Bell, Content, Feed, Frame, Source, Wanted};

/// The other end of a camera.
trait Scene {
    fn source(&self) -> Source;
    /// Lets the camera see `frame` from now on.
    fn show(&mut self, frame: &[u8], feed: &Feed);
    /// Takes the camera away; the next frame shown brings it back. False where that cannot be.
    fn take_away(&mut self) -> bool;
    /// Whether every frame is to arrive, and not only the newest.
    fn keeps_all(&self) -> bool {
        false
    }
}

/// A JPEG file of its own for each number: what is coded does not matter here.
pub(super) fn jpeg(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let comment = [0xFF, 0xFE, 0, 4, high, low];
    let scan = [0xFF, 0xDA, 0, 2, 1, 2, 0xFF, 0x00, high, 3, 0xFF, 0xD9];
    [&[0xFF, 0xD8][..], &comment, &scan].concat()
}

struct Fifo {
    _place: tempfile::TempDir,
    path: PathBuf,
    writer: Option<File>,
}

impl Fifo {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("frames");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self { _place: place, path, writer: None }
    }
}

impl Scene for Fifo {
    fn source(&self) -> Source {
        format!("command:cat {}", self.path.display()).parse().unwrap()
    }

    fn show(&mut self, frame: &[u8], _: &Feed) {
        // Opening waits for the reader, whom the feed starts again.
        let writer = self.writer.get_or_insert_with(|| File::options().write(true).open(&self.path).unwrap());
        writer.write_all(frame).unwrap();
    }

    fn take_away(&mut self) -> bool {
        self.writer = None;
        true
    }
}

struct Inbox {
    place: Option<tempfile::TempDir>,
    path: PathBuf,
    count: usize,
}

impl Inbox {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        Self { path: place.path().join("in"), place: Some(place), count: 0 }.made()
    }

    fn made(self) -> Self {
        std::fs::create_dir_all(&self.path).unwrap();
        self
    }
}

impl Scene for Inbox {
    fn source(&self) -> Source {
        Source::Folder(self.path.clone())
    }

    fn show(&mut self, frame: &[u8], feed: &Feed) {
        std::fs::create_dir_all(&self.path).unwrap();
        wait(|| feed.status().activity == Activity::Live);
        self.count += 1;
        std::fs::write(self.path.join(format!("{:03}.jpg", self.count)), frame).unwrap();
    }

    fn take_away(&mut self) -> bool {
        std::fs::remove_dir_all(&self.path).unwrap();
        self.place.is_some()
    }

    fn keeps_all(&self) -> bool {
        true
    }
}

struct Pushed;

impl Scene for Pushed {
    fn source(&self) -> Source {
        Source::Push
    }

    fn show(&mut self, frame: &[u8], feed: &Feed) {
        feed.push(Frame::now(Content::File(frame.into())));
    }

    fn take_away(&mut self) -> bool {
        false
    }
}

struct Web(Server);

impl Scene for Web {
    fn source(&self) -> Source {
        self.0.address().parse().unwrap()
    }

    fn show(&mut self, frame: &[u8], _: &Feed) {
        self.0.show(frame);
    }

    fn take_away(&mut self) -> bool {
        self.0.stop();
        true
    }
}

/// Waits until `condition` holds; fails after twenty seconds.
#[track_caller]
pub(super) fn wait(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn taken(feed: &Feed) -> Vec<u8> {
    let start = Instant::now();
    loop {
        match feed.take().map(|frame| frame.content) {
            Some(Content::File(bytes)) => return bytes.to_vec(),
            Some(Content::Pixels(_)) => panic!("expected a file"),
            None => assert!(start.elapsed() < Duration::from_secs(20), "no frame comes: {:?}", feed.status()),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn conforms(mut scene: impl Scene) {
    let wanted = Wanted { fps: 50.0, max_bytes: 1 << 16 };
    let feed = Feed::start(scene.source(), wanted, Arc::new(Bell::default()), true).unwrap();

    // A frame comes as it went in, and the state says so.
    scene.show(&jpeg(1), &feed);
    assert_eq!(taken(&feed), jpeg(1));
    assert_eq!(feed.status().activity, Activity::Live);

    // Of several, the newest; the others are counted.
    (2..=6).for_each(|number| scene.show(&jpeg(number), &feed));
    if scene.keeps_all() {
        (2..=6).for_each(|number| assert_eq!(taken(&feed), jpeg(number)));
    } else {
        wait(|| matches!(&feed.take(), Some(frame) if frame.content == Content::File(jpeg(6).into())));
        let status = feed.status();
        assert!(status.frames >= 2 && status.passed_over < status.frames, "{status:?}");
    }

    // A camera that goes is named as failed with a reason; one that comes back is used again.
    if scene.take_away() {
        wait(|| matches!(&feed.status().activity, Activity::Failed { because } if !because.is_empty()));
        assert!(feed.status().failures > 0);
        scene.show(&jpeg(7), &feed);
        while taken(&feed) != jpeg(7) {}
        assert_eq!(feed.status().activity, Activity::Live);
    }
}

#[test]
fn a_program_is_a_camera() {
    conforms(Fifo::new());
}

#[test]
fn a_folder_is_a_camera() {
    conforms(Inbox::new());
}

#[test]
fn frames_that_are_sent_are_a_camera() {
    conforms(Pushed);
}

#[test]
fn an_address_that_gives_a_picture_at_a_time_is_a_camera() {
    conforms(Web(Server::start(Form::Snapshot)));
}

#[test]
fn an_address_that_gives_a_stream_is_a_camera_in_every_form_of_it() {
    std::thread::scope(|scope| {
        for form in Form::streams() {
            scope.spawn(move || conforms(Web(Server::start(form))));
        }
    });
}
