//! One picture: its overlays, and what is printed of it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::backbone::Provider;
use crate::cli::context::Context;
use crate::cli::predict::prediction_text;
use crate::device::{Explained, Explanation, PublishedHead, Resembling};
use crate::explain::{How, Overlay, PictureBox, boxes, overlay, png};
use crate::files;
use crate::predictor::{Reason, Statement};
use crate::printable::printable;
use crate::sources::Item;

/// Classes that are named beside the first.
pub const TOP: usize = 5;
/// What the boxes hold of a map.
const HELD: f32 = 0.8;

/// A picture with what came of it.
pub struct Picture<'a> {
    /// Path or URL.
    pub name: String,
    pub item: &'a Item,
    pub explanation: Explanation,
    pub head: &'a PublishedHead,
    pub provider: Provider,
}

/// What is printed of one picture.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Line {
    Explained(Box<ExplainedLine>),
    Failed { path: String, error: String },
}

#[derive(Serialize)]
pub struct ExplainedLine {
    path: String,
    #[serde(flatten)]
    statement: Statement,
    why: Option<Reason>,
    /// Left, top, width and height of what the network sees, in pixels of the upright picture.
    seen: [f64; 4],
    maps: Vec<MapLine>,
    /// Of the head that is compared with; empty without one.
    before: Vec<MapLine>,
    /// Stored pictures; `nearest` is the class that a picture is nearest to.
    resembles: Vec<NearestLine>,
    head_version: u64,
    head_hash: String,
    provider: Provider,
}

#[derive(Serialize)]
struct MapLine {
    /// `null` for a number.
    label: Option<String>,
    probability: Option<f32>,
    how: How,
    logit: f32,
    /// What is added by no place: of exact maps and those by gradient the mean of `values` and this are the logit.
    beside: f32,
    rows: usize,
    columns: usize,
    /// Row by row.
    values: Vec<f32>,
    /// `values` less the mean of all classes: what is drawn.
    against: Vec<f32>,
    /// Only with --box.
    #[serde(skip_serializing_if = "Option::is_none")]
    boxes: Option<Vec<PictureBox>>,
    /// The PNG file; `null` for pictures of a folder or list.
    overlay: Option<String>,
}

#[derive(Serialize)]
struct NearestLine {
    /// `null`: of any class.
    label: Option<String>,
    pictures: Vec<ResemblingLine>,
}

#[derive(Serialize)]
struct ResemblingLine {
    id: i64,
    path: String,
    label: String,
    distance: f32,
}

impl Picture<'_> {
    /// The overlays of all maps, and those of the head that is compared with, in that order; each file is named after the
    /// picture, as no other of `used` is, and its class.
    pub fn write_overlays(&self, folder: &Path, used: &mut HashSet<String>) -> anyhow::Result<Vec<String>> {
        let Explanation { maps, before, .. } = &self.explanation;
        let most = self.most();
        let stem = self.item.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Pictures of two folders may have one name.
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let stem =
            std::iter::once(stem.clone()).chain(numbered).find(|stem| used.insert(stem.clone())).expect("endless");
        let all = maps.iter().map(|map| (map, "")).chain(before.iter().map(|map| (map, ".before")));
        all.map(|(map, when)| {
            let label = map.label.as_ref().map_or_else(|| "value".to_owned(), |label| file_name(label.as_str()));
            let path = folder.join(format!("{stem}.{label}{when}.png"));
            fs::write(&path, png(&self.drawn(&self.explanation.picture, map, most)))
                .with_context(|| format!("cannot write `{}`", path.display()))?;
            Ok(files::name_of(&path))
        })
        .collect()
    }

    /// The strongest value of all maps, so that they can be compared.
    pub fn most(&self) -> f32 {
        let all = self.explanation.maps.iter().chain(&self.explanation.before);
        all.flat_map(|map| map.map.against.iter().copied()).fold(0.0, f32::max)
    }

    /// `map` over `picture`, which is this picture at any size.
    pub fn drawn(
        &self,
        picture: &crate::preprocess::Picture,
        map: &Explained,
        most: f32,
    ) -> crate::preprocess::Picture {
        let scale = f64::from(picture.width()) / f64::from(self.explanation.picture.width());
        let seen = self.explanation.seen.scaled(scale);
        overlay(&Overlay { picture, grid: &map.map.against, most, seen: &seen, caption: &caption(map) })
    }

    /// What is said, in words.
    pub fn said(&self) -> String {
        match &self.explanation.statement {
            Statement::Prediction(prediction) => prediction_text(prediction),
            Statement::Number { value, unknown: false } => value.to_string(),
            Statement::Number { value, unknown: true } => {
                format!("{value}, from a picture unlike those it was fitted on")
            }
        }
    }

    pub fn line(&self, overlays: &[String], with_boxes: bool) -> Line {
        let Explanation { seen, statement, why, maps, before, nearest, .. } = &self.explanation;
        let mut files = overlays.iter().cloned();
        let mut map_line = |explained: &Explained| MapLine {
            label: explained.label.as_ref().map(ToString::to_string),
            probability: explained.probability,
            how: explained.map.how,
            logit: explained.map.logit,
            beside: explained.map.beside,
            rows: explained.map.grid.nrows(),
            columns: explained.map.grid.ncols(),
            values: explained.map.grid.iter().copied().collect(),
            against: explained.map.against.iter().copied().collect(),
            boxes: with_boxes.then(|| boxes(&explained.map.against, HELD, seen)),
            overlay: files.next(),
        };
        let maps = maps.iter().map(&mut map_line).collect();
        let before = before.iter().map(&mut map_line).collect();
        let resembling = |picture: &Resembling| ResemblingLine {
            id: picture.id.0,
            path: picture.source.clone(),
            label: picture.label.to_string(),
            distance: picture.distance,
        };
        let nearest = nearest.iter().map(|nearest| NearestLine {
            label: nearest.label.as_ref().map(ToString::to_string),
            pictures: nearest.pictures.iter().map(resembling).collect(),
        });
        Line::Explained(Box::new(ExplainedLine {
            path: self.name.clone(),
            statement: statement.clone(),
            why: why.clone(),
            seen: seen.part(),
            maps,
            before,
            resembles: nearest.collect(),
            head_version: self.head.version.0,
            head_hash: self.head.digest.short(),
            provider: self.provider,
        }))
    }
}

