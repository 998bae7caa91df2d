//! `serve`: the flags of the service, and what its errors mean to a user.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "fetch")]
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::config::{FitConfig, OpenPath, ServeConfig, TlsConfig};
use super::context::Context;
use super::engine::EngineArgs;
use super::environment;
use super::failure::{OrHint, failure};
#[cfg(feature = "fetch")]
use super::output::Output;
use super::pair;
use super::remedy::OrRemedy as _;
use super::secret;
use super::telling::{Teaching, Teller};
use super::watch::{Attended, attend};
use crate::causes::causes;
use crate::device::{Device, Facts, Trainer, TrainerSettings, TrainingEvent};
use crate::preprocess::Limits;
use crate::serve::{
    Access, Announcements, Beside, Cameras, Ended, Fetch, Host, Open, Reach, Restored, ServeError, Settings,
    run as serve,
};
use crate::watch::{Choices, Event, Moment, Watch};

/// Only this machine can reach it.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
pub const QUEUE: u16 = 16;
pub const MAX_BODY_MEGABYTES: u16 = 32;
pub const CLIENT_TIMEOUT: u16 = 30;
/// The token itself; no flag takes it, since every user of a machine can read command lines.
const TOKEN: &str = "EDGETL_TOKEN";
const READ_TOKEN: &str = "EDGETL_READ_TOKEN";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; beyond this machine TLS or a token is needed; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT", env = "EDGETL_ADDRESS")]
    address: Option<SocketAddr>,
    /// Speak TLS: `self-signed`, or the files CERTIFICATE,KEY (PEM); phones give their camera to a page only then [default: off]
    #[arg(long, value_name = "WAY", env = "EDGETL_TLS")]
    tls: Option<TlsConfig>,
    /// A file with the token that clients must send as `Authorization: Bearer`; else $EDGETL_TOKEN is the token
    #[arg(long, value_name = "FILE", env = "EDGETL_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// A file with a token that lets clients look and not change anything; else $EDGETL_READ_TOKEN is the token
    #[arg(long, value_name = "FILE", env = "EDGETL_READ_TOKEN_FILE")]
    read_token_file: Option<PathBuf>,
    /// Names by which clients reach this machine, besides its own, `localhost` and addresses [default: none]
    #[arg(long, value_name = "NAME,…", env = "EDGETL_HOSTS", value_delimiter = ',')]
    hosts: Option<Vec<Host>>,
    /// Pictures that may wait before more are refused with 503 [default: 16]
    #[arg(long, value_name = "N", env = "EDGETL_QUEUE", value_parser = clap::value_parser!(u16).range(1..=4096))]
    queue: Option<u16>,
    /// The longest request body [default: 32]
    #[arg(
        long,
        value_name = "N",
        env = "EDGETL_MAX_BODY_MEGABYTES",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    max_body_megabytes: Option<u16>,
    /// In which a client must send its picture, and take its answer; an idle one is let go after it [default: 30]
    #[arg(
        long,
        value_name = "SECONDS",
        env = "EDGETL_CLIENT_TIMEOUT",
        value_parser = clap::value_parser!(u16).range(1..=3600)
    )]
    client_timeout: Option<u16>,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What is printed once, when requests are taken.
