//! `serve`: the flags of the service, and what its errors mean to a user.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::context::Context;
use super::engine::EngineArgs;
use super::environment;
use super::failure::OrHint;
use super::remedy::OrRemedy as _;
use super::watch::told;
use crate::device::Facts;
use crate::preprocess::Limits;
use crate::serve::{Access, Cameras, Host, ServeError, Settings, run as serve};
use crate::watch::{Event, Watch};

/// Only this machine can reach it.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const QUEUE: u16 = 16;
const MAX_BODY_MEGABYTES: u16 = 32;
const CLIENT_TIMEOUT: u16 = 30;
/// The token itself; no flag takes it, since every user of a machine can read command lines.
const TOKEN: &str = "EDGETL_TOKEN";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; beyond this machine a token is needed; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT", env = "EDGETL_ADDRESS")]
    address: Option<SocketAddr>,
    /// A file with the token that clients must send as `Authorization: Bearer`; else $EDGETL_TOKEN is the token
    #[arg(long, value_name = "FILE", env = "EDGETL_TOKEN_FILE")]
    token_file: Option<PathBuf>,
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
    /// `None` as long as there is no head.
    #[serde(flatten)]
    facts: Option<&'a Facts>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let settings = args.settings(context)?;
    let device = context.device_on(&args.engine);
    let limits = Limits { max_bytes: settings.max_body as u64, ..device.settings().limits };
    let device = device.with(crate::device::Settings { limits, ..device.settings().clone() });
    let started = |address: SocketAddr, facts: Option<&Facts>| {
        let url = format!("http://{address}");
        context.output.result(&Started { address, url, facts }, || {
            let lacks = if facts.is_none() { "; no head yet: edgetl collect FOLDER, then edgetl fit-head" } else { "" };
            format!("listening on http://{address}{lacks}")
        })
    };
    let cameras: Vec<_> = context.config.camera.clone().into_iter().collect();
    let watch = Watch::start(&cameras, device.settings().limits)?;
    let output = context.output;
    let tell = Box::new(move |event: &Event| told(output, event));
    serve(settings, device, Cameras { watch, tell }, started).map_err(explain)
}

impl Args {
    fn settings(&self, context: &Context) -> anyhow::Result<Settings> {
        let config = &context.config.serve;
        let megabytes = self.max_body_megabytes.or(config.max_body_megabytes).unwrap_or(MAX_BODY_MEGABYTES);
        let seconds = self.client_timeout.or(config.client_timeout).unwrap_or(CLIENT_TIMEOUT);
        Ok(Settings {
            address: self.address.or(config.address).unwrap_or(ADDRESS),
            access: self.access(config.token_file.as_deref())?,
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

    fn access(&self, configured: Option<&Path>) -> anyhow::Result<Access> {
        let token = match (self.token_file.as_deref(), environment::variable(TOKEN), configured) {
            (Some(file), _, _) | (None, None, Some(file)) => read_token(file)?,
            (None, Some(token), _) => token.to_string_lossy().into_owned(),
            (None, None, None) => return Ok(Access::open()),
        };
        Access::by_token(&token).or_hint("this makes a good one: openssl rand -hex 32")
    }
}

fn read_token(file: &Path) -> anyhow::Result<String> {
    let failed = || format!("cannot read the token in `{}`", file.display());
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).with_context(failed)?.permissions()) & 0o007 > 0
    {
        tracing::warn!("every user of this machine can read the token in `{}`", file.display());
    }
    crate::files::read_to_string(file, 1 << 16).with_context(failed)
}

fn explain(error: ServeError) -> anyhow::Error {
    let error = match error {
        ServeError::Device(error) => return Err::<(), _>(error).or_remedy().expect_err("made of an error"),
        other => other,
    };
    let hint = match &error {
        ServeError::Open(_) => {
            "make a token (openssl rand -hex 32 >FILE) and name its file: --token-file FILE, or set EDGETL_TOKEN; or \
             listen on this machine alone: --address 127.0.0.1:8080"
        }
        ServeError::Bind { .. } => "another program may have the port; --address 127.0.0.1:0 takes a free one",
        ServeError::Device(_) | ServeError::Start(_) | ServeError::Thread(_) | ServeError::WorkerEnded => {
            return error.into();
        }
    };
    Err::<(), _>(error).or_hint(hint).expect_err("made of an error")
}
