//! The zoo of `tools/zoo/export_zoo.py`, imported without a word about where to cut, on every engine.
//!
//! `EDGETL_ZOO` names the folder; without it there is nothing to do. Prints the table of `tools/zoo/README.md`.

use std::path::{Path, PathBuf};

use edgetl::backbone::{
    Backbone, Import, ImportRequest, Loader, Options, Package, PreprocessSpec, Preset, Provider, ProviderChoice,
    library,
};
use edgetl::tensor::InputBatch;
use ndarray::{Array2, Array4, s};

#[derive(serde::Deserialize)]
struct Reference {
    dim: usize,
    features: Vec<Vec<f32>>,
}

fn images(side: usize) -> InputBatch {
    let value = |(n, c, y, x): (usize, usize, usize, usize)| ((n * 31 + c * 7 + y * 5 + x * 3) % 17) as f32 / 8.0 - 1.0;
    InputBatch::new(Array4::from_shape_fn((2, 3, side, side), value)).unwrap()
}

fn relative_difference(got: &Array2<f32>, want: &Array2<f32>) -> f32 {
    let scale = want.iter().fold(f32::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
    (got - want).iter().fold(0.0, |worst: f32, difference| worst.max(difference.abs())) / scale
}

fn features(package: Package, options: &Options) -> Result<Array2<f32>, String> {
    let run = || -> Result<_, edgetl::backbone::BackboneError> {
        let mut backbone: Box<dyn Backbone> = Loader::new(package, options)?.session(options.threads)?;
        backbone.forward(&images(224)).map(|activations| activations.features.0)
    };
    run().map_err(|error| {
        let causes = std::iter::successors(std::error::Error::source(&error), |&cause| cause.source());
        causes.last().map_or_else(|| error.to_string(), ToString::to_string)
    })
}

/// The networks of the folder with the reference of each.
fn zoo(folder: &Path) -> Vec<(PathBuf, Reference)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    let reference = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().split('.').next().unwrap().to_owned();
        let text = std::fs::read_to_string(folder.join(name + ".json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    files.iter().map(|path| (path.clone(), reference(path))).collect()
}

#[test]
#[cfg_attr(not(has_zoo), ignore = "needs EDGETL_ZOO: tools/zoo/README.md")]
fn every_network_of_the_zoo_is_cut_at_its_documented_feature_on_every_engine() {
    let folder = PathBuf::from(std::env::var_os("EDGETL_ZOO").expect("named"));
    let named = std::env::var_os("EDGETL_ONNXRUNTIME").map(PathBuf::from);
    let found = library::search(named.as_deref()).found.expect("the zoo is compared on ONNX Runtime");
    let options = |provider| Options {
        provider: ProviderChoice::Only(provider),
        library: Some(found.path.clone()),
        ..Options::default()
    };
    println!("| network | features | cut | ONNX Runtime - PyTorch | tract - ONNX Runtime |\n|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for (path, reference) in zoo(&folder) {
        let preprocess = PreprocessSpec { preset: Some(Preset::ImageNet), ..PreprocessSpec::default() };
        let request = ImportRequest { preprocess, engine: options(Provider::Cpu), ..ImportRequest::default() };
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let import = match Import::from_onnx(&path, &request) {
            Ok(import) => import,
            Err(error) => {
                println!("| {name} | - | {error:?} | - | - |");
                wrong.push(name);
                continue;
            }
        };
        let feature = import.package.manifest().feature.clone();
        let want = Array2::from_shape_vec((2, reference.dim), reference.features.concat()).unwrap();
        let ours = features(import.package.clone(), &options(Provider::Cpu));
        let parity = ours.as_ref().map(|ours| match ours.ncols() == feature.width() && feature.dim == reference.dim {
            true => relative_difference(&ours.slice(s![.., ..feature.dim]).to_owned(), &want),
            false => f32::INFINITY,
        });
        let tract = features(import.package, &options(Provider::Tract))
            .and_then(|tract| ours.clone().map(|ours| relative_difference(&tract, &ours)));
        if feature.dim != reference.dim || !parity.as_ref().is_ok_and(|&parity| parity < 1e-3) {
            wrong.push(name.clone());
        }
        if tract.as_ref().is_ok_and(|&difference| difference > 1e-3) {
            wrong.push(format!("{name} on tract"));
        }
        let cell = |result: &Result<f32, String>| match result {
            Ok(difference) => format!("{difference:.0e}"),
            Err(refusal) => format!("refused: {}", refusal.replace(['|', '\n'], " ")),
        };
        println!(
            "| {name} | {} | {} | {} | {} |",
            feature.dim,
            format_args!("{}; {}", import.why, import.earlier),
            cell(&parity.map_err(Clone::clone)),
            cell(&tract)
        );
    }
    assert!(wrong.is_empty(), "not as documented: {wrong:?}");
}

/// The networks of 2017 and 2018 that the Python package `onnx` brings, with weights left out.
#[test]
#[cfg_attr(
    not(has_light),
    ignore = "needs EDGETL_LIGHT, the folder onnx/backend/test/data/light of the Python package onnx"
)]
fn networks_that_come_with_the_onnx_package_are_cut_where_their_classifiers_begin() {
    let folder = PathBuf::from(std::env::var_os("EDGETL_LIGHT").expect("named"));
    for (name, dim) in [
        ("bvlc_alexnet", 256),
        ("densenet121", 1024),
        ("inception_v1", 1024),
        ("inception_v2", 1024),
        ("resnet50", 2048),
        ("shufflenet", 544),
        ("squeezenet", 512),
        ("vgg19", 512),
        ("zfnet512", 512),
    ] {
        let preprocess = PreprocessSpec { preset: Some(Preset::ImageNet), ..PreprocessSpec::default() };
        let request = ImportRequest { preprocess, ..ImportRequest::default() };
        let package = Package::from_onnx(&folder.join(format!("light_{name}.onnx")), &request).unwrap();
        assert_eq!(package.manifest().feature.dim, dim, "{name}");
    }
}