#[derive(Serialize)]
struct Started<'a> {
    address: SocketAddr,
    url: String,
    /// SHA-256 of the certificate; `None` where there is no TLS.
    certificate: Option<&'a str>,
    /// `None` as long as there is no head.
    #[serde(flatten)]
    facts: Option<&'a Facts>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let settings = args.settings(context)?;
    let device = context.device_on(&args.engine);
    let restored = restored(&device)?;
    let limits = Limits { max_bytes: settings.max_body as u64, ..device.settings().limits };
    let device = device.with(crate::device::Settings { limits, ..device.settings().clone() });
    // What is told waits for the first line.
    let (first_line, told_first) = channel::<()>();
    let (output, state) = (context.output, context.state.clone());
    let started = move |reach: &Reach, facts: Option<&Facts>| {
        let _said_then = first_line;
        let (url, certificate) = (reach.listening(), reach.certificate.as_deref());
        output.result(&Started { address: reach.address, url: url.clone(), certificate, facts }, || {
            let lacks = if facts.is_none() { "; no head yet: edgetl collect FOLDER, then edgetl fit-head" } else { "" };
            format!("listening on {url}{lacks}")
        })?;
        pair::show_at_start(output, reach, &state)
    };
    let cameras: Vec<_> = context.config.camera.clone().into_iter().collect();
    let choices = Choices::of(device.clone(), cameras.iter().map(|(name, _)| name.clone()));
    let mut watch = Watch::start(&cameras, choices, device.settings().limits)?;
    let Attended { own, recent, drift } = attend(&mut watch, &device, &cameras, &context.config);
    let teaching = Teaching::new(recent);
    let about = (&own[..], watch.board());
    let teller = Teller::open((&context.config, context.output), &device, about, teaching.clone())?;
    let (telling, counting, telling_fits) = (teller.clone(), teller.clone(), teller.clone());
    let tell = Box::new(move |event: &Event| telling.tell(event));
    let counts = Arc::new(move || counting.counts());
    let announcements = Announcements::default();
    let announced = announcements.clone();
    let tell_training = Box::new(move |event: &TrainingEvent| {
        let event = event.into();
        announced.event(&event);
        let _ = told_first.recv();
        if let Err(error) = telling_fits.tell(&event) {
            tracing::warn!("a fit cannot be told of: {error}");
        }
    });
    let FitConfig { after, every, .. } = context.config.fit;
    let trainer = Arc::new(Trainer::start(device.clone(), TrainerSettings { after, every }, tell_training)?);
    teaching.by(&trainer);
    let shown = context.config.shown();
    let beside = Beside { trainer, fetch: fetch(args, context), shown, restored };
    let served = serve(settings, device, Cameras { watch, tell, counts, drift, announcements }, beside, started)
        .map_err(explain);
    teller.end();
    match served? {
        Ended::Asked => Ok(()),
        Ended::Again => Err(begin_anew()),
    }
}

/// Puts a backup that waits in its place, before anything of the state is open; says what came of it.
fn restored(device: &Device) -> anyhow::Result<Restored> {
    let taken = device.take_restore();
    let (done, because) = match taken {
        Ok(done) => (done.map(|waiting| waiting.replaced), None),
        Err(error) if device.check_whole().is_err() => return Err(error).or_remedy(),
        Err(error) => (None, Some(causes(&error))),
    };
    if let Some(because) = &because {
        tracing::warn!("the backup that waits is not in its place: {because}");
    }
    if let Some(folder) = &done {
        let folder = device.state().path().join(folder);
        tracing::info!("the backup is in its place; what was there before is in `{}`", folder.display());
    }
    Ok(Restored { done, because, tried: Moment::now() })
}

/// Only a process of its own has nothing open of what is replaced. Gives an error where it did not begin.
#[cfg(unix)]
fn begin_anew() -> anyhow::Error {
    use std::os::unix::process::CommandExt as _;
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_else(|| "edgetl".into());
    // Its file may have been replaced by a newer program.
    let program = std::env::current_exe().ok().filter(|path| path.exists()).map_or(called, Into::into);
    tracing::info!("starting anew");
    let error = std::process::Command::new(program).args(arguments).exec();
    anyhow::Error::from(error).context("the service cannot start anew")
}

#[cfg(not(unix))]
fn begin_anew() -> anyhow::Error {
    failure("the service ended to start anew, which this system does not do by itself", "start it again")
}

/// How a network of the catalogue is brought.
fn fetch(args: &Args, context: &Context) -> Option<Fetch> {
    #[cfg(feature = "fetch")]
    {
        let (engine, context) =
            (args.engine.clone(), Context { output: Output::Nowhere, quiet: true, ..context.clone() });
        let bring = move |name: &str, progress: &mut dyn FnMut(u64, Option<u64>), stop: &AtomicBool| {
            let brought = super::backbone::fetch::for_service(name, (&engine, &context), (progress, stop));
            brought.map_err(|error| format!("{error:#}"))
        };
        Some(Arc::new(bring))
    }
    #[cfg(not(feature = "fetch"))]
    {
        let _ = (args, context);
        None
    }
}

