//! `doctor`: what this machine can run, what is kept, what is wrong and how to mend it.

mod cameras;
mod install;
mod machine;
#[cfg(feature = "serve")]
mod service;
mod state;

use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::Array4;
use serde::Serialize;

use super::context::Context;
use super::engine::EngineArgs;
use super::failure::{AlreadyReported, one_line};
use super::output::{shown, table};
use super::remedy::{self, OrRemedy as _};
use crate::backbone::library::{MINIMUM_VERSION, Search, search};
use crate::backbone::{BackboneError, Loader, Options, Package, Provider, ProviderChoice};
use crate::causes::causes;
use crate::predictor::{OpenError, Opened, check_golden, open};
use crate::printable::printable;
use crate::tensor::InputBatch;
use cameras::{TriedCamera, try_cameras};
use install::install_onnxruntime;
use machine::Machine;
#[cfg(feature = "serve")]
use service::Service;
use state::State;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// First bring the official ONNX Runtime library here, with CUDA where `--provider` asks for a GPU; its SHA-256 is
    /// checked. Needs python3 with pip, and a network [default: /usr/local/lib/edgetl, for who is not root
    /// ~/.local/lib/edgetl]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    install_onnxruntime: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    onnxruntime: Search,
    providers: Vec<Trial>,
    state: State,
    /// Of the settings.
    cameras: Vec<TriedCamera>,
    #[cfg(feature = "serve")]
    service: Service,
    /// What keeps edgetl from working as asked; empty when all is well.
    problems: Vec<String>,
}

/// One provider, tried with a real forward pass.
#[derive(Serialize)]
struct Trial {
    provider: Provider,
    backbone: String,
    /// Of one picture on all threads.
    milliseconds: Option<f64>,
    /// From the golden vectors, relative; `None` where the backbone has none or the provider does not run.
    golden_difference: Option<f32>,
    reason: Option<String>,
    /// What would make it run.
    remedy: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let options = context.engine(&args.engine);
    if let Some(folder) = &args.install_onnxruntime {
        let folder = if folder.as_os_str().is_empty() { install::default_folder() } else { folder.clone() };
        let library = install_onnxruntime(&folder, options.provider)?;
        tracing::info!("ONNX Runtime is `{}`", library.display());
        if options.library.is_none() && search(None).found.is_none_or(|found| !same_file(&found.path, &library)) {
            tracing::warn!(
                "`{}` is not where libraries are looked for: set EDGETL_ONNXRUNTIME to it, or `onnxruntime` in edgetl.toml",
                library.display()
            );
        }
    }
    let state = State::look(context);
    let (mut providers, mut problems) = (Vec::new(), state.problems.clone());
    match context.device().backbones().in_use().or_remedy() {
        Ok(package) => providers = try_all(&package, args, context),
        Err(error) => problems.push(one_line(&error)),
    }
    if let ProviderChoice::Only(asked) = options.provider {
        let failed = providers.iter().find(|trial| trial.provider == asked).and_then(|trial| trial.failure());
        problems.extend(failed.map(|reason| format!("provider {asked} was asked for and does not run: {reason}")));
    }
    if options.provider == ProviderChoice::Auto
        && !providers.is_empty()
        && providers.iter().all(|trial| trial.reason.is_some())
    {
        problems.push("no provider runs the backbone in use and gives its own features".to_owned());
    }
    let onnxruntime = search(options.library.as_deref());
    if options.library.is_some() && onnxruntime.found.is_none() {
        let reasons = onnxruntime.refused.iter().map(|refused| causes(&refused.reason));
        problems
            .extend(reasons.map(|reason| format!("the ONNX Runtime library that was named cannot be used: {reason}")));
    }
    let cameras = try_cameras(context);
    problems.extend(cameras.iter().filter_map(TriedCamera::failure));
    #[cfg(feature = "serve")]
    let service = Service::look(context);
    #[cfg(feature = "serve")]
    problems.extend(service.failure());
    let report = Report {
        machine: Machine::look(),
        onnxruntime,
        providers,
        state,
        cameras,
        #[cfg(feature = "serve")]
        service,
        problems,
    };
    context.output.result(&report, || report.text())?;
    if report.problems.is_empty() { Ok(()) } else { Err(AlreadyReported.into()) }
}

fn same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

fn try_all(package: &Package, args: &Args, context: &Context) -> Vec<Trial> {
    let trial = |provider| {
        let options = Options { provider: ProviderChoice::Only(provider), ..context.engine(&args.engine) };
        Trial::of(package, provider, &options)
    };
    Provider::ALL.into_iter().map(trial).collect()
}

