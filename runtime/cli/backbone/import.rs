//! `backbone import`: any ONNX image classifier becomes a package.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use super::known::{Known, Verdict, known, with_preprocess};
use crate::backbone::{Backbone, Import, ImportRequest, Loader, Package, class_names};
use crate::cli::context::Context;
use crate::cli::engine::EngineArgs;
use crate::cli::failure::OrHint;
use crate::cli::fetched::Fetched;
use crate::cli::network::{PreprocessArgs, unreadable};
use crate::cli::remedy::OrRemedy as _;
use crate::cli::trial::{self, Purpose};
use crate::manifest::{BackboneName, FeatureKind, Preprocess, Tap};
use crate::predictor::golden_vectors;
use crate::printable::printable;

const LEFT_ALONE: &str = "this state has the network on its last map alone, and goes on with that: --taps 1 keeps it a second \
                          time, with an earlier map beside it";
const ANOTHER_PLACE: &str = "name a folder that is not there yet or is empty: --out DIR";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// An ONNX image classifier; it is not changed. A config.json and a preprocessor_config.json beside it are read
    model: PathBuf,
    #[command(flatten)]
    how: How,
}

/// What a user may say of a network, and what becomes of it.
#[derive(Debug, Default, clap::Args)]
pub struct How {
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
    /// The backbone's name, of letters, digits, `-`, `_` and `.` [default: the file's]
    #[arg(long)]
    name: Option<BackboneName>,
    /// Class names, one a line, in the order of the classifier's scores
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// A picture and the class that the network should name it, to check how its pixels are normalised
    #[arg(long, value_name = "PICTURE=CLASS", value_parser = known)]
    known: Vec<Known>,
    /// The weights' licence, for the record
    #[arg(long, default_value = "")]
    licence: String,
    /// Write the package there instead of keeping it in the state directory; replaces nothing but a package
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Use this backbone from now on, replacing the current one
    #[arg(long = "use", conflicts_with = "out")]
    take_into_use: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What the graph itself may leave open.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// The tensor or node to take as the feature [default: found]
    #[arg(long, value_name = "NAME")]
    pub feature: Option<String>,
    /// How the feature becomes a vector: map, map-nhwc, vector, tokens-mean or tokens-class [default: by its shape]
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<FeatureKind>,
    /// The input that takes the image [default: the only one that can]
    #[arg(long, value_name = "NAME")]
    pub input: Option<String>,
    /// Earlier maps of the network that are taken beside the last, where it has one: 0 or 1 [default: 1, but a state that
    /// has the network without goes on without]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1))]
    pub taps: Option<u32>,
    /// Skip the first run under limits of memory and time: for a very large network whose source you trust
    #[arg(long)]
    pub trust: bool,
}

fn kind(text: &str) -> Result<FeatureKind, String> {
    use serde::Deserialize as _;
    use serde::de::IntoDeserializer as _;
    let kind: Result<_, serde::de::value::Error> = FeatureKind::deserialize(text.into_deserializer());
    kind.map_err(|_| format!("expected map, map-nhwc, vector, tokens-mean or tokens-class, got `{text}`"))
}

#[derive(Serialize)]
struct Imported<'a> {
    backbone: &'a str,
    fingerprint: String,
    path: String,
    dim: usize,
    feature: &'a str,
    why: &'a str,
    taps: &'a [Tap],
    /// Which earlier map is taken and why, or why none is.
    earlier: &'a str,
    /// How the network normalises its pixels itself; `null` where it does not.
    pixels: Option<&'a str>,
    preprocess: &'a Preprocess,
    guessed: bool,
    /// What `--known` found; `null` without.
    known: Option<&'a Verdict>,
    #[serde(skip)]
    evidence: Option<String>,
    classes: Option<usize>,
    provider: crate::backbone::Provider,
    #[serde(rename = "use")]
    in_use: bool,
    /// The file beside the network that says how its pixels are prepared; `null` where none does or it is not needed.
    preprocess_from: Option<String>,
    warnings: &'a [String],
    /// Where it was fetched from; not there for a file of one's own.
    #[serde(flatten)]
    fetched: Option<&'a Fetched>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    import(&args.model, &args.how, None, context)
}

/// Makes a package of `model`, keeps it and says so.
pub fn import(model: &Path, args: &How, fetched: Option<&Fetched>, context: &Context) -> anyhow::Result<()> {
    args.check_place()?;
    let request = args.network.tried(model, args.request(fetched, context)?, Purpose::Run)?;
    let import = Import::from_onnx(model, &request).map_err(unreadable)?;
    let Import { package, why, mut earlier, pixels, preprocess_from, guess, mut warnings } = import;
    let mut proven = Proven::new(package, args, context)?;
    let verdict = proven.verdict(&args.known)?;
    let better = verdict.as_ref().and_then(Verdict::better).filter(|_| guess.is_some());
    if let Some(settings) = better {
        proven = Proven::new(with_preprocess(&proven.package, settings), args, context)?;
    }
    // A guess that known pictures agree with is one no longer.
    let doubtful = verdict.as_ref().map(|verdict| verdict.is_doubtful(better.is_some()));
    let guess = guess.filter(|_| doubtful.unwrap_or(true));
    let evidence = verdict.as_ref().map(|verdict| verdict.sentence(better.is_some()));
    warnings.extend(guess.clone());
    warnings.extend(evidence.clone().filter(|_| doubtful == Some(true)));
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let package = proven.with_golden_vectors()?;
    let (package, path, in_use) = args.keep(package, context)?;
    if package.manifest().feature.taps.is_empty() && !proven.package.manifest().feature.taps.is_empty() {
        LEFT_ALONE.clone_into(&mut earlier);
    }
    let manifest = package.manifest();
    let imported = Imported {
        backbone: manifest.name.as_str(),
        fingerprint: manifest.fingerprint().to_string(),
        path: path.display().to_string(),
        dim: manifest.feature.width(),
        feature: &manifest.feature.output,
        why: &why,
        taps: &manifest.feature.taps,
        earlier: &earlier,
        pixels: pixels.as_deref(),
        preprocess: &manifest.preprocess,
        guessed: guess.is_some(),
        known: verdict.as_ref(),
        evidence: evidence.filter(|_| doubtful == Some(false)),
        classes: package.classifier().map(|classifier| classifier.bias.len()),
        provider: proven.loader.provider(),
        in_use,
        preprocess_from: preprocess_from.map(|path| path.display().to_string()),
        warnings: &warnings,
        fetched,
    };
    context.output.result(&imported, || imported.text())?;
    Ok(())
}