fn caption(map: &Explained) -> String {
    match (&map.label, map.probability) {
        (Some(label), Some(probability)) => format!("{label} {:.0} %", probability * 100.0),
        (Some(label), None) => label.to_string(),
        (None, _) => format!("{:.3}", map.map.logit),
    }
}

/// A label as a part of a file's name.
fn file_name(label: &str) -> String {
    label.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect()
}

impl Line {
    pub fn failed(path: &str, error: String) -> Self {
        Self::Failed { path: path.to_owned(), error }
    }

    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    pub fn print(&self, context: &Context) -> std::io::Result<()> {
        match self {
            Self::Failed { path, error } if !context.output.is_json() => {
                eprintln!("{}: {}", printable(path), printable(error));
                Ok(())
            }
            _ => context.output.result(self, || self.text()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Failed { path, error } => format!("{}: {}", printable(path), printable(error)),
            Self::Explained(line) => line.text(),
        }
    }
}

impl ExplainedLine {
    fn text(&self) -> String {
        let said = match &self.statement {
            Statement::Prediction(prediction) => prediction_text(prediction),
            Statement::Number { value, .. } => value.to_string(),
        };
        let mut lines = vec![format!("{}: {said}", printable(&self.path))];
        let told = self.why.as_ref().filter(|reason| reason.why.is_told());
        lines.extend(told.map(|reason| format!("  why: {}", printable(&reason.sentence))));
        lines.extend(self.maps.iter().chain(&self.before).filter_map(MapLine::text));
        for nearest in &self.resembles {
            let of = nearest.label.as_ref().map_or_else(|| "pictures".to_owned(), |label| format!("`{label}`"));
            lines.push(format!("  nearest {}:", printable(&of)));
            let near = |picture: &ResemblingLine| {
                format!("    {:.3}  {} ({})", picture.distance, printable(&picture.path), printable(&picture.label))
            };
            lines.extend(nearest.pictures.iter().map(near));
        }
        lines.join("\n")
    }
}

impl MapLine {
    fn text(&self) -> Option<String> {
        let how = match self.how {
            How::Exact => "exact",
            How::Gradient => "by gradient",
            How::Covered => "by covering parts of the picture",
        };
        let boxes = self.boxes.iter().flatten().map(|area| {
            let PictureBox { left, top, width, height } = area;
            format!("\n    80 % of it with {width}x{height} at {left},{top}")
        });
        let overlay = self.overlay.as_ref()?;
        Some(format!("  map, {how}: {}{}", printable(overlay), boxes.collect::<String>()))
    }
}
