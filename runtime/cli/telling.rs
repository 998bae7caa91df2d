//! Who is told of events, as the settings say.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::config::Config;
use super::failure::OrHint as _;
use super::output::Output;
use super::watch::told;
use crate::announce::Announcer;
use crate::announce::settings::{LogSettings, MqttSettings, ProgramSettings, WebhookSettings};
#[cfg(feature = "announce")]
use crate::causes::causes;
use crate::device::{Device, Trainer};
use crate::digest::Digest;
#[cfg(feature = "announce")]
use crate::labels::Label;
use crate::threads::spawn;
use crate::watch::{Board, CameraSettings, Event, Recent, Telling};

/// How long what waits may take at the end.
const FAREWELL: Duration = Duration::from_millis(500);
/// Held by the one program of a state that tells; in it is what no other device has.
const LOCK: &str = "telling.lock";
/// How often a second program looks whether the first one ended.
const AGAIN: Duration = Duration::from_secs(2);

/// Tells whoever reads standard output, and everybody in the settings.
#[derive(Clone)]
pub struct Teller {
    output: Output,
    telling: Arc<OnceLock<Held>>,
    #[cfg_attr(not(feature = "serve"), expect(dead_code, reason = "the API shows it"))]
    tells_nobody: bool,
}

struct Held {
    telling: Telling,
    _lock: Option<File>,
}

/// Whom to tell, and of what.
struct Wanted {
    mqtt: Option<MqttSettings>,
    webhook: BTreeMap<String, WebhookSettings>,
    program: BTreeMap<String, ProgramSettings>,
    log: Option<LogSettings>,
    /// All cameras of the settings.
    names: Vec<String>,
    /// Those that are watched.
    cameras: Vec<(String, CameraSettings)>,
    board: Arc<Board>,
    device: Device,
    teaching: Teaching,
}

/// What is taught by way of those who are told.
#[derive(Clone)]
pub struct Teaching {
    recent: Recent,
    trainer: Arc<OnceLock<Weak<Trainer>>>,
}

impl Teaching {
    pub fn new(recent: Recent) -> Self {
        Self { recent, trainer: Arc::default() }
    }

    /// Who fits, once there is one; it may end before those who are told.
    pub fn by(&self, trainer: &Arc<Trainer>) {
        let _ = self.trainer.set(Arc::downgrade(trainer));
    }
}

impl Teller {
    /// Who is told of `cameras`, those of `board` that are of the settings. One program of a state tells; a second one says that it does not, and takes its
    /// place when it ends.
    ///
    /// # Errors
    /// When a file of the settings cannot be read or written.
    pub fn open(
        (config, output): (&Config, Output),
        device: &Device,
        (cameras, board): (&[(String, CameraSettings)], Arc<Board>),
        teaching: Teaching,
    ) -> anyhow::Result<Self> {
        let telling = Arc::new(OnceLock::new());
        // Cameras that are only named on the command line are looked through in passing; a service without a camera tells of fits, and
        // takes back the cameras that are gone.
        let is_passing = cameras.is_empty() && board.entries().next().is_some();
        let tells_nobody = config.tells_nobody() || is_passing;
        let teller = Self { output, telling: telling.clone(), tells_nobody };
        if tells_nobody {
            return Ok(teller);
        }
        let wanted = Wanted {
            mqtt: config.mqtt.clone(),
            webhook: config.webhook.clone(),
            program: config.program.clone(),
            log: config.log.clone(),
            names: config.camera.keys().cloned().collect(),
            cameras: cameras.to_vec(),
            board,
            device: device.clone(),
            teaching,
        };
        if let Some(held) = wanted.held()? {
            let _ = telling.set(held);
            return Ok(teller);
        }
        tracing::warn!("another edgetl of this state tells of events already, so this one tells standard output alone");
        let later = Arc::downgrade(&telling);
        drop(telling);
        spawn("telling", move || {
            while let Some(telling) = later.upgrade() {
                match wanted.held() {
                    Ok(Some(held)) => {
                        tracing::info!("the other edgetl ended; this one tells of events now");
                        let _ = telling.set(held);
                        return;
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!("nobody is told of events: {error:#}");
                        return;
                    }
                }
                drop(telling);
                std::thread::sleep(AGAIN);
            }
        })?;
        Ok(teller)
    }

    /// # Errors
    /// When standard output takes nothing any more.
    pub fn tell(&self, event: &Event) -> std::io::Result<()> {
        if let Some(held) = self.telling.get() {
            held.telling.tell(event);
        }
        told(self.output, event)
    }

    /// Who is told, and what came of it; `None` where another program of this state tells.
    #[cfg(feature = "serve")]
    pub fn counts(&self) -> Option<Vec<(crate::announce::About, crate::announce::Counts)>> {
        match self.telling.get() {
            Some(held) => Some(held.telling.counts()),
            None => self.tells_nobody.then(Vec::new),
        }
    }

    /// Tells what waits.
    pub fn end(&self) {
        if let Some(held) = self.telling.get() {
            held.telling.end(FAREWELL);
        }
    }
}

