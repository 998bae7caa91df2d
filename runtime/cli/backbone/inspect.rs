//! `backbone inspect`: the layer table.

use std::path::{Path, PathBuf};

use super::import::NetworkArgs;
use crate::backbone::graph::{Layer, Totals};
use crate::backbone::{ImportRequest, Inspection, Package, PreprocessSpec};
use crate::cli::context::Context;
use crate::cli::engine::EngineArgs;
use crate::cli::failure::failure;
use crate::cli::network::PreprocessArgs;
use crate::cli::output::table;
use crate::cli::trial::Purpose;
use crate::manifest::{BackboneName, Feature, Preprocess};
use crate::printable::printable;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// An ONNX file, a package folder, or the name of a kept backbone
    #[arg(value_name = "FILE|DIR|NAME")]
    network_file: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    preprocess: PreprocessArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let request = args.network.request(&args.preprocess, &args.engine, context);
    let inspection = match args.network_file.is_file() {
        true => {
            let request = args.network.tried(&args.network_file, request, Purpose::Inspect)?;
            Inspection::of(&args.network_file, &request)?
        }
        false => of_package(args, &package_folder(&args.network_file, context)?, request)?,
    };
    inspection.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    context.output.result(&inspection, || text(&inspection))?;
    Ok(())
}

fn package_folder(path: &Path, context: &Context) -> anyhow::Result<PathBuf> {
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    let name = path.to_string_lossy();
    let kept = name.parse().ok().filter(|name| context.device().backbones().named(name).is_ok());
    kept.map(|name: BackboneName| context.device().backbones().folder(&name)).ok_or_else(|| {
        failure(
            format!("expected an ONNX file, a package folder or a kept backbone, got `{name}`"),
            "`edgetl backbone list` shows what is kept",
        )
    })
}

/// A package says itself where its feature is.
fn of_package(args: &Args, folder: &Path, request: ImportRequest) -> anyhow::Result<Inspection> {
    let package = Package::open(folder)?;
    let manifest = package.manifest();
    let preprocess = PreprocessSpec::from(&manifest.preprocess);
    let request = ImportRequest {
        input: Some(manifest.onnx.input.clone()),
        feature: request.feature.or_else(|| Some(manifest.feature.output.clone())),
        kind: request.kind.or(Some(manifest.feature.kind)),
        preprocess: request.preprocess.or(preprocess),
        last_map_alone: manifest.feature.taps.is_empty(),
        ..request
    };
    let network = folder.join(&manifest.onnx.file);
    let request = args.network.tried(&network, request, Purpose::Inspect)?;
    let mut inspection = Inspection::of(&network, &request)?;
    if manifest.feature.taps.is_empty() {
        "no earlier map is taken beside it, as the package says".clone_into(&mut inspection.earlier);
    }
    Ok(inspection)
}

fn text(inspection: &Inspection) -> String {
    let Preprocess { width, height, .. } = inspection.preprocess;
    let mut way = vec![format!("takes `{}`, {width}x{height} pixels", inspection.input)];
    way.extend(inspection.pixels.clone());
    way.push(inspection.why.clone());
    way.extend((!inspection.earlier.is_empty()).then(|| inspection.earlier.clone()));
    way.extend(inspection.feature.as_ref().map(gives));
    let mut parts = vec![
        way.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n"),
        format!("whole     {}\nbackbone  {}", totals(&inspection.total), totals(&inspection.backbone)),
    ];
    if !inspection.candidates.is_empty() {
        let names = inspection.candidates.iter().map(|candidate| format!("  {}", printable(&candidate.to_string())));
        parts.push(format!("candidates:\n{}", names.collect::<Vec<_>>().join("\n")));
    }
    let rows = inspection.layers.iter().map(row);
    parts.push(table(["output", "operator", "shape", "parameters", "multiply-adds", ""], rows));
    parts.join("\n\n")
}

fn gives(feature: &Feature) -> String {
    let parts: Vec<String> = feature.parts().map(|(_, _, dim)| dim.to_string()).collect();
    format!("gives {} features", parts.join(" + "))
}

/// A layer by its output, which is what `--feature` takes; --json has its own name, too.
fn row(layer: &Layer) -> [String; 6] {
    let shape = |shape: &Vec<usize>| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    let number = |number: u64| if number == 0 { String::new() } else { grouped(number) };
    [
        layer.output.clone(),
        layer.operator.clone(),
        layer.shape.as_ref().map_or_else(|| "?".to_owned(), shape),
        number(layer.parameters),
        layer.multiply_adds.map_or_else(|| "?".to_owned(), number),
        if layer.kept { String::new() } else { "cut off".to_owned() },
    ]
}

fn totals(totals: &Totals) -> String {
    let Totals { layers, parameters, multiply_adds } = *totals;
    format!("{layers} layers, {} parameters, {} multiply-adds", grouped(parameters), grouped(multiply_adds))
}

/// `1234567` as `1 234 567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped_by_thousands() {
        let grouped: Vec<String> = [0, 999, 1000, 1_234_567].map(grouped).into();
        assert_eq!(grouped, ["0", "999", "1 000", "1 234 567"]);
    }
}
