//! The process that tries a network.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::limits::Limits;
use super::{ARGUMENT, Line, Purpose, TrialRequest};
use crate::backbone::graph::Shapes;
use crate::backbone::{
    BackboneError, Import, ImportRequest, Inspection, Loader, Options, Package, Provider, ProviderChoice, shapes_of,
};
use crate::causes::causes;
use crate::cli::failure::MORE_THREADS;
use crate::cli::output::Output;
use crate::cli::remedy;
use crate::predictor::golden_vectors;
use crate::threads::spawn;

/// Tries a network where this process was started for that; `None` where it was started by somebody else.
pub fn child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let (path, library) = (arguments.next()?, arguments.next()?);
    let order: TrialRequest = serde_json::from_reader(std::io::stdin()).ok()?;
    end_before_others();
    let limits = Limits::apply(Path::new(&path));
    say(&Line::Within(limits));
    let clock = spawn("clock", move || {
        std::thread::sleep(limits.patience());
        say(&Line::OutOfTime);
        std::process::exit(1);
    });
    if let Err(error) = clock {
        say(&Line::Failed { error: causes(&error), hint: MORE_THREADS.to_owned() });
        return Some(ExitCode::SUCCESS);
    }
    say(&outcome(Path::new(&path), &library, order));
    Some(ExitCode::SUCCESS)
}

/// Nobody is left to tell when this fails.
fn say(line: &Line) {
    let _ = Output::Json.json_line(line);
}

/// With the process that waits for the answer this one ends; and short of memory, the kernel takes this one first.
#[cfg(target_os = "linux")]
fn end_before_others() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // SAFETY: a flag of this process; the call touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

#[cfg(not(target_os = "linux"))]
fn end_before_others() {}

fn outcome(path: &Path, library: &OsString, order: TrialRequest) -> Line {
    let library = (!library.is_empty()).then(|| PathBuf::from(library));
    let options = |provider| Options {
        provider: ProviderChoice::Only(provider),
        library: library.clone(),
        threads: 1,
        ..Options::default()
    };
    let TrialRequest { purpose, request, providers } = order;
    let request = ImportRequest { engine: options(providers.first().copied().unwrap_or(Provider::Tract)), ..request };
    if path.is_dir() {
        let package = || Package::open(path).map_err(BackboneError::from);
        return first_that_runs(&providers, |provider| run(package, &options(provider)), Shapes::new());
    }
    let shapes = match shapes_of(path, &request) {
        Ok(shapes) => shapes,
        Err(error) => return refused(&error),
    };
    let request = ImportRequest { shapes: Some(shapes.clone()), ..request };
    match purpose {
        Purpose::Inspect => match Inspection::of(path, &request) {
            Ok(_) => Line::Passed(shapes),
            Err(error) => refused(&error),
        },
        Purpose::Run => {
            let package = || Import::from_onnx(path, &request).map(|import| import.package);
            first_that_runs(&providers, |provider| run(package, &options(provider)), shapes)
        }
    }
}

fn refused(error: &BackboneError) -> Line {
    Line::Refused { error: causes(error), hint: remedy::of_network(error) }
}

/// The next provider is tried only where none before it ran the network.
fn first_that_runs(providers: &[Provider], run: impl Fn(Provider) -> Result<(), Line>, shapes: Shapes) -> Line {
    let mut refusal = None;
    for &provider in providers {
        match run(provider) {
            Ok(()) => return Line::Passed(shapes),
            Err(line @ Line::Refused { .. }) => return line,
            Err(line) => refusal = Some(line),
        }
    }
    refusal.unwrap_or(Line::Passed(shapes))
}

/// Does all that is done with a network before a user's first picture.
fn run(package: impl Fn() -> Result<Package, BackboneError>, options: &Options) -> Result<(), Line> {
    let package = package().map_err(|error| refused(&error))?;
    let mut session = Loader::new(package, options)
        .and_then(|loader| loader.session(options.threads))
        .map_err(|error| Line::Failed { hint: remedy::of_loading(&error), error: causes(&error) })?;
    golden_vectors(session.as_mut())
        .map(drop)
        .map_err(|error| Line::Failed { hint: remedy::LOOK.to_owned(), error: causes(&error) })
}
