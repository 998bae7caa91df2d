//! The floor of `collect`: what one picture costs in each stage when nothing else runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::ensure;
use edgetl::backbone::{
    Backbone, ImportRequest, Loader, Options, Package, PreprocessSpec, Preset, Provider, ProviderChoice,
};
use edgetl::preprocess::{Limits, Preprocessor, decode, is_image_path, read_file};
use edgetl::tensor::InputBatch;
use ndarray::{Array4, Axis};
use serde_json::{Value, json};
use walkdir::WalkDir;

#[derive(clap::Args)]
pub struct Args {
    /// An ONNX file, normalised by x / 127.5 - 1
    #[arg(long)]
    backbone: PathBuf,
    /// Shortest side before the centre crop, in pixels
    #[arg(long)]
    resize: u32,
    /// Input size, in pixels
    #[arg(long)]
    size: u32,
    /// ONNX Runtime's library
    #[arg(long, env = "EDGETL_ONNXRUNTIME")]
    onnxruntime: Option<PathBuf>,
    /// Folders of pictures; those that cannot be decoded are left out
    #[arg(required = true)]
    folders: Vec<PathBuf>,
}

#[derive(Default)]
struct Times {
    images: u32,
    decode: Duration,
    resize: Duration,
    quality: Duration,
    thumbnail: Duration,
    session: Duration,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let loader = load(args)?;
    let mut bench = Bench {
        preprocessor: Preprocessor::new(loader.manifest().preprocess.clone(), Limits::default())?,
        session: loader.session(1)?,
        input: Array4::zeros((1, 3, args.size as usize, args.size as usize)),
    };
    let mut times = Times::default();
    for path in args.folders.iter().flat_map(pictures) {
        bench.run(&path, &mut times)?;
    }
    ensure!(times.images > 0, "expected a picture that can be decoded, got none");
    let each = |total: Duration| total.as_secs_f64() / f64::from(times.images);
    Ok(json!({
        "images": times.images,
        "decode": each(times.decode),
        "resize": each(times.resize),
        "quality": each(times.quality),
        "thumbnail": each(times.thumbnail),
        "session": each(times.session),
    }))
}

fn load(args: &Args) -> anyhow::Result<Loader> {
    let preprocess = PreprocessSpec {
        preset: Some(Preset::Inception),
        size: Some((args.size, args.size)),
        shortest_side: Some(args.resize),
        ..PreprocessSpec::default()
    };
    let package = Package::from_onnx(&args.backbone, &ImportRequest { preprocess, ..ImportRequest::default() })?;
    let options = Options {
        provider: ProviderChoice::Only(Provider::Cpu),
        library: args.onnxruntime.clone(),
        threads: 1,
        ..Options::default()
    };
    Ok(Loader::new(package, &options)?)
}

fn pictures(folder: &PathBuf) -> impl Iterator<Item = PathBuf> {
    let files = WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    files.map(walkdir::DirEntry::into_path).filter(|path| is_image_path(path))
}

struct Bench {
    preprocessor: Preprocessor,
    session: Box<dyn Backbone>,
    /// `[1,3,H,W]`
    input: Array4<f32>,
}

impl Bench {
    fn run(&mut self, path: &Path, times: &mut Times) -> anyhow::Result<()> {
        let bytes = read_file(path, self.preprocessor.limits())?;
        let start = Instant::now();
        let background = self.preprocessor.settings().background;
        let Ok(picture) = decode(&bytes, self.preprocessor.limits(), background) else { return Ok(()) };
        let decoded = Instant::now();
        self.preprocessor.run_picture(&picture, self.input.index_axis_mut(Axis(0), 0))?;
        let resized = Instant::now();
        std::hint::black_box(self.preprocessor.quality());
        let judged = Instant::now();
        std::hint::black_box(self.preprocessor.thumbnail(&picture));
        let shrunk = Instant::now();
        let batch = InputBatch::new(std::mem::take(&mut self.input))?;
        self.session.forward(&batch)?;
        times.session += shrunk.elapsed();
        times.thumbnail += shrunk - judged;
        times.quality += judged - resized;
        times.resize += resized - decoded;
        times.decode += decoded - start;
        times.images += 1;
        self.input = batch.into_values();
        Ok(())
    }
}
