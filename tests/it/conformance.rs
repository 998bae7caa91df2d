//! Every provider that this machine has, through the same checks.
//!
//! tract is always there; ONNX Runtime where `EDGETL_ONNXRUNTIME` names it or the search finds it. The networks of
//! `tests/fixtures/backbone` and their expected features come from `tools/fixtures/make_onnx.py`.

use std::path::{Path, PathBuf};

use edgetl::backbone::{
    Backbone, BackboneError, ImportRequest, Loader, Options, Package, PreprocessSpec, Preset, Provider, ProviderChoice,
    library,
};
use edgetl::manifest::FeatureKind;
use edgetl::tensor::{Activations, FeatureMap, InputBatch};
use ndarray::{Array2, Array4, Axis, s};

const HEIGHT: usize = 8;
const WIDTH: usize = 12;

#[derive(serde::Deserialize)]
struct Expected {
    feature: String,
    kind: FeatureKind,
    features: Vec<Vec<f32>>,
    /// The tensor and the layout of the earlier map beside it.
    earlier: Option<(String, FeatureKind)>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone")
}

fn expected() -> Vec<(String, Expected)> {
    let text = std::fs::read_to_string(fixtures().join("expected.json")).unwrap();
    let all: std::collections::BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    all.into_iter().collect()
}

/// Options for every provider that can run here.
fn providers() -> Vec<Options> {
    let named = std::env::var_os("EDGETL_ONNXRUNTIME").map(PathBuf::from);
    let found = library::search(named.as_deref()).found;
    let mut usable = vec![Provider::Tract];
    match &found {
        None => eprintln!("skipped: no ONNX Runtime, so only tract is tested"),
        Some(library) => {
            usable.push(Provider::Cpu);
            usable.extend(library.cuda.then_some(Provider::Cuda).into_iter().filter(|_| gpu_is_there()));
        }
    }
    let options = |provider| Options {
        provider: ProviderChoice::Only(provider),
        library: found.as_ref().map(|library| library.path.clone()),
        threads: 1,
        map: true,
        ..Options::default()
    };
    usable.into_iter().map(options).collect()
}

fn gpu_is_there() -> bool {
    Path::new("/dev/nvidia0").exists()
}

fn request(name: &str) -> ImportRequest {
    let size = (name == "free_size").then_some((WIDTH as u32, HEIGHT as u32));
    ImportRequest { preprocess: PreprocessSpec { size, ..PreprocessSpec::default() }, ..ImportRequest::default() }
}

fn package(name: &str) -> Package {
    Package::from_onnx(&fixtures().join(format!("{name}.onnx")), &request(name)).unwrap()
}

fn session(name: &str, options: &Options) -> Box<dyn Backbone> {
    let loader = Loader::new(package(name), options).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(ProviderChoice::Only(loader.provider()), options.provider);
    loader.session(1).unwrap()
}

/// The images of `make_onnx.py`.
fn images(count: usize) -> InputBatch {
    let value = |(n, c, y, x): (usize, usize, usize, usize)| ((n * 31 + c * 7 + y * 5 + x * 3) % 17) as f32 / 8.0 - 1.0;
    InputBatch::new(Array4::from_shape_fn((count, 3, HEIGHT, WIDTH), value)).unwrap()
}

