//! `watch`: looks through cameras, and says when something changes before them.

mod collecting;
mod words;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;

use super::config::Config;
use super::context::Context;
use super::drift;
use super::engine::EngineArgs;
use super::failure::{OrHint, WrongUsage, failure};
use super::interrupt;
use super::output::Output;
use super::remedy::OrRemedy as _;
use super::shares;
use super::telling::{Teaching, Teller};
use crate::camera::Source;
use crate::device::{Device, Trainer, TrainerSettings, TrainingEvent};
use crate::head::Outputs;
use crate::labels::Label;
use crate::watch::{
    Album, CameraSettings, Choices, DriftBoard, Event, Keeping, Log, Mode, OwnPredictor, Recent, Region, Rotation,
    Rules, Watch, WatchError, replay,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Cameras: names in the settings, or http://…, rtsp://…, v4l2:/dev/video0, folder:DIR, - [default: all of the settings]
    #[arg(value_name = "CAMERA")]
    cameras: Vec<String>,
    /// Save the picture of each event in this folder; the newest 1000 stay
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Append every look to this file, for --replay
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Watch nothing; say which events the looks in this file come to
    #[arg(long, value_name = "LOG", conflicts_with_all = ["cameras", "save", "log", "fps", "region", "rotate"])]
    replay: Option<PathBuf>,
    /// Decide nothing: whatever is before the camera has this label, and is collected until Ctrl-C
    #[arg(long, value_name = "LABEL", conflicts_with_all = ["save", "log", "replay", "threshold", "mode"])]
    collect: Option<Label>,
    /// The least score of an answer that counts [default: 0.8]
    #[arg(long, value_name = "P", value_parser = shares::share)]
    threshold: Option<f64>,
    /// Decide about a state that is always there, or about visits that begin and end [default: state]
    #[arg(long, value_name = "state|visit", value_parser = mode)]
    mode: Option<Mode>,
    /// The part of the picture that matters, each from 0 to 1
    #[arg(long, value_name = "LEFT,TOP,RIGHT,BOTTOM", value_parser = region)]
    region: Option<Region>,
    /// Turn pictures clockwise by so many degrees
    #[arg(long, value_name = "0|90|180|270", value_parser = rotation)]
    rotate: Option<Rotation>,
    /// The most frames a second to look at [default: 5]
    #[arg(long, value_name = "N", value_parser = fps)]
    fps: Option<f32>,
    #[command(flatten)]
    engine: EngineArgs,
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "state" => Ok(Mode::State),
        "visit" => Ok(Mode::Visit),
        _ => Err("expected state or visit".to_owned()),
    }
}

fn region(text: &str) -> Result<Region, String> {
    let sides: Result<Vec<f32>, _> = text.split(',').map(|side| side.trim().parse()).collect();
    let sides = sides.ok().and_then(|sides| <[f32; 4]>::try_from(sides).ok());
    let expected = || "expected four numbers from 0 to 1 as in 0.2,0.1,0.8,0.9".to_owned();
    sides.and_then(|sides| Region::rectangle(sides).ok()).ok_or_else(expected)
}

fn rotation(text: &str) -> Result<Rotation, String> {
    text.parse().ok().and_then(Rotation::of_degrees).ok_or_else(|| "expected 0, 90, 180 or 270".to_owned())
}

fn fps(text: &str) -> Result<f32, String> {
    let expected = || "expected a number from 0.01 to 60".to_owned();
    text.parse().ok().filter(|fps| (0.01..=60.0).contains(fps)).ok_or_else(expected)
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.replay.is_some() {
        return play_again(args, context);
    }
    let cameras = args.cameras(&context.config)?;
    let device = context.device_on(&args.engine);
    if let Some(label) = &args.collect {
        let choices = args.choices(&device, context);
        return collecting::run(context, device, (&cameras, choices), label);
    }
    let predictor = device.predictor().or_remedy()?;
    check_head(&device)?;
    let stop = interrupt::catch()?;
    let mut watch = Watch::start(&cameras, args.choices(&device, context), device.settings().limits)?;
    if let Some(folder) = &args.save {
        let opened = Album::open(folder).with_context(|| format!("cannot save pictures in `{}`", folder.display()));
        watch.album = Some(opened?);
    }
    if let Some(path) = &args.log {
        let rules = cameras.iter().map(|(name, settings)| (name.clone(), settings.rules())).collect();
        let opened = Log::open(path, rules).with_context(|| format!("cannot write the log `{}`", path.display()));
        watch.log = Some(opened?);
    }
    let Attended { own, recent, .. } = attend(&mut watch, &device, &cameras, &context.config);
    let teaching = Teaching::new(recent);
    let about = (&own[..], watch.board());
    let teller = Teller::open((&context.config, context.output), &device, about, teaching.clone())?;
    let telling = teller.clone();
    // Only when somebody who is told asks for it.
    let tell_fits = Box::new(move |event: &TrainingEvent| drop(telling.tell(&event.into())));
    let trainer = Arc::new(Trainer::start(device.clone(), TrainerSettings::default(), tell_fits)?);
    teaching.by(&trainer);
    let is_asked = || stop.load(Ordering::SeqCst);
    let watched = watch.run(&mut OwnPredictor::new(device, predictor), &is_asked, &mut |event| teller.tell(event));
    teller.end();
    match watched {
        Err(WatchError::Told(error)) => Err(error.into()),
        other => Ok(other?),
    }
}

