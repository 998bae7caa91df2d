//! What lies beside an ONNX file and says how the network wants its pixels and what its classes are called: the
//! `preprocessor_config.json` and `config.json` of a repository of transformers or timm.
//!
//! They are looked for in the file's own folder and, where that is called `onnx`, in the one above it. A `config.json` that
//! is neither transformers' nor timm's is passed over.

mod labels;
mod timm;
mod transformers;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::metadata::Declared;
use super::preset::PreprocessSpec;
use crate::files;

pub const CONFIG: &str = "config.json";
pub const PREPROCESSOR: &str = "preprocessor_config.json";
/// A `config.json` of 21,841 classes has a megabyte.
const LIMIT: u64 = 16 << 20;

/// What was read, and from which files.
#[derive(Default)]
pub struct Beside {
    pub declared: Declared,
    /// The file that says how pixels are prepared.
    pub preprocess_from: Option<PathBuf>,
    /// The file that names the classes.
    pub labels_from: Option<PathBuf>,
}

impl Beside {
    /// What lies beside `network`; nothing where nothing does, and a warning where it cannot be read.
    pub fn read(network: &Path) -> Self {
        let mut warnings = Vec::new();
        let config = found(network, CONFIG, &mut warnings);
        let preprocessor = found(network, PREPROCESSOR, &mut warnings);
        let by_transformers = preprocessor.as_ref().and_then(|(path, value)| {
            let read = transformers::preprocess(value);
            noted(path, read, &mut warnings)
        });
        let by_timm = config.as_ref().and_then(|(path, value)| noted(path, timm::preprocess(value)?, &mut warnings));
        if let (Some(first), Some(second)) = (&by_transformers, &by_timm) {
            warnings.extend(disagreement(&first.0, &second.0));
        }
        let (preprocess, preprocess_from) = by_transformers.or(by_timm).unzip();
        let named = config.and_then(|(path, value)| Some((path, labels::labels(&value)?)));
        let (labels_from, labels) = named.unzip();
        let declared =
            Declared { preprocess: preprocess.unwrap_or_default(), labels: labels.unwrap_or_default(), warnings };
        Self { declared, preprocess_from, labels_from }
    }
}

/// What a file says of the pixels.
struct Said {
    spec: PreprocessSpec,
    /// What it says that is done in another way here, a sentence each without the file's name.
    warnings: Vec<String>,
}

fn noted(path: &Path, read: Result<Said, String>, warnings: &mut Vec<String>) -> Option<(PreprocessSpec, PathBuf)> {
    let about = |what: &str| format!("`{}`: {what}", path.display());
    match read {
        Ok(said) => {
            warnings.extend(said.warnings.iter().map(|warning| about(warning)));
            Some((said.spec, path.to_owned()))
        }
        Err(why) => {
            warnings.push(about(&why));
            None
        }
    }
}

/// The file `name` beside `network`, parsed.
fn found(network: &Path, name: &str, warnings: &mut Vec<String>) -> Option<(PathBuf, Value)> {
    let folder = network.parent()?;
    let above = folder.file_name().is_some_and(|folder| folder == "onnx").then(|| folder.parent()).flatten();
    let path =
        [Some(folder), above].into_iter().flatten().map(|folder| folder.join(name)).find(|path| path.is_file())?;
    let text = match files::read(&path, LIMIT) {
        Ok(bytes) => bytes,
        Err(error) => {
            warnings.push(format!("`{}` is not used: {error}", path.display()));
            return None;
        }
    };
    match serde_json::from_slice(&text) {
        Ok(value) => Some((path, value)),
        Err(error) => {
            warnings.push(format!("`{}` is not used: expected JSON: {error}", path.display()));
            None
        }
    }
}

/// Transformers' file is the one that was written for the exported network, so it is taken.
fn disagreement(taken: &PreprocessSpec, other: &PreprocessSpec) -> Option<String> {
    let (Ok(ours), Ok(theirs)) = (taken.resolve(None), other.resolve(None)) else { return None };
    let close = |a: f32, b: f32| (a - b).abs() < 1e-4;
    let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| close(*a, b));
    let differs = [
        ("filter", ours.filter != theirs.filter),
        ("size", (ours.width, ours.height) != (theirs.width, theirs.height)),
        ("crop", (ours.resize, ours.shortest_side) != (theirs.resize, theirs.shortest_side)),
        ("mean", !near(ours.mean, theirs.mean)),
        ("standard deviation", !near(ours.std, theirs.std)),
    ];
    let what: Vec<&str> = differs.into_iter().filter_map(|(what, differs)| differs.then_some(what)).collect();
    (!what.is_empty()).then(|| {
        format!("`{PREPROCESSOR}` and `{CONFIG}` say different things of the {}; the first is taken", what.join(", "))
    })
}

#[cfg(test)]
mod tests;