impl Args {
    fn settings(&self, context: &Context) -> anyhow::Result<Settings> {
        let config = &context.config.serve;
        let megabytes = self.max_body_megabytes.or(config.max_body_megabytes).unwrap_or(MAX_BODY_MEGABYTES);
        let seconds = self.client_timeout.or(config.client_timeout).unwrap_or(CLIENT_TIMEOUT);
        Ok(Settings {
            address: self.address.or(config.address).unwrap_or(ADDRESS),
            access: self.access(config)?,
            tls: self.tls.clone().or_else(|| config.tls.clone()).and_then(TlsConfig::wanted),
            mdns: config.mdns.unwrap_or(true),
            open: config.open.iter().copied().map(Open::from).collect(),
            access_log: config.access_log,
            hosts: self.hosts(&config.hosts)?,
            queue: self.queue.or(config.queue).unwrap_or(QUEUE).into(),
            max_body: usize::from(megabytes.max(1)) << 20,
            client_timeout: Duration::from_secs(seconds.max(1).into()),
        })
    }

    fn hosts(&self, configured: &[String]) -> anyhow::Result<Vec<Host>> {
        let read = |host: &String| host.parse().context("cannot use `hosts` in the section [serve] of the settings");
        self.hosts.clone().map_or_else(|| configured.iter().map(read).collect(), Ok)
    }

    fn access(&self, config: &ServeConfig) -> anyhow::Result<Access> {
        let given = (self.token_file.as_deref(), TOKEN, config.token_file.as_deref());
        let read = (self.read_token_file.as_deref(), READ_TOKEN, config.read_token_file.as_deref());
        let (write, read) = (token(given)?, token(read)?);
        let hint = "this makes a good one: openssl rand -hex 32";
        match (write, read) {
            (None, None) => Ok(Access::open()),
            (None, Some(_)) => Err(failure(
                "expected a token for writing beside the one for reading, got none",
                "name its file, --token-file FILE, or set EDGETL_TOKEN",
            )),
            (Some(write), None) => Access::by_token(&write).or_hint(hint),
            (Some(write), Some(read)) => {
                Access::by_token(&write).and_then(|access| access.and_read_token(&read)).or_hint(hint)
            }
        }
    }
}

impl From<OpenPath> for Open {
    fn from(path: OpenPath) -> Self {
        match path {
            OpenPath::Ready => Self::Ready,
            OpenPath::Metrics => Self::Metrics,
        }
    }
}

/// The token in the file of a flag, in a variable, or in the file of the settings.
fn token((flag, variable, configured): (Option<&Path>, &str, Option<&Path>)) -> anyhow::Result<Option<String>> {
    Ok(match (flag, environment::variable(variable), configured) {
        (Some(file), _, _) | (None, None, Some(file)) => Some(secret::read("token", file)?),
        (None, Some(token), _) => Some(token.to_string_lossy().into_owned()),
        (None, None, None) => None,
    })
}

fn explain(error: ServeError) -> anyhow::Error {
    let error = match error {
        ServeError::Device(error) => return Err::<(), _>(error).or_remedy().expect_err("made of an error"),
        other => other,
    };
    let hint = match &error {
        ServeError::Open(_) => {
            "speak TLS and let phones in with codes: --tls self-signed; or make a token (openssl rand -hex 32 >FILE) and name its \
             file: --token-file FILE, or set EDGETL_TOKEN; or listen on this machine alone: --address 127.0.0.1:8080"
        }
        ServeError::Tls(error) => pair::remedy(error),
        ServeError::Bind { .. } => "another program may have the port; --address 127.0.0.1:0 takes a free one",
        ServeError::Device(_) | ServeError::Start(_) | ServeError::Thread(_) | ServeError::WorkerEnded => {
            return error.into();
        }
    };
    Err::<(), _>(error).or_hint(hint).expect_err("made of an error")
}
