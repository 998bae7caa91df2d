//! A foreign network's first run, in a process of its own with little memory and little time.
//!
//! How much an engine does with a network cannot be told from its file: thirty nodes that double a tensor are 22 kB and
//! two terabytes, and inside loops, functions and constants that an optimiser computes the sizes hide from any reader. So
//! this program starts itself again, lets that process do with the file what the command is about to do (always on the
//! processor, on one thread), and goes on only where it came through.

mod child;
mod limits;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::failure::{failure, hinted};
use crate::backbone::graph::Shapes;
use crate::backbone::{ImportRequest, Options, Provider, ProviderChoice, library};
pub use child::child;
use limits::Limits;

/// The first argument of the process that tries a network; no sub-command, because nobody types it.
const ARGUMENT: &str = "__try-network";
/// What a network's first run is allowed is no wall for those who know where it comes from.
const TRUST: &str = "where you trust its source: edgetl backbone import FILE --trust runs it without limits";

/// What the command is going to do with the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Purpose {
    /// Lay open its layers.
    Inspect,
    /// Make features.
    Run,
}

/// What is to be tried; the path and the library are arguments, since they need not be text.
#[derive(Debug, Serialize, Deserialize)]
struct TrialRequest {
    purpose: Purpose,
    request: ImportRequest,
    /// Tried in turn.
    providers: Vec<Provider>,
}

/// What the process prints: its limits as it starts, then how it went.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Within(Limits),
    /// With the shapes that were found, so that no engine need look for them again without limits.
    Passed(Shapes),
    /// The network cannot be understood.
    Refused {
        error: String,
        hint: Option<String>,
    },
    /// No engine runs it.
    Failed {
        error: String,
        hint: String,
    },
    OutOfTime,
}

/// Tries the ONNX file or the package folder at `path` as `request` has it, with the engines of `request`; gives what to go
/// on with.
///
/// # Errors
/// What the network's own error is; or, where it asks for more than it may have, that.
pub fn pass(path: &Path, request: &ImportRequest, purpose: Purpose) -> anyhow::Result<ImportRequest> {
    let order = TrialRequest { purpose, request: request.clone(), providers: providers(&request.engine) };
    let output = run(path, request.engine.library.as_deref(), &order)
        .context("cannot start this program again, to try the network under limits")?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let mut lines = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
    let limits = match lines.next() {
        Some(Line::Within(limits)) => limits,
        _ => Limits::default(),
    };
    let said = || format!("the first run of the network in `{}`", path.display());
    match lines.next() {
        Some(Line::Passed(shapes)) => Ok(ImportRequest { shapes: Some(shapes), ..order.request }),
        Some(Line::Refused { error, .. } | Line::Failed { error, .. }) if is_out_of_memory(&error) => {
            Err(failure(format!("{} needs more than {}", said(), limits.memory()), TRUST))
        }
        Some(Line::Refused { error, hint: Some(hint) }) => Err(hinted(hint, anyhow::Error::msg(error))),
        Some(Line::Refused { error, hint: None }) => Err(anyhow::Error::msg(error)),
        Some(Line::Failed { error, hint }) => Err(hinted(hint, anyhow::Error::msg(error))),
        Some(Line::OutOfTime) => Err(failure(format!("{} takes more than {}", said(), limits.time()), TRUST)),
        Some(Line::Within(_)) | None if is_out_of_time(output.status) => {
            Err(failure(format!("{} takes more than {}", said(), limits.time()), TRUST))
        }
        Some(Line::Within(_)) | None => {
            let (how, memory) = (output.status, limits.memory());
            Err(failure(format!("{} broke off ({how}); most likely it needs more than {memory}", said()), TRUST))
        }
    }
}

/// A GPU's own memory is not what is at stake, and starting one takes longer than a trial may.
fn providers(engine: &Options) -> Vec<Provider> {
    match engine.provider {
        ProviderChoice::Only(Provider::Tract) => vec![Provider::Tract],
        ProviderChoice::Only(_) => vec![Provider::Cpu],
        ProviderChoice::Auto => match library::search(engine.library.as_deref()).found {
            Some(_) => vec![Provider::Cpu, Provider::Tract],
            None => vec![Provider::Tract],
        },
    }
}

fn run(path: &Path, library: Option<&Path>, order: &TrialRequest) -> io::Result<Output> {
    let library = library.map_or_else(OsString::new, Into::into);
    let mut child = Command::new(program()?)
        .args([ARGUMENT.as_ref(), path.as_os_str(), &library])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let order = serde_json::to_vec(order)?;
    // A process that ended early says by what it printed why.
    let _ = child.stdin.take().map(|mut stdin| io::Write::write_all(&mut stdin, &order));
    child.wait_with_output()
}

/// This program, also where its file was replaced since it started.
fn program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    Ok(if path.exists() { path } else { "/proc/self/exe".into() })
}

/// Engines report memory that they could not have only by their words.
fn is_out_of_memory(error: &str) -> bool {
    let error = error.to_lowercase();
    ["bad_alloc", "bad allocation", "failed to allocate"].iter().any(|words| error.contains(words))
}

#[cfg(unix)]
fn is_out_of_time(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(libc::SIGXCPU)
}

#[cfg(not(unix))]
fn is_out_of_time(_: ExitStatus) -> bool {
    false
}
