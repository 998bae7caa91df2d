//! What one picture costs in batches of several sizes: the network alone, on one provider.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use edgetl::backbone::{Backbone, Loader, Options, Package, Provider, ProviderChoice};
use edgetl::tensor::InputBatch;
use ndarray::Array4;
use serde_json::{Value, json};

/// The engine runs at most so many in one pass.
const SIZES: [usize; 4] = [1, 2, 4, 8];
const WARMING_UP: usize = 5;
const LONGEST: Duration = Duration::from_secs(4);
const PASSES: usize = 200;

#[derive(clap::Args)]
pub struct Args {
    /// A package folder [default: the backbone in the box]
    #[arg(long)]
    backbone: Option<PathBuf>,
    /// tensorrt, cuda, cpu or tract
    #[arg(long)]
    provider: Provider,
    /// ONNX Runtime's library
    #[arg(long, env = "EDGETL_ONNXRUNTIME")]
    onnxruntime: Option<PathBuf>,
    /// Where TensorRT's engines are kept
    #[arg(long)]
    engines: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let package = match &args.backbone {
        Some(folder) => Package::open(folder)?,
        None => Package::embedded().context("expected --backbone DIR: no backbone is built in")?,
    };
    let mut options = Options {
        provider: ProviderChoice::Only(args.provider),
        library: args.onnxruntime.clone(),
        ..Options::default()
    };
    options.tensorrt.engine_cache.clone_from(&args.engines);
    let start = Instant::now();
    let loader = Loader::new(package, &options)?;
    let opened = start.elapsed().as_secs_f64();
    let mut session = loader.session(options.threads)?;
    let rows: anyhow::Result<Vec<Value>> = SIZES.iter().map(|&size| row(session.as_mut(), size)).collect();
    let manifest = loader.manifest();
    Ok(json!({
        "backbone": manifest.name, "provider": loader.provider(), "opened": opened,
        "width": manifest.preprocess.width, "height": manifest.preprocess.height, "rows": rows?,
    }))
}

/// The median of the passes at one size.
fn row(session: &mut dyn Backbone, size: usize) -> anyhow::Result<Value> {
    let preprocess = &session.manifest().preprocess;
    let (height, width) = (preprocess.height as usize, preprocess.width as usize);
    let values = Array4::from_shape_fn((size, 3, height, width), |(n, c, y, x)| ((n + c + y + x) as f32).sin());
    let batch = InputBatch::new(values)?;
    let (start, mut times) = (Instant::now(), Vec::new());
    for pass in 0..WARMING_UP + PASSES {
        let begun = Instant::now();
        session.forward(&batch)?;
        if pass >= WARMING_UP {
            times.push(begun.elapsed().as_secs_f64());
        }
        if start.elapsed() > LONGEST && !times.is_empty() {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(json!({ "batch": size, "seconds_a_picture": times[times.len() / 2] / size as f64, "passes": times.len() }))
}