/// Puts beside the decision who else sees the answers about `cameras`; gives what sees the last one of each.
pub fn attend(watch: &mut Watch, device: &Device, cameras: &[(String, CameraSettings)], config: &Config) -> Attended {
    // A camera that is only named on the command line is looked through in passing.
    let own: Vec<_> = cameras.iter().filter(|(name, _)| config.camera.contains_key(name)).cloned().collect();
    if let Some(keeping) = Keeping::new(device.clone(), config.review, &own) {
        watch.witnesses.push(Box::new(keeping));
    }
    let recent = Recent::new(device.clone());
    watch.witnesses.push(recent.witness());
    let drift = drift::follow(watch, device, config, &own);
    Attended { own, recent, drift }
}

/// What others may ask of those who see the answers.
pub struct Attended {
    /// The cameras that are in the settings.
    pub own: Vec<(String, CameraSettings)>,
    pub recent: Recent,
    #[cfg_attr(not(feature = "serve"), expect(dead_code, reason = "/metrics shows it"))]
    pub drift: Option<Arc<DriftBoard>>,
}

/// On stdout what was decided; in JSON also what happens to cameras, which is else in the log.
pub fn told(output: Output, event: &Event) -> io::Result<()> {
    match event {
        Event::Camera(camera) if !output.is_json() => {
            words::log(camera);
            Ok(())
        }
        Event::Set(set) if !output.is_json() => {
            words::log_set(set);
            Ok(())
        }
        Event::Camera(_) | Event::Set(_) => output.json_line(event),
        Event::Decided(decided) => output.result(event, || words::decided(decided)),
        Event::Drift(drift) => output.result(event, || words::drift(drift)),
        Event::Training(training) => output.result(event, || words::training(training)),
    }
}

fn play_again(args: &Args, context: &Context) -> anyhow::Result<()> {
    let path = args.replay.as_deref().expect("asked for");
    let changed = |rules: Rules| Rules {
        threshold: args.threshold.map_or(rules.threshold, |threshold| Some(threshold as f32)),
        mode: args.mode.unwrap_or(rules.mode),
        ..rules
    };
    let mut tell = |decided| told(context.output, &Event::Decided(decided));
    replay(path, &changed, &mut tell).or_hint("`edgetl watch --log FILE` writes one")
}

/// Events are about classes.
fn check_head(device: &Device) -> anyhow::Result<()> {
    let head = device.heads().read(None).or_remedy()?;
    if *head.artifact.outputs() == Outputs::Value {
        let said = format!("expected a head that tells classes apart, got head {}, which gives a number", head.version);
        return Err(failure(said, "edgetl predict - gives the number of each frame"));
    }
    Ok(())
}

impl Args {
    /// Somebody may have chosen otherwise for a camera of the settings; a flag goes before that.
    fn choices(&self, device: &Device, context: &Context) -> Choices {
        let choices = Choices::of(device.clone(), context.config.camera.keys().cloned());
        if self.region.is_some() { choices.without_regions() } else { choices }
    }

    fn cameras(&self, config: &Config) -> anyhow::Result<Vec<(String, CameraSettings)>> {
        let named =
            if self.cameras.is_empty() { config.camera.clone().into_iter().collect() } else { self.named(config)? };
        if named.is_empty() {
            let way =
                "name one: edgetl watch http://CAMERA/stream; or [camera.NAME] in edgetl.toml, see docs/cameras.md";
            return Err(failure("expected a camera, got none, and the settings have none", way));
        }
        let names: BTreeSet<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        if names.len() < named.len() {
            return Err(WrongUsage("expected each camera once".to_owned()).into());
        }
        Ok(named.into_iter().map(|(name, settings)| (name, self.adjusted(settings))).collect())
    }

    fn named(&self, config: &Config) -> anyhow::Result<Vec<(String, CameraSettings)>> {
        let mut cameras = Vec::new();
        for text in &self.cameras {
            if let Some(settings) = config.camera.get(text) {
                cameras.push((text.clone(), settings.clone()));
                continue;
            }
            let source: Source =
                text.parse().map_err(|error: crate::camera::SourceError| WrongUsage(error.to_string()))?;
            if matches!(source, Source::Command(_) | Source::Push) {
                let said = format!("expected a camera that needs no settings, got `{source}`");
                let way = "programs come from the settings alone: [camera.NAME] source = \"command:…\" in edgetl.toml; or \
                           pipe it: PROGRAM | edgetl watch -";
                return Err(failure(said, way));
            }
            let number = cameras.len() + 1;
            let name = if self.cameras.len() == 1 { "camera".to_owned() } else { format!("camera-{number}") };
            cameras.push((name, CameraSettings::new(source)));
        }
        Ok(cameras)
    }

    /// Flags go before settings.
    fn adjusted(&self, settings: CameraSettings) -> CameraSettings {
        CameraSettings {
            threshold: self.threshold.map_or(settings.threshold, |threshold| Some(threshold as f32)),
            mode: self.mode.unwrap_or(settings.mode),
            region: self.region.clone().or(settings.region),
            rotate: self.rotate.unwrap_or(settings.rotate),
            fps: self.fps.unwrap_or(settings.fps),
            ..settings
        }
    }
}
