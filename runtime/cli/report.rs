//! `--report FILE`: what was measured, as a page with the pictures that went worst.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::context::Context;
use super::engine::limits;
use super::failure::OrHint;
use crate::atomic_file;
use crate::head::Answers;
use crate::manifest::{Preprocess, Resize};
use crate::metrics::best_class;
use crate::page::{Page, Thumbnail, WorstPicture};
use crate::preprocess::{Limits, Picture, Preprocessor, decode, read_file};

/// How many pictures a page shows.
const PICTURES: usize = 12;
/// The longer side of a thumbnail, in pixels.
const SIDE: u32 = 240;
const QUALITY: u8 = 80;

/// The pictures whose own label was least believed; `paths` has the file of each sample.
pub fn worst(answers: &Answers, paths: &HashMap<i64, &str>, context: &Context) -> Vec<WorstPicture> {
    let own = |row: usize| answers.probabilities[[row, answers.truth[row].0]];
    let mut rows: Vec<usize> = (0..answers.truth.len()).collect();
    rows.sort_by(|a, b| own(*a).total_cmp(&own(*b)));
    rows.truncate(PICTURES);
    let limits = limits(context);
    let picture = |row: usize| {
        let named = best_class(answers.probabilities.row(row));
        let path = paths.get(&answers.ids[row].0).copied().unwrap_or_default();
        let name = |class| answers.labels.get(class).expect("one label a class").clone();
        WorstPicture {
            path: path.to_owned(),
            label: name(answers.truth[row]),
            named: name(named),
            probability: f64::from(own(row)),
            named_probability: f64::from(answers.probabilities[[row, named.0]]),
            thumbnail: thumbnail(Path::new(path), &limits),
        }
    };
    rows.into_iter().map(picture).collect()
}

/// Writes the page to `path`, whole or not at all.
pub fn write(page: &Page, path: &Path) -> anyhow::Result<()> {
    atomic_file::replace(path, page.html().as_bytes())
        .with_context(|| format!("cannot write the report `{}`", path.display()))
        .or_hint("name a file in a folder that can be written: --report FILE.html")?;
    tracing::info!("report in `{}`", path.display());
    Ok(())
}

fn thumbnail(path: &Path, limits: &Limits) -> Thumbnail {
    match small(path, limits) {
        Ok(bytes) => Thumbnail::Jpeg(bytes),
        Err(_) if !path.exists() => Thumbnail::Missing("the file is no longer there".to_owned()),
        Err(error) => Thumbnail::Missing(error.to_string()),
    }
}

fn small(path: &Path, limits: &Limits) -> anyhow::Result<Vec<u8>> {
    let picture = decode(&read_file(path, limits)?, limits, [255; 3])?;
    let small = shrunk(picture, limits)?;
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    encoder.encode(small.pixels(), small.width(), small.height(), ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

/// The whole picture with its longer side at [`SIDE`]; smaller ones stay as they are.
fn shrunk(picture: Picture, limits: &Limits) -> anyhow::Result<Picture> {
    let longest = picture.width().max(picture.height());
    if longest <= SIDE {
        return Ok(picture);
    }
    let side = |pixels: u32| ((u64::from(pixels) * u64::from(SIDE)).div_ceil(u64::from(longest)) as u32).max(1);
    let settings = Preprocess {
        width: side(picture.width()),
        height: side(picture.height()),
        resize: Resize::Squash,
        shortest_side: None,
        filter: Default::default(),
        channels: Default::default(),
        range: 255.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        background: [255; 3],
    };
    Ok(Preprocessor::new(settings, *limits)?.resize(&picture))
}
