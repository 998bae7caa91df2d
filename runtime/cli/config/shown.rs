//! What the settings say, for whoever may look at the service: every setting by its name, and no password, token or key.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use super::{CameraSettings, Config, OpenPath, TlsConfig};
use crate::camera::Source;
use crate::cli::serve as service;
use crate::memory;
use crate::preprocess::Limits;
use crate::serve::{SectionShown, SettingShown, SettingsShown};
use crate::watch::{DriftSettings, Opens, ReviewSettings, Rules};

/// `value`, or else what holds where nothing is said.
fn setting<T: Serialize + PartialEq>(name: &'static str, value: Option<T>, default: Option<T>) -> SettingShown {
    let is_default = value.is_none() || value == default;
    SettingShown { name, value: json!(value.or(default)), is_default }
}

/// One that has a value in any case.
fn plain<T: Serialize + PartialEq>(name: &'static str, value: T, default: T) -> SettingShown {
    setting(name, Some(value), Some(default))
}

fn text(name: &'static str, value: Option<String>) -> SettingShown {
    setting(name, value, None)
}

fn file(name: &'static str, value: &Option<PathBuf>) -> SettingShown {
    text(name, value.as_ref().map(|path| path.display().to_string()))
}

fn section(name: impl Into<String>, settings: Vec<SettingShown>) -> SectionShown {
    SectionShown { name: name.into(), settings }
}

impl Config {
    /// Every setting that there is.
    pub fn shown(&self) -> SettingsShown {
        let fit = &self.fit;
        let every = fit.every.map(|every| humantime::format_duration(every).to_string());
        let fit =
            vec![text("memory", fit.memory.map(memory::shown)), plain("after", fit.after, 0), text("every", every)];
        let mut sections = vec![
            section("", vec![file("state", &self.state)]),
            section("engine", self.engine()),
            section("engine.cuda", self.cuda()),
            section("engine.tensorrt", self.tensorrt()),
            section("collect", self.collected()),
            section("fit", fit),
            section("heads", vec![plain("keep", self.heads.keep, super::HeadsConfig::default().keep)]),
            section("serve", self.service()),
            section("review", reviewed(&self.review)),
            section("drift", drifting(&self.drift)),
        ];
        sections.extend(self.camera.iter().map(|(name, camera)| section(format!("camera.{name}"), seen(camera))));
        sections.extend(self.told());
        SettingsShown { file: self.file.as_ref().map(|path| path.display().to_string()), sections }
    }

    fn engine(&self) -> Vec<SettingShown> {
        let engine = &self.engine;
        let provider = engine.provider.map(|provider| provider.to_string());
        vec![
            setting("provider", provider, Some("auto".to_owned())),
            file("onnxruntime", &engine.onnxruntime),
            setting("threads", engine.threads, None),
        ]
    }

    fn cuda(&self) -> Vec<SettingShown> {
        let cuda = &self.engine.cuda;
        vec![plain("device", cuda.device, 0), setting("memory_limit_mib", cuda.memory_limit_mib, None)]
    }

    fn tensorrt(&self) -> Vec<SettingShown> {
        let (engine, default) = (&self.engine.tensorrt, super::TensorRtConfig::default());
        vec![
            plain("device", engine.device, default.device),
            plain("fp16", engine.fp16, default.fp16),
            setting("workspace_mib", engine.workspace_mib, None),
            file("engine_cache", &engine.engine_cache),
            plain("timing_cache", engine.timing_cache, default.timing_cache),
        ]
    }

    fn collected(&self) -> Vec<SettingShown> {
        let megapixels = Limits::default().max_pixels / 1_000_000;
        vec![
            plain("sources", self.collect.sources.clone(), Vec::new()),
            setting("max_megapixels", self.collect.max_megapixels, Some(megapixels)),
        ]
    }