/// The largest difference, relative to the largest value.
fn relative_difference(got: &Array2<f32>, want: &Array2<f32>) -> f32 {
    assert_eq!(got.dim(), want.dim());
    let scale = want.iter().fold(f32::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
    got.iter().zip(want).fold(0.0, |worst: f32, (got, want)| worst.max((got - want).abs())) / scale
}

fn forward(backbone: &mut dyn Backbone, batch: &InputBatch) -> Array2<f32> {
    backbone.forward(batch).unwrap().features.0
}

#[test]
fn every_fixture_is_cut_where_a_person_would_cut_it() {
    for (name, expected) in expected() {
        let package = package(&name);
        let feature = &package.manifest().feature;
        assert_eq!((&feature.output, feature.kind), (&expected.feature, expected.kind), "{name}");
        assert_eq!(feature.width(), expected.features[0].len(), "{name}");
        let earlier = feature.taps.first().map(|tap| (tap.output.clone(), tap.kind));
        assert_eq!(earlier, expected.earlier, "{name}");
        let alone = ImportRequest { last_map_alone: true, ..request(&name) };
        let alone = Package::from_onnx(&fixtures().join(format!("{name}.onnx")), &alone).unwrap();
        assert_eq!((alone.manifest(), alone.onnx()), (package.without_taps().manifest(), package.onnx()), "{name}");
    }
}

#[test]
fn every_provider_gives_the_expected_features() {
    for options in providers() {
        for (name, expected) in expected() {
            let got = forward(session(&name, &options).as_mut(), &images(2));
            let want = Array2::from_shape_vec((2, expected.features[0].len()), expected.features.concat()).unwrap();
            // The reference for the half-precision network was computed in half precision.
            let tolerance = if name == "half" { 3e-3 } else { 1e-4 };
            let difference = relative_difference(&got, &want);
            assert!(difference < tolerance, "{name} on {}: {difference}", options.provider);
        }
    }
}

#[test]
fn a_batch_gives_what_its_images_give_one_by_one() {
    for options in providers() {
        for name in ["gap", "fixed_batch", "nhwc", "class_token", "quantised", "two_stages", "four_blocks"] {
            let mut backbone = session(name, &options);
            let batch = images(11);
            let together = forward(backbone.as_mut(), &batch);
            for (i, image) in batch.values().axis_chunks_iter(Axis(0), 1).enumerate() {
                let alone = forward(backbone.as_mut(), &InputBatch::new(image.to_owned()).unwrap());
                let row = together.slice(s![i..=i, ..]).to_owned();
                assert!(relative_difference(&row, &alone) < 1e-5, "{name} on {}", options.provider);
            }
        }
    }
}

#[test]
fn threads_change_no_feature() {
    for options in providers() {
        let loader = Loader::new(package("gap"), &options).unwrap();
        let one = forward(loader.session(1).unwrap().as_mut(), &images(5));
        let three = forward(loader.session(3).unwrap().as_mut(), &images(5));
        assert!(relative_difference(&three, &one) < 1e-5, "{}", options.provider);
    }
}

#[test]
fn sessions_of_one_loader_run_side_by_side() {
    for options in providers() {
        let loader = Loader::new(package("gap"), &options).unwrap();
        let want = forward(loader.session(1).unwrap().as_mut(), &images(4));
        let run = || forward(loader.session(1).unwrap().as_mut(), &images(4));
        let all: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert!(all.iter().all(|got| got == want), "{}", options.provider);
    }
}

#[test]
fn the_map_averages_to_the_feature() {
    for options in providers() {
        for name in ["gap", "nhwc", "convolution_head"] {
            let activations = session(name, &options).forward(&images(2)).unwrap();
            let map = activations.map.expect("the network ends in a map");
            assert_eq!(map.values().dim(), (2, 6, 4, 6));
            assert_eq!(map.global_average_pool().0, activations.features.0);
        }
        let normalised = session("normalised", &options).forward(&images(2)).unwrap();
        assert_eq!(normalised.map.expect("the map before the norm").values().dim(), (2, 6, 4, 6));
        assert!(session("class_token", &options).forward(&images(1)).unwrap().map.is_none());
    }
}

/// Any numbers within ±1.
fn weights(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(k, c)| ((k * 7 + c * 3) % 11) as f32 / 5.0 - 1.0)
}

#[test]
fn the_maps_of_a_class_over_all_taps_average_to_its_logit() {
    for options in providers() {
        for (name, sizes) in [("two_stages", [(2, 3), (4, 6)]), ("merged_patches", [(2, 3), (4, 6)])] {
            let Activations { features, map, earlier_maps, .. } = session(name, &options).forward(&images(2)).unwrap();
            let maps: Vec<FeatureMap> = map.into_iter().chain(earlier_maps).collect();
            let got: Vec<(usize, usize)> =
                maps.iter().map(|map| (map.values().dim().2, map.values().dim().3)).collect();
            assert_eq!(got, sizes, "{name}");
            let weights = weights(3, features.0.ncols());
            let logits = features.0.dot(&weights.t());
            let mut sums = Array2::<f32>::zeros(logits.dim());
            let mut start = 0;
            for map in &maps {
                let channels = map.values().dim().1;
                for ((image, class), sum) in sums.indexed_iter_mut() {
                    let own = weights.slice(s![class, start..start + channels]);
                    let own = own.insert_axis(Axis(1)).insert_axis(Axis(2));
                    *sum += (&map.values().index_axis(Axis(0), image) * &own).sum_axis(Axis(0)).mean().unwrap();
                }
                start += channels;
            }
            assert_eq!(start, features.0.ncols(), "{name}");
            assert!(relative_difference(&sums, &logits) < 1e-5, "{name} on {}", options.provider);
        }
    }
}