impl Trial {
    fn of(package: &Package, provider: Provider, options: &Options) -> Self {
        let mut trial = Self {
            provider,
            backbone: package.manifest().name.to_string(),
            milliseconds: None,
            golden_difference: None,
            reason: None,
            remedy: None,
        };
        if let Err(error) = trial.run(package, options) {
            trial.remedy = match &error {
                OpenError::Backbone(error) => remedy::of_backbone(error),
                OpenError::Golden { .. } => Some(remedy::OTHER_FEATURES.to_owned()),
            };
            trial.reason = Some(causes(&error));
        }
        trial
    }

    /// Opens the backbone as every other command does, and compares all of its golden vectors.
    fn run(&mut self, package: &Package, options: &Options) -> Result<(), OpenError> {
        let Opened { loader, .. } = open(package.clone(), options)?;
        if let Some(golden) = package.golden() {
            let checked = loader.with_session(|session| check_golden(session, golden))?;
            let differs = |source| OpenError::Golden {
                backbone: self.backbone.clone(),
                provider: self.provider,
                source: Box::new(source),
            };
            self.golden_difference = Some(checked.map_err(differs)?);
        }
        self.milliseconds = Some(time_forward(&loader, options.threads)?);
        Ok(())
    }

    /// Why it does not run, with what to do.
    fn failure(&self) -> Option<String> {
        let remedy = self.remedy.as_ref().map_or_else(String::new, |remedy| format!("; {remedy}"));
        self.reason.as_ref().map(|reason| format!("{reason}{remedy}"))
    }
}

/// Milliseconds of one picture, the best of three.
fn time_forward(loader: &Loader, threads: usize) -> Result<f64, BackboneError> {
    let preprocess = &loader.manifest().preprocess;
    let input = Array4::zeros((1, 3, preprocess.height as usize, preprocess.width as usize));
    let batch = InputBatch::new(input)?;
    let mut session = loader.session(threads)?;
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        session.forward(&batch)?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(best)
}

impl Report {
    fn text(&self) -> String {
        let mut parts =
            vec![self.machine.text(), self.library(), self.trials(), self.state.text(), cameras::text(&self.cameras)];
        #[cfg(feature = "serve")]
        parts.push(self.service.text());
        parts.push(if self.problems.is_empty() {
            "no problem found".to_owned()
        } else {
            self.problems.iter().map(|problem| format!("problem: {problem}")).collect::<Vec<_>>().join("\n")
        });
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    fn library(&self) -> String {
        let mut lines = Vec::new();
        match &self.onnxruntime.found {
            Some(found) => {
                lines.push(format!("ONNX Runtime {} at `{}`", printable(&found.version), shown(&found.path)))
            }
            None => lines.push(format!(
                "no ONNX Runtime ({}.{} or newer) found, so tract runs; to have it: tools/install-onnxruntime (in the \
                 Debian package: /usr/share/edgetl/install-onnxruntime), or put libonnxruntime.so into one of these \
                 folders, or name it with --onnxruntime FILE or EDGETL_ONNXRUNTIME",
                MINIMUM_VERSION.0, MINIMUM_VERSION.1
            )),
        }
        for refused in &self.onnxruntime.refused {
            lines.push(format!("  refused `{}`: {}", shown(&refused.path), causes(&refused.reason)));
            lines.extend(remedy::of_library(&refused.reason).map(|remedy| format!("    remedy: {remedy}")));
        }
        lines.extend(self.onnxruntime.searched.iter().map(|folder| format!("  looked in {}", shown(folder))));
        lines.join("\n")
    }

    fn trials(&self) -> String {
        let Some(first) = self.providers.first() else { return String::new() };
        let rows = self.providers.iter().map(|trial| {
            let time = trial.milliseconds.map_or_else(|| "-".to_owned(), |time| format!("{time:.1} ms"));
            [trial.provider.to_string(), time]
        });
        let mut text =
            format!("a picture through {} on all threads\n{}", first.backbone, table(["provider", "time"], rows));
        for trial in &self.providers {
            if let Some(reason) = &trial.reason {
                text.push_str(&format!("\n  {} does not run: {reason}", trial.provider));
            }
            if let Some(remedy) = &trial.remedy {
                text.push_str(&format!("\n    remedy: {remedy}"));
            }
        }
        text
    }
}