    fn service(&self) -> Vec<SettingShown> {
        let serve = &self.serve;
        let open = |path: &OpenPath| match path {
            OpenPath::Ready => "ready",
            OpenPath::Metrics => "metrics",
        };
        vec![
            setting("address", serve.address, Some(service::ADDRESS)),
            file("token_file", &serve.token_file),
            file("read_token_file", &serve.read_token_file),
            setting("tls", serve.tls.as_ref().map(tls), Some("off".to_owned())),
            setting("mdns", serve.mdns, Some(true)),
            plain("open", serve.open.iter().map(open).collect(), Vec::new()),
            plain("access_log", serve.access_log, false),
            plain("hosts", serve.hosts.clone(), Vec::new()),
            setting("queue", serve.queue, Some(service::QUEUE)),
            setting("max_body_megabytes", serve.max_body_megabytes, Some(service::MAX_BODY_MEGABYTES)),
            setting("client_timeout", serve.client_timeout, Some(service::CLIENT_TIMEOUT)),
        ]
    }

    /// Of addresses and commands, no more than where they lead: the rest may be a secret.
    fn told(&self) -> Vec<SectionShown> {
        let mut sections: Vec<SectionShown> = self.mqtt.iter().map(|mqtt| section("mqtt", broker(mqtt))).collect();
        sections.extend(self.webhook.iter().map(|(name, hook)| {
            let url = text("url", Some(format!("{}/…", hook.origin())));
            let settings = vec![url, file("secret_file", &hook.secret_file), file("ca_file", &hook.ca_file)];
            section(format!("webhook.{name}"), settings)
        }));
        sections.extend(self.program.iter().map(|(name, program)| {
            let more = if program.command.len() > 1 { " …" } else { "" };
            let command = format!("{}{more}", program.command[0]);
            section(format!("program.{name}"), vec![text("command", Some(command))])
        }));
        sections.extend(self.log.iter().map(|log| {
            let path = text("file", Some(log.file.display().to_string()));
            section("log", vec![path, plain("megabytes", log.megabytes, 16)])
        }));
        sections
    }
}

fn tls(tls: &TlsConfig) -> String {
    match tls {
        TlsConfig::Off => "off".to_owned(),
        TlsConfig::SelfSigned => "self-signed".to_owned(),
        TlsConfig::Files { certificate, key } => format!("{}, {}", certificate.display(), key.display()),
    }
}

fn broker(mqtt: &super::MqttSettings) -> Vec<SettingShown> {
    let scheme = if mqtt.broker.tls { "mqtts" } else { "mqtt" };
    vec![
        text("broker", Some(format!("{scheme}://{}", mqtt.broker))),
        text("user", mqtt.user.clone()),
        file("password_file", &mqtt.password_file),
        file("ca_file", &mqtt.ca_file),
        text("name", mqtt.name.clone()),
        plain("discovery", mqtt.discovery.clone(), "homeassistant".to_owned()),
        setting("commands", mqtt.commands, None),
    ]
}

fn reviewed(review: &ReviewSettings) -> Vec<SettingShown> {
    let default = ReviewSettings::default();
    vec![
        plain("most", review.most, default.most),
        plain("days", review.days, default.days),
        plain("megabytes", review.megabytes, default.megabytes),
        plain("disk_reserve_megabytes", review.disk_reserve_megabytes, default.disk_reserve_megabytes),
    ]
}

fn drifting(drift: &DriftSettings) -> Vec<SettingShown> {
    let default = DriftSettings::default();
    vec![
        plain("false_alarms", drift.false_alarms, default.false_alarms),
        plain("every", short(drift.every), short(default.every)),
    ]
}