/// A package that has been run.
struct Proven {
    package: Package,
    loader: Loader,
    session: Box<dyn Backbone>,
}

impl Proven {
    fn new(package: Package, args: &How, context: &Context) -> anyhow::Result<Self> {
        let options = context.engine(&args.engine);
        let loader = Loader::new(package.clone(), &options)?;
        let session = loader.session(options.threads)?;
        Ok(Self { package, loader, session })
    }

    /// `None` without known pictures.
    fn verdict(&mut self, known: &[Known]) -> anyhow::Result<Option<Verdict>> {
        let verdict = || Verdict::new(&self.package, self.session.as_mut(), known);
        (!known.is_empty()).then(verdict).transpose()
    }

    fn with_golden_vectors(&mut self) -> anyhow::Result<Package> {
        let golden = golden_vectors(self.session.as_mut()).context("cannot compute golden vectors")?;
        let mut package = self.package.clone();
        package.set_golden(golden);
        Ok(package)
    }
}

impl How {
    /// Nothing is said of it, and it is run on this engine.
    #[cfg(all(feature = "fetch", feature = "serve"))]
    pub fn plain(engine: EngineArgs) -> Self {
        Self { engine, ..Self::default() }
    }

    /// # Errors
    /// When the package cannot go where it is to go: better before a long way than after it.
    pub fn check_place(&self) -> anyhow::Result<()> {
        self.out.as_deref().map_or(Ok(()), |folder| Package::check_place(folder).or_hint(ANOTHER_PLACE))
    }

    fn request(&self, fetched: Option<&Fetched>, context: &Context) -> anyhow::Result<ImportRequest> {
        let labels = match &self.labels {
            Some(path) => {
                let text = crate::files::read_to_string(path, 16 << 20);
                class_names(&text.with_context(|| format!("cannot read `{}`", path.display()))?)
            }
            None => Vec::new(),
        };
        let request = self.network.request(&self.preprocess, &self.engine, context);
        let request = ImportRequest { name: self.name.clone(), labels, licence: self.licence.clone(), ..request };
        Ok(match fetched {
            Some(fetched) => fetched.said_in(request),
            None => request,
        })
    }

    /// The package as it was kept, where it was put, and whether it is in use.
    fn keep(&self, mut package: Package, context: &Context) -> anyhow::Result<(Package, PathBuf, bool)> {
        if let Some(folder) = &self.out {
            package.save(folder).or_hint(ANOTHER_PLACE)?;
            return Ok((package, folder.clone(), false));
        }
        let device = context.device();
        let backbones = device.backbones();
        let mut store = device.store().or_remedy()?;
        if self.network.taps.is_none() {
            package = backbones.as_kept(&store, package).or_remedy()?;
        }
        let name = backbones.keep(&package).or_remedy()?;
        let alone = backbones.name_in_use().or_remedy()?.is_none();
        if self.take_into_use || alone {
            backbones.take_into_use(&mut store, &name).or_remedy()?;
        }
        let in_use = backbones.name_in_use().or_remedy()?.as_ref() == Some(&name);
        Ok((package, backbones.folder(&name), in_use))
    }
}

impl NetworkArgs {
    /// Tries a foreign network under limits, unless it is trusted.
    pub fn tried(&self, path: &Path, request: ImportRequest, purpose: Purpose) -> anyhow::Result<ImportRequest> {
        if self.trust { Ok(request) } else { trial::pass(path, &request, purpose) }
    }

    pub fn request(&self, preprocess: &PreprocessArgs, engine: &EngineArgs, context: &Context) -> ImportRequest {
        ImportRequest {
            input: self.input.clone(),
            feature: self.feature.clone(),
            kind: self.kind,
            last_map_alone: self.taps == Some(0),
            preprocess: preprocess.spec(),
            engine: context.engine(engine),
            ..ImportRequest::default()
        }
    }
}

impl Imported<'_> {
    fn text(&self) -> String {
        let Preprocess { width, height, .. } = self.preprocess;
        let mut lines = vec![
            format!("{}: {} features of a {width}x{height} input, on {}", self.backbone, self.dim, self.provider),
            printable(self.why).into_owned(),
            printable(self.earlier).into_owned(),
        ];
        lines.extend(self.pixels.map(|pixels| printable(pixels).into_owned()));
        lines.extend(
            self.preprocess_from.as_deref().map(|path| format!("its pixels are prepared as {} says", printable(path))),
        );
        lines.extend(self.evidence.clone());
        lines.extend(self.fetched.map(Fetched::text));
        if let Some(classes) = self.classes {
            lines.push(format!("the {classes} rows of its classifier are kept"));
        }
        lines.push(format!("kept in {}", printable(&self.path)));
        lines.push(match self.in_use {
            true => "in use".to_owned(),
            false => format!("not in use: edgetl backbone use {}", self.backbone),
        });
        lines.join("\n")
    }
}
