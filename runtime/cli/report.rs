//! `--report FILE`: what was measured, as a page with the pictures that went worst.

use std::path::Path;

use anyhow::Context as _;

use super::context::Context;
use super::engine::limits;
use super::failure::OrHint;
use super::output::are_uneven;
use crate::atomic_file;
use crate::causes::causes;
use crate::dataset::SampleId;
use crate::head::{Answers, FitReport};
use crate::labels::{ClassIndex, Labels};
use crate::metrics::best_class;
use crate::page::{Page, Thumbnail, WorstPicture};
use crate::preprocess::{Limits, PreprocessError, thumbnail_of};

/// How many pictures a page shows.
const PICTURES: usize = 12;

/// Where a picture was, and what is stored of it.
pub struct Shown {
    pub path: String,
    /// A small JPEG file.
    pub thumbnail: Option<Vec<u8>>,
}

/// The pictures whose own label was least believed; `shown` finds each by its id.
pub fn worst(answers: &Answers, shown: &dyn Fn(SampleId) -> Shown, context: &Context) -> Vec<WorstPicture> {
    let own = |row: usize| answers.probabilities[[row, answers.truth[row].0]];
    let mut rows: Vec<usize> = (0..answers.truth.len()).collect();
    rows.sort_by(|a, b| own(*a).total_cmp(&own(*b)));
    rows.truncate(PICTURES);
    let limits = limits(&context.config);
    let picture = |row: usize| {
        let named = best_class(answers.probabilities.row(row));
        let Shown { path, thumbnail } = shown(answers.ids[row]);
        let name = |class| answers.labels.get(class).expect("one label a class").clone();
        WorstPicture {
            label: name(answers.truth[row]),
            named: name(named),
            probability: f64::from(own(row)),
            named_probability: f64::from(answers.probabilities[[row, named.0]]),
            thumbnail: thumbnail.map_or_else(|| of_file(Path::new(&path), &limits), Thumbnail::Jpeg),
            path,
        }
    };
    rows.into_iter().map(picture).collect()
}

/// Where a page's numbers come from.
pub fn origin(head: String, backbone: &str, context: &Context) -> Vec<(&'static str, String)> {
    let data = std::path::absolute(context.state.database()).unwrap_or_else(|_| context.state.database());
    vec![
        ("made by", format!("edgetl {}", env!("CARGO_PKG_VERSION"))),
        ("on", humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()),
        ("head", head),
        ("backbone", backbone.to_owned()),
        ("data", data.display().to_string()),
    ]
}

/// The class whose thresholds a page draws: that of the goal, else the smallest where classes are two or of unequal size.
/// With it its recall and precision as `report` has them decided.
pub fn watched(report: &FitReport, labels: &Labels) -> Option<(ClassIndex, Option<(f64, f64)>)> {
    if let Some(class) = report.operating().and_then(|operating| operating.class.as_ref()) {
        let chosen = class.found.share.zip(class.right.share);
        return Some((labels.index_of(&class.label)?, chosen));
    }
    let classes = report.per_class();
    let smallest = classes.iter().min_by_key(|class| class.count)?;
    let counts: Vec<usize> = classes.iter().map(|class| class.count).collect();
    let watched = classes.len() == 2 || are_uneven(&counts);
    watched.then_some((labels.index_of(&smallest.label)?, smallest.recall.zip(smallest.precision)))
}

/// Writes the page to `path`, whole or not at all.
pub fn write(page: &Page, path: &Path) -> anyhow::Result<()> {
    atomic_file::replace(path, page.html().as_bytes())
        .with_context(|| format!("cannot write the report `{}`", path.display()))
        .or_hint("name a file in a folder that can be written: --report FILE.html")?;
    tracing::info!("report in `{}`", path.display());
    Ok(())
}

fn of_file(path: &Path, limits: &Limits) -> Thumbnail {
    match thumbnail_of(path, limits) {
        Ok(bytes) => Thumbnail::Jpeg(bytes),
        Err(PreprocessError::Read { .. }) if !path.exists() => {
            Thumbnail::Missing("the file is no longer there".to_owned())
        }
        Err(error) => Thumbnail::Missing(causes(&error)),
    }
}