#[test]
fn a_feature_that_is_not_finite_is_an_error_and_the_session_goes_on() {
    for options in providers() {
        let mut backbone = session("logarithm", &options);
        let dark = InputBatch::new(Array4::from_elem((1, 3, HEIGHT, WIDTH), -3.0)).unwrap();
        assert!(matches!(backbone.forward(&dark), Err(BackboneError::NotFinite { .. })));
        assert!(backbone.forward(&images(1)).is_ok());
    }
}

#[test]
fn an_input_of_another_size_is_an_error() {
    for options in providers() {
        let turned = InputBatch::new(Array4::zeros((1, 3, WIDTH, HEIGHT))).unwrap();
        let error = session("gap", &options).forward(&turned).unwrap_err();
        let text = "expected an input of 12x8 pixels, got 8x12";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_network_runs_at_another_size_than_the_file_says() {
    for options in providers() {
        let spec = PreprocessSpec { size: Some((20, 16)), ..PreprocessSpec::default() };
        let request = ImportRequest { preprocess: spec, ..ImportRequest::default() };
        let package = Package::from_onnx(&fixtures().join("gap.onnx"), &request).unwrap();
        let mut backbone = Loader::new(package, &options).unwrap().session(1).unwrap();
        let batch = InputBatch::new(Array4::from_elem((1, 3, 16, 20), 0.5)).unwrap();
        assert_eq!(forward(backbone.as_mut(), &batch).dim(), (1, 6));
    }
}

#[test]
fn a_manifest_that_promises_another_dimension_is_refused_on_loading() {
    for options in providers() {
        let good = package("gap");
        let mut manifest = good.manifest().clone();
        manifest.feature.dim = 7;
        let error = Loader::new(Package::new(manifest, good.onnx().to_vec()), &options).err().unwrap();
        assert!(matches!(error, BackboneError::Dim { expected: 7, got: 6, .. }), "{error:?}");
    }
}

#[test]
fn importing_twice_gives_the_same_fingerprint() {
    assert_eq!(package("nhwc").fingerprint(), package("nhwc").fingerprint());
    assert_ne!(package("nhwc").fingerprint(), package("gap").fingerprint());
}

/// Photographs, crudely resized: only the providers are compared here.
fn photographs(count: usize, side: u32, scale: impl Fn(f32) -> f32) -> Array4<f32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hymenoptera/val/bees");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut batch = Array4::zeros((count, 3, side as usize, side as usize));
    for (mut image, file) in batch.outer_iter_mut().zip(files) {
        let picture = image::open(file).unwrap().thumbnail_exact(side, side).to_rgb8();
        for (x, y, pixel) in picture.enumerate_pixels() {
            (0..3).for_each(|c| image[[c, y as usize, x as usize]] = scale(f32::from(pixel[c])));
        }
    }
    batch
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn pretrained_networks_give_the_same_features_on_every_provider() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    for (file, side, dim, earlier) in [
        ("mobilenet_v1_0.25_128.onnx", 128, 256, 128),
        ("mobilenet_v2_1.0_224.onnx", 224, 1280, 576),
        ("squeezenet_fp16.onnx", 224, 512, 256),
    ] {
        let path = models.join(file);
        let batch = InputBatch::new(photographs(3, side, |pixel| pixel / 127.5 - 1.0)).unwrap();
        let spec = PreprocessSpec { preset: Some(Preset::Inception), ..PreprocessSpec::default() };
        let request = ImportRequest { preprocess: spec, ..ImportRequest::default() };
        let mut reference: Option<Array2<f32>> = None;
        for options in providers() {
            let package = Package::from_onnx(&path, &request).unwrap();
            assert_eq!(package.manifest().feature.dim, dim, "{file}");
            let mut backbone = Loader::new(package, &options).unwrap().session(1).unwrap();
            let features = forward(backbone.as_mut(), &batch);
            assert_eq!(features.ncols() - dim, earlier, "{file}");
            assert!(features.iter().any(|value| *value != 0.0));
            let difference = reference.as_ref().map_or(0.0, |reference| relative_difference(&features, reference));
            eprintln!("{file} on {}: {difference:e} from the first provider", options.provider);
            assert!(difference < 1e-3, "{file} on {}: {difference}", options.provider);
            reference.get_or_insert(features);
        }
    }
}