impl Wanted {
    /// `None` where another program tells.
    fn held(&self) -> anyhow::Result<Option<Held>> {
        // Where the state cannot be written there is nothing to hold.
        let _ = self.device.state().create();
        let path = self.device.state().path().join(LOCK);
        let mut lock = File::options().create(true).read(true).append(true).open(path).ok();
        if let Some(lock) = &lock
            && matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock))
        {
            return Ok(None);
        }
        let key = lock.as_mut().and_then(|lock| key(lock).ok());
        let key = key.unwrap_or_else(|| Digest::of(self.device_name().as_bytes()).short()[..8].to_owned());
        Ok(Some(Held { telling: self.telling(&key)?, _lock: lock }))
    }

    fn telling(&self, key: &str) -> anyhow::Result<Telling> {
        let name = self.device_name();
        let mut announcers = Vec::new();
        if let Some(settings) = &self.log {
            announcers.push(Announcer::log(settings).or_hint("[log] file = in the settings names it")?);
        }
        for (program, settings) in &self.program {
            announcers.push(Announcer::program(program, settings)?);
        }
        self.connected(Telling::new(&name, announcers), (name, key.to_owned()))
    }

    /// As the settings say, else as the machine is called.
    fn device_name(&self) -> String {
        let machine = || {
            let name = crate::files::read_to_string("/proc/sys/kernel/hostname".as_ref(), 256).unwrap_or_default();
            let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
            name.trim().split('.').next().unwrap_or_default().chars().take(64).map(plain).collect::<String>()
        };
        let named = self.mqtt.as_ref().and_then(|mqtt| mqtt.name.clone());
        Some(named.unwrap_or_else(machine)).filter(|name| !name.is_empty()).unwrap_or_else(|| "edgetl".to_owned())
    }

    #[cfg(not(feature = "announce"))]
    fn connected(&self, telling: Telling, _: (String, String)) -> anyhow::Result<Telling> {
        let _ = (&self.names, &self.cameras, &self.board, &self.teaching.recent);
        match (&self.mqtt, self.webhook.is_empty()) {
            (Some(_), _) => Err(crate::announce::AnnounceError::NotBuilt("MQTT").into()),
            (None, false) => Err(crate::announce::AnnounceError::NotBuilt("a webhook").into()),
            (None, true) => Ok(telling),
        }
    }

    #[cfg(feature = "announce")]
    fn connected(&self, mut telling: Telling, (device, key): (String, String)) -> anyhow::Result<Telling> {
        use anyhow::Context as _;

        use super::secret::secret;
        use crate::announce::SigningKey;
        use crate::announce::mqtt::{Mqtt, Named};
        use crate::watch::Desk;

        /// Commands that may wait.
        const WAITING: usize = 16;
        const WEBHOOK_KEY: &str = "EDGETL_WEBHOOK_SECRET";
        for (hook, settings) in &self.webhook {
            let key = secret("key", settings.secret_file.as_deref(), WEBHOOK_KEY)?;
            let from = settings.secret_file.as_deref().unwrap_or(WEBHOOK_KEY.as_ref()).display();
            let key = key.map(|key| SigningKey::new(&key)).transpose();
            let key = key.with_context(|| format!("cannot use the key in `{from}`"))?;
            let opened = Announcer::webhook(hook, settings, key);
            telling.add(opened.with_context(|| format!("cannot use the webhook `{hook}`"))?);
        }
        let Some(settings) = &self.mqtt else { return Ok(telling) };
        let password = secret("password", settings.password_file.as_deref(), "EDGETL_MQTT_PASSWORD")?;
        let (sender, commands) = std::sync::mpsc::sync_channel(WAITING);
        let opened = Mqtt::new(settings, (&Named { device, key }, password.as_deref()), &self.names, sender);
        let (mqtt, link) = opened.context("cannot use the broker of the settings")?;
        let orders = Box::new(Orders { device: self.device.clone(), teaching: self.teaching.clone() });
        let about = (self.board.clone(), &self.cameras[..], self.teaching.recent.clone());
        Ok(telling.with(Desk::open((mqtt, link, commands), self.device.clone(), about, orders)?))
    }
}

/// What no other device has: eight letters and digits, made once.
fn key(file: &mut File) -> std::io::Result<String> {
    let mut text = String::new();
    std::io::Read::by_ref(file).take(64).read_to_string(&mut text)?;
    let known = text.trim();
    if known.len() == 8 && known.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(known.to_owned());
    }
    // The standard library's hash maps get a number from the system that nobody guesses.
    let random = std::hash::RandomState::new().build_hasher().finish();
    let key = format!("{:08x}", random as u32);
    file.set_len(0)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()?;
    Ok(key)
}

/// What is asked for by way of a broker.
#[cfg(feature = "announce")]
struct Orders {
    device: Device,
    teaching: Teaching,
}

#[cfg(feature = "announce")]
impl crate::watch::Ordered for Orders {
    fn label(&mut self, camera: &str, label: &Label) -> Result<(), String> {
        self.teaching.recent.label(camera, label).map(drop).map_err(|error| causes(&error))
    }

    fn teach(&mut self) -> Result<(), String> {
        let trainer = self.teaching.trainer.get().and_then(Weak::upgrade);
        trainer
            .map(|trainer| trainer.ask(crate::device::FitAsked::default()))
            .ok_or_else(|| "nobody fits heads at the moment".to_owned())
    }

    fn roll_back(&mut self) -> Result<(), String> {
        self.device.heads().rollback(None).map(drop).map_err(|error| causes(&error))
    }
}