fn seen(camera: &CameraSettings) -> Vec<SettingShown> {
    let (default, rules, usual) = (CameraSettings::new(Source::Push), camera.rules(), Rules::default());
    let gate = |opens| match opens {
        Opens::Motion => "motion",
        Opens::Always => "always",
        Opens::Trigger => "trigger",
    };
    let usual_gate = if matches!(camera.source, Source::Folder(_) | Source::Push) { "always" } else { "motion" };
    vec![
        text("source", Some(camera.source.to_string())),
        plain("rotate", camera.rotate.degrees(), 0),
        setting("region", camera.region.as_ref().map(as_written), None),
        plain("fps", short(camera.fps), short(default.fps)),
        setting("gate", camera.gate.map(gate), Some(usual_gate)),
        plain("area", short(camera.area), short(default.area)),
        plain("every", short(camera.every), short(default.every)),
        plain("mode", rules.mode, usual.mode),
        setting("threshold", rules.threshold.map(short), None),
        plain("hysteresis", short(rules.hysteresis), short(usual.hysteresis)),
        plain("in_a_row", rules.in_a_row, usual.in_a_row),
        plain("consensus", short(rules.consensus), short(usual.consensus)),
        plain("tries", rules.tries, usual.tries),
        plain("hold", short(rules.hold), short(usual.hold)),
        plain("gone_after", short(rules.gone_after), short(usual.gone_after)),
        text("on", camera.on.as_ref().map(ToString::to_string)),
        text("device_class", camera.device_class.clone()),
    ]
}

/// As it is written: [0.1, …], not [0.10000000149011612, …].
fn as_written(value: &impl Serialize) -> Value {
    let text = serde_json::to_string(value).expect("numbers and text");
    serde_json::from_str(&text).expect("written just now")
}

/// As it is written: 0.005, not 0.004999999888241291.
fn short(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of(text: &str) -> SettingsShown {
        toml::from_str::<Config>(text).unwrap().shown()
    }

    fn find<'a>(shown: &'a SettingsShown, section: &str, name: &str) -> &'a SettingShown {
        let section = shown.sections.iter().find(|shown| shown.name == section).unwrap();
        section.settings.iter().find(|setting| setting.name == name).unwrap()
    }

    #[test]
    fn every_setting_of_the_packaged_file_is_shown() {
        let packaged = include_str!("../../../tools/deb/edgetl.toml");
        let lines = packaged.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' '));
        let text = lines.collect::<Vec<_>>().join("\n");
        let shown = of(&text);
        let names = |section: &SectionShown| {
            let name = section.name.clone();
            section.settings.iter().map(move |setting| format!("{name}.{}", setting.name)).collect::<Vec<_>>()
        };
        let known: BTreeSet<String> = shown.sections.iter().flat_map(names).collect();
        let mut inside = String::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                inside = name.to_owned();
            } else if let Some((name, _)) = line.split_once(" = ") {
                assert!(known.contains(&format!("{inside}.{name}")), "[{inside}] {name}");
            }
        }
    }

    #[test]
    fn what_is_said_is_told_from_what_holds_anyway() {
        let shown = of("[serve]\nqueue = 4\n[camera.gate]\nsource = \"push\"\nfps = 5\nregion = [0.1, 0, 0.7, 1]\n");
        let queue = find(&shown, "serve", "queue");
        assert_eq!((&queue.value, queue.is_default), (&json!(4), false));
        let body = find(&shown, "serve", "max_body_megabytes");
        assert_eq!((&body.value, body.is_default), (&json!(32), true));
        assert!(find(&shown, "camera.gate", "fps").is_default, "the same as without the line");
        assert_eq!(find(&shown, "camera.gate", "area").value, json!(0.005));
        assert_eq!(find(&shown, "camera.gate", "gate").value, json!("always"));
        assert_eq!(find(&shown, "engine", "provider").value, json!("auto"));
        assert_eq!(find(&shown, "camera.gate", "region").value, json!([0.1, 0.0, 0.7, 1.0]));
        assert_eq!(shown.file, None);
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = of(r#"
            [camera.a]
            source = "rtsp://admin:s3cret@cam/live?password=s3cret"
            [camera.b]
            source = "command:grab --password s3cret"
            [mqtt]
            broker = "mqtt://broker"
            user = "edgetl"
            [webhook.house]
            url = "https://me:s3cret@hooks.example/T0/s3cret?key=s3cret"
            [program.siren]
            command = "siren --key s3cret"
        "#);
        let text = serde_json::to_string(&shown).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("https://hooks.example/…") && text.contains("siren …"), "{text}");
    }
}
