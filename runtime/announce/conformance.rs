//! What everybody who is told must do, asked of each.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::mqtt::{About, CameraState, Command, Mqtt, Named};
use super::program::Program;
use super::settings::{LogSettings, MqttSettings, ProgramSettings, WebhookSettings};
use super::test_broker::Broker;
use super::test_receiver::HttpReceiver;
use super::webhook::Webhook;
use super::{Announcer, NotTaken, Notice, Receiver, SigningKey};

/// The other end of an announcer.
trait Ear {
    fn announcer(&self) -> &Announcer;
    /// The JSON objects that arrived.
    fn heard(&self) -> Vec<String>;
    /// Takes the receiver away; false where that cannot be.
    fn go_away(&mut self) -> bool {
        false
    }
    fn come_back(&mut self) {}
}

fn notice(number: usize) -> Arc<Notice> {
    let json = format!("{{\"id\":\"{number}\",\"label\":\"öffen\"}}");
    Notice { id: number.to_string(), camera: Some("gate".to_owned()), json }.into()
}

fn jsons(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| notice(number).json.clone()).collect()
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} does not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct InFile {
    _place: tempfile::TempDir,
    path: PathBuf,
    announcer: Announcer,
}

impl InFile {
    fn log() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("events.jsonl");
        let announcer = Announcer::log(&LogSettings { file: path.clone(), megabytes: 1 }).unwrap();
        Self { _place: place, path, announcer }
    }

    fn program() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("heard");
        let command = ["sh".to_owned(), "-c".to_owned(), format!("cat >>'{}'", path.display())].into();
        let announcer = Announcer::program("cat", &ProgramSettings { command }).unwrap();
        Self { _place: place, path, announcer }
    }
}

