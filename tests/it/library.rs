//! The library, used as another program would: the device alone, no command line.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use edgetl::backbone::{Options, Provider, ProviderChoice};
use edgetl::device::{
    CollectEvent, CollectRequest, Device as Library, DeviceError, FitMode, FitRequest, Observer, Settings, Stage,
};
use edgetl::predictor::Statement;
use edgetl::store::{Filter, StateDir, StoreError};

use crate::common::Device;

/// On tract, so that the same numbers come from every machine.
fn library(device: &Device) -> Library {
    let engine = Options { provider: ProviderChoice::Only(Provider::Tract), ..Options::default() };
    let library = Library::new(StateDir::new(device.state()), Settings { engine, ..Settings::default() });
    library.state().create().unwrap();
    library
}

#[test]
fn a_program_teaches_a_device_and_the_command_line_answers_the_same() {
    let device = Device::new();
    let photos = device.draw("photos", 8, 0);
    let library = library(&device);
    let collected = library.collect(&CollectRequest::new([photos.clone()]), &mut ()).unwrap();
    assert_eq!((collected.stored, collected.failed.len(), collected.interrupted), (48, 0, false));
    let fitted = library.fit(&FitRequest::default()).unwrap();
    assert!(library.heads().live().unwrap().is_none(), "fitting alone publishes nothing");
    assert_eq!(fitted.answers.as_ref().unwrap().ids.len(), 48);
    let published = library.publish(&fitted).unwrap();
    let mut predictor = library.predictor().unwrap();
    assert_eq!(predictor.facts().head_version, published.version.0);
    let picture = photos.join("star/000.png");
    let name = picture.to_str().unwrap();
    let answer = predictor.answer(name, &std::fs::read(&picture).unwrap(), 5).unwrap();
    let Statement::Prediction(prediction) = &answer.statement else { panic!("{answer:?}") };
    assert_eq!(prediction.label.as_ref().unwrap().as_str(), "star");
    let printed = device.json(&["predict", name]).remove(0);
    let score = |value: &serde_json::Value| value["score"].as_f64().unwrap();
    let own = serde_json::to_value(&answer).unwrap();
    assert_eq!(own["label"], printed["label"]);
    assert!((score(&own) - score(&printed)).abs() < 1e-4, "{own} {printed}");
}

/// Stops the work after so many pictures.
struct Stopping<'a> {
    after: usize,
    stored: usize,
    stop: &'a AtomicBool,
    stages: Vec<(Stage, usize)>,
}

impl Observer for Stopping<'_> {
    fn begin(&mut self, stage: Stage, pictures: usize) {
        self.stages.push((stage, pictures));
    }

    fn advance(&mut self) {
        self.after = self.after.saturating_sub(1);
        self.stop.store(self.after == 0, Ordering::SeqCst);
    }

    fn tell(&mut self, event: &CollectEvent<'_>) -> io::Result<()> {
        self.stored += usize::from(matches!(event, CollectEvent::Stored { .. }));
        Ok(())
    }
}

#[test]
fn a_program_can_stop_collecting_and_what_it_was_told_is_stored() {
    let device = Device::new();
    let photos = device.draw("photos", 8, 0);
    let (library, stop) = (library(&device), AtomicBool::new(false));
    let mut observer = Stopping { after: 5, stored: 0, stop: &stop, stages: Vec::new() };
    let request = CollectRequest { stop: Some(&stop), ..CollectRequest::new([photos]) };
    let report = library.collect(&request, &mut observer).unwrap();
    assert!(report.interrupted);
    assert_eq!(observer.stages, [(Stage::Collecting, 48)]);
    assert!((5..48).contains(&report.stored), "{}", report.stored);
    assert_eq!(observer.stored, report.stored);
    assert_eq!(library.existing_store().unwrap().samples(&Filter::default()).unwrap().len(), report.stored);
}

/// Cannot write what it is told, as a program whose output is gone.
struct Deaf;

impl Observer for Deaf {
    fn tell(&mut self, _: &CollectEvent<'_>) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn what_cannot_be_done_is_an_error_that_a_program_can_tell_apart() {
    let device = Device::new();
    let library = library(&device);
    let fit = |mode| library.fit(&FitRequest { mode, ..FitRequest::default() }).err().unwrap();
    assert!(matches!(fit(FitMode::Plain), DeviceError::Store(StoreError::Missing { .. })));
    let empty = library.collect(&CollectRequest::new(Vec::<PathBuf>::new()), &mut ());
    assert!(matches!(empty, Err(DeviceError::NothingLabelled { unlabelled: 0 })));
    let photos = device.draw("photos", 2, 0);
    let told = library.collect(&CollectRequest::new([photos.clone()]), &mut Deaf);
    assert!(matches!(told, Err(DeviceError::Told(error)) if error.kind() == io::ErrorKind::BrokenPipe));
    library.collect(&CollectRequest::new([photos]), &mut ()).unwrap();
    assert!(matches!(fit(FitMode::Guessing { confidence: 0.9 }), DeviceError::NoUnlabelled));
    assert!(matches!(fit(FitMode::Beside { names: Vec::new() }), DeviceError::KnownClasses(_)));
    assert!(matches!(library.predictor(), Err(DeviceError::HeadFolder(_))));
}

/// The examples are built with the tests; here they run.
#[test]
fn the_examples_teach_a_device_and_ask_it() {
    let device = Device::new();
    let photos = device.draw("photos", 6, 0);
    let run = |name: &str, arguments: &[&str]| {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_edgetl")).with_file_name("examples").join(name);
        let output = Command::new(program).current_dir(device.path("")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let taught = run("teach", &["state", photos.to_str().unwrap()]);
    assert!(taught.contains("36 pictures stored") && taught.contains("head 000001 answers now"), "{taught}");
    let answered = run("answer", &["state", "photos/star/000.png"]);
    assert!(answered.starts_with("photos/star/000.png: star"), "{answered}");
}