impl Ear for InFile {
    fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    fn heard(&self) -> Vec<String> {
        crate::files::read_to_string(&self.path, 1 << 24).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

struct Hooked {
    receiver: HttpReceiver,
    announcer: Announcer,
}

impl Hooked {
    fn new() -> Self {
        let receiver = HttpReceiver::start();
        let url = format!("http://{}/hook", receiver.address);
        let settings = WebhookSettings { url, secret_file: None, ca_file: None };
        Self { announcer: Announcer::webhook("house", &settings, SigningKey::new("secret").ok()).unwrap(), receiver }
    }
}

impl Ear for Hooked {
    fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    fn heard(&self) -> Vec<String> {
        self.receiver.taken().into_iter().map(|request| request.body).collect()
    }

    fn go_away(&mut self) -> bool {
        self.receiver.answer_with(0);
        true
    }

    fn come_back(&mut self) {
        self.receiver.answer_with(204);
    }
}

struct Broken {
    broker: Broker,
    mqtt: Mqtt,
    commands: std::sync::mpsc::Receiver<Command>,
}

impl Broken {
    fn new() -> Self {
        let broker = Broker::start();
        let settings: MqttSettings = toml::from_str(&format!("broker = \"mqtt://{}\"", broker.address)).unwrap();
        let (sender, commands) = sync_channel(16);
        let named = Named { device: "pi".to_owned(), key: "0123abcd".to_owned() };
        let (mqtt, link) = Mqtt::new(&settings, (&named, None), &["gate".to_owned()], sender).unwrap();
        link.start().unwrap();
        Self { broker, mqtt, commands }
    }

    fn of(&self, topic: &str) -> Vec<String> {
        let heard = self.broker.heard().into_iter().filter(|heard| heard.topic == topic);
        heard.map(|heard| String::from_utf8(heard.payload).unwrap()).collect()
    }
}

impl Ear for Broken {
    fn announcer(&self) -> &Announcer {
        self.mqtt.announcer()
    }

    fn heard(&self) -> Vec<String> {
        self.of("edgetl/pi/gate/event")
    }

    fn go_away(&mut self) -> bool {
        self.broker.go_away();
        true
    }

    fn come_back(&mut self) {
        self.broker.come_back();
    }
}

fn all() -> Vec<Box<dyn Ear>> {
    vec![Box::new(InFile::log()), Box::new(InFile::program()), Box::new(Hooked::new()), Box::new(Broken::new())]
}

fn end(ear: &dyn Ear, within: Duration) {
    ear.announcer().ask_to_end(Instant::now() + within);
    ear.announcer().end();
}

#[test]
fn everybody_hears_everything_once_and_in_its_order() {
    for ear in all() {
        let name = ear.announcer().name().to_owned();
        (0..40).for_each(|number| ear.announcer().tell(&notice(number)));
        eventually(&name, || ear.announcer().counts().told == 40);
        assert_eq!(ear.heard(), jsons(0..40), "{name}");
        assert_eq!(ear.announcer().counts().lost, 0);
    }
}

#[test]
fn what_happens_while_somebody_is_away_is_told_later() {
    for mut ear in all() {
        let name = ear.announcer().name().to_owned();
        (0..3).for_each(|number| ear.announcer().tell(&notice(number)));
        eventually(&name, || ear.announcer().counts().told == 3);
        if !ear.go_away() {
            continue;
        }
        (3..9).for_each(|number| ear.announcer().tell(&notice(number)));
        eventually(&name, || ear.announcer().counts().trouble.is_some());
        ear.come_back();
        eventually(&name, || ear.announcer().counts().told == 9);
        assert_eq!(ear.heard(), jsons(0..9), "{name}");
        let counts = ear.announcer().counts();
        assert!(counts.failures > 0 && counts.lost == 0 && counts.trouble.is_none(), "{name}: {counts:?}");
    }
}

#[test]
fn who_is_asked_to_end_tells_what_waits_and_then_ends() {
    for ear in all() {
        (0..5).for_each(|number| ear.announcer().tell(&notice(number)));
        let start = Instant::now();
        end(&*ear, Duration::from_secs(30));
        assert!(start.elapsed() < Duration::from_secs(20), "{}", ear.announcer().name());
        assert_eq!(ear.heard(), jsons(0..5), "{}", ear.announcer().name());
    }
}

#[test]
fn the_end_comes_in_time_where_nobody_hears() {
    for mut ear in all() {
        if !ear.go_away() {
            continue;
        }
        ear.announcer().tell(&notice(0));
        let start = Instant::now();
        end(&*ear, Duration::from_millis(200));
        assert!(start.elapsed() < Duration::from_secs(2), "{}", ear.announcer().name());
        assert_eq!(ear.announcer().counts().waiting, 1);
    }
}

#[test]
fn a_program_that_fails_is_started_three_times_and_then_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("tries");
    let script = format!("echo x >>'{}'; read line; case $line in *0*) exit 3;; esac", path.display());
    let command = vec!["sh".to_owned(), "-c".to_owned(), script];
    let announcer = Announcer::program("sh", &ProgramSettings { command }).unwrap();
    [0, 1].into_iter().for_each(|number| announcer.tell(&notice(number)));
    eventually("the second", || announcer.counts().told == 1);
    assert_eq!(announcer.counts().lost, 1);
    assert_eq!(crate::files::read_to_string(&path, 1 << 24).unwrap().lines().count(), 4);
}

#[test]
fn a_notice_that_comes_in_the_place_of_one_that_failed_has_all_its_tries() {
    let command = vec!["false".to_owned()];
    let receiver = HttpReceiver::start();
    receiver.answer_with(400);
    let url = format!("http://{}/hook", receiver.address);
    let settings = WebhookSettings { url, secret_file: None, ca_file: None };
    let receivers: [(Box<dyn Receiver>, usize); 2] = [
        (Box::new(Program::new(&ProgramSettings { command })), 3),
        (Box::new(Webhook::new(&settings, None).unwrap()), 9),
    ];
    for (mut receiver, tries) in receivers {
        let mut tries_of = |number: usize, most: usize| {
            (0..most).take_while(|_| matches!(receiver.take(&notice(number)), Err(NotTaken::Yet(_)))).count()
        };
        assert_eq!(tries_of(0, tries - 1), tries - 1);
        assert_eq!(tries_of(1, 2 * tries), tries - 1, "the last of its tries is for ever");
    }
}

#[test]
fn a_request_is_signed_and_has_the_same_id_when_it_comes_again() {
    let ear = Hooked::new();
    ear.receiver.answer_with(503);
    ear.announcer.tell(&notice(7));
    eventually("trouble", || ear.announcer.counts().trouble.is_some());
    ear.receiver.answer_with(200);
    eventually("the end", || ear.announcer.counts().told == 1);
    let request = &ear.receiver.taken()[0];
    assert_eq!(request.header("webhook-id"), Some("7"));
    let seconds = request.header("webhook-timestamp").unwrap().parse().unwrap();
    let expected = SigningKey::new("secret").unwrap().sign("7", seconds, &request.body);
    assert_eq!(request.header("webhook-signature"), Some(expected.as_str()));
    ear.receiver.answer_with(400);
    ear.announcer.tell(&notice(8));
    eventually("a refusal, which may be another the next time", || ear.announcer.counts().failures == 3);
    assert_eq!(ear.announcer.counts().lost, 0);
}

#[test]
fn a_broker_gets_all_that_it_is_to_have_at_each_connection_and_discovery_first() {
    let mut ear = Broken::new();
    let about = |class: &str| About {
        camera: "gate".to_owned(),
        classes: vec![class.to_owned()],
        labels: vec![class.to_owned()],
        ..About::default()
    };
    ear.mqtt.describe(&about("open"));
    ear.mqtt.set_state("gate", &CameraState { state: "open".to_owned(), ..CameraState::default() });
    ear.mqtt.set_available("gate", true);
    eventually("the state", || !ear.of("edgetl/pi/gate/state").is_empty());
    ear.go_away();
    ear.mqtt.describe(&about("new class"));
    ear.mqtt.set_state("gate", &CameraState { state: "new class".to_owned(), ..CameraState::default() });
    let before = ear.broker.heard().len();
    ear.come_back();
    eventually("the second connection", || ear.of("edgetl/pi/gate/state").len() == 2);
    let topics: Vec<_> = ear.broker.heard()[before..].iter().map(|heard| heard.topic.clone()).collect();
    let expected = [
        "homeassistant/device/edgetl-0123abcd-gate/config",
        "edgetl/pi/gate/state",
        "edgetl/pi/gate/this_is",
        "edgetl/pi/gate/available",
        "edgetl/pi/available",
    ];
    assert_eq!(topics[..5], expected, "a state that is old is never looked at");
    assert!(ear.broker.heard()[before..].iter().all(|heard| heard.retain));
    // Home Assistant starts anew.
    let before = ear.of("edgetl/pi/gate/state").len();
    ear.broker.say("homeassistant/status", b"online", false);
    eventually("all again", || ear.of("edgetl/pi/gate/state").len() > before);
    end(&ear, Duration::from_secs(10));
    assert_eq!(ear.of("edgetl/pi/available").last().unwrap(), "offline");
}

#[test]
fn a_camera_that_is_not_watched_is_not_available_whatever_was_said_of_it_before() {
    let ear = Broken::new();
    eventually("a connection", || !ear.of("edgetl/pi/available").is_empty());
    assert_eq!(ear.of("edgetl/pi/gate/available"), ["offline"], "before the device itself is");
}

#[test]
fn a_frozen_broker_is_left_and_nothing_is_lost() {
    let ear = Broken::new();
    ear.mqtt.tell(&notice(0));
    eventually("the first", || ear.mqtt.counts().told == 1);
    ear.broker.freeze(true);
    (1..4).for_each(|number| ear.mqtt.tell(&notice(number)));
    eventually("trouble", || ear.mqtt.counts().trouble.is_some());
    ear.broker.freeze(false);
    eventually("the rest", || ear.mqtt.counts().told == 4);
    // What it had heard and could not acknowledge came twice, with the same ids.
    let mut heard = ear.heard();
    assert_eq!(heard.iter().filter(|json| **json == jsons(0..1)[0]).count(), 1, "that was acknowledged");
    let mut seen = std::collections::HashSet::new();
    heard.retain(|json| seen.insert(json.clone()));
    assert_eq!(heard, jsons(0..4));
    assert!(ear.broker.connections() >= 2);
}

#[test]
fn commands_are_obeyed_unless_they_lie_there_and_what_is_gone_is_taken_back() {
    let ear = Broken::new();
    eventually("a connection", || !ear.of("edgetl/pi/available").is_empty());
    ear.broker.say("edgetl/pi/gate/teach", b"PRESS", true);
    ear.broker.say("edgetl/pi/gate/this_is/set", "öffen".as_bytes(), false);
    let this_is = Command::ThisIs { camera: "gate".to_owned(), label: "öffen".to_owned() };
    assert_eq!(ear.commands.recv_timeout(Duration::from_secs(20)), Ok(this_is));
    for id in ["edgetl-0123abcd-gate", "edgetl-0123abcd-shed", "edgetl-ffffffff-cellar", "zigbee"] {
        ear.broker.say(&format!("homeassistant/device/{id}/config"), b"{}", true);
    }
    let gone = "homeassistant/device/edgetl-0123abcd-shed/config";
    eventually("the camera that is gone", || ear.of(gone) == [""] && ear.of("edgetl/pi/shed/picture") == [""]);
    let emptied = ear.broker.heard().into_iter().filter(|heard| heard.payload.is_empty()).count();
    assert_eq!(emptied, 6);
}

#[test]
fn a_picture_as_long_as_one_that_a_broker_does_not_take_is_not_sent_and_events_go_before_pictures() {
    let ear = Broken::new();
    eventually("a connection", || !ear.of("edgetl/pi/available").is_empty());
    ear.broker.refuse_longer_than(1000);
    let (sender, had) = std::sync::mpsc::channel();
    let show = |byte: u8, length: usize| {
        let sender = sender.clone();
        ear.mqtt.set_picture("gate", vec![byte; length], move || sender.send(byte).unwrap_or_default());
    };
    show(7, 5000);
    eventually("trouble", || ear.mqtt.counts().failures == 1);
    for number in 0..3 {
        show(8 + number as u8, 5000 + number);
        ear.mqtt.tell(&notice(number));
        eventually("the event", || ear.mqtt.counts().told == 1 + number as u64);
    }
    show(1, 50);
    eventually("a picture that it takes", || ear.of("edgetl/pi/gate/picture").len() == 1);
    assert_eq!((ear.mqtt.counts().failures, ear.broker.connections()), (1, 2));
    assert_eq!(had.recv_timeout(Duration::from_secs(20)), Ok(1), "of those that it did not take there is no word");
}

#[test]
fn a_picture_that_was_on_its_way_when_a_connection_broke_comes_again_where_the_broker_took_one_as_long() {
    let mut ear = Broken::new();
    let (sender, had) = std::sync::mpsc::channel();
    for length in [5000, 4000] {
        let sender = sender.clone();
        ear.mqtt.set_picture("gate", vec![7; length], move || sender.send(length).unwrap_or_default());
        if length == 5000 {
            assert_eq!(had.recv_timeout(Duration::from_secs(20)), Ok(5000));
            ear.broker.freeze(true);
        }
    }
    std::thread::sleep(Duration::from_millis(200));
    ear.go_away();
    ear.broker.freeze(false);
    eventually("trouble", || ear.mqtt.counts().failures > 0);
    assert!(had.try_recv().is_err(), "it could not acknowledge");
    ear.come_back();
    assert_eq!(had.recv_timeout(Duration::from_secs(20)), Ok(4000));
}
