//! The sheet of all pictures.

use std::collections::BTreeMap;

use serde::Serialize;

use super::one::Picture;
use crate::cli::context::Context;
use crate::cli::output::{interval, percent};
use crate::cli::remedy::OrRemedy as _;
use crate::cli::report::origin;
use crate::device::{Device, Explainer, Nearest};
use crate::explain::{Attention, Overlay, Region, jpeg, overlay};
use crate::metrics::wilson_interval;
use crate::page::{Sheet, SheetClass, SheetNeighbour, SheetPicture};
use crate::predictor::Statement;
use crate::preprocess::{self, Dimensions, Seen, shrink};
use crate::store::Store;

/// The shorter side of a picture on the sheet, in pixels.
const SIDE: u32 = 180;
/// A browser opens so many at once; wrong ones are kept first.
const MOST: usize = 400;
/// A class is told by its background where so much more of its maps than an even one would have lies outside, surely.
const SURPLUS: f64 = 0.05;

/// Gathers what a sheet shows.
pub struct SheetMaker {
    region: Region,
    /// Whether the user named it.
    named: bool,
    classes: BTreeMap<String, Class>,
    pictures: Vec<(Order, SheetPicture)>,
    count: usize,
    store: Option<Option<Store>>,
}

#[derive(Default)]
struct Class {
    pictures: usize,
    right: usize,
    attention: Attention,
}

/// Wrong ones before right ones, the surest first.
type Order = (bool, f32);

/// One class, for a program.
#[derive(Serialize)]
pub struct ClassLine {
    label: String,
    pub pictures: usize,
    pub right: usize,
    /// The share of its maps on the border, or outside the region that was named.
    outside: f64,
    pub warning: Option<String>,
}

impl SheetMaker {
    pub fn new(region: Region, named: bool) -> Self {
        Self { region, named, classes: BTreeMap::new(), pictures: Vec::new(), count: 0, store: None }
    }

    pub fn pictures(&self) -> usize {
        self.count
    }

    pub fn add(&mut self, picture: &Picture<'_>, device: &Device) {
        self.count += 1;
        let explanation = &picture.explanation;
        let (said, score) = match &explanation.statement {
            Statement::Prediction(prediction) => (prediction.label.as_ref().map(ToString::to_string), prediction.score),
            Statement::Number { .. } => (None, 0.0),
        };
        let label = picture.item.label.as_ref().map(ToString::to_string);
        let right = label.as_ref().map(|label| said.as_ref() == Some(label));
        if let (Some(label), Some(right)) = (&label, right) {
            let class = self.classes.entry(label.clone()).or_default();
            class.pictures += 1;
            class.right += usize::from(right);
            let size = (explanation.picture.width(), explanation.picture.height());
            // What speaks for a class where it is recognised.
            if let Some(map) = explanation.maps.first().filter(|_| right) {
                class.attention.add(&map.map.against, &explanation.seen, size, &self.region);
            }
        }
        let order = (right == Some(true), if right == Some(true) { score } else { -score });
        if self.pictures.len() >= MOST && right == Some(true) {
            return;
        }
        let shown = self.shown(picture, (label, right), device);
        self.pictures.push((order, shown));
    }

    fn shown(
        &mut self,
        picture: &Picture<'_>,
        (label, right): (Option<String>, Option<bool>),
        device: &Device,
    ) -> SheetPicture {
        let explanation = &picture.explanation;
        let small = shrink(explanation.picture.clone(), SIDE);
        let most = picture.most();
        let maps =
            explanation.maps.iter().map(|map| ("", map)).chain(explanation.before.iter().map(|map| ("before: ", map)));
        let maps = maps.map(|(when, map)| {
            let name = map.label.as_ref().map_or_else(|| "value".to_owned(), ToString::to_string);
            (format!("{when}{name}"), jpeg(&picture.drawn(&small, map, most)))
        });
        let maps = maps.collect();
        let told = explanation.why.as_ref().filter(|reason| reason.why.is_told());
        SheetPicture {
            name: picture.name.clone(),
            class: None,
            said: picture.said(),
            right,
            label,
            plain: jpeg(&small),
            maps,
            why: told.map(|reason| reason.sentence.clone()),
            nearest: explanation.nearest.iter().map(|nearest| self.near(nearest, device)).collect(),
        }
    }

    fn near(&mut self, nearest: &Nearest, device: &Device) -> (String, Vec<SheetNeighbour>) {
        let store = self.store.get_or_insert_with(|| device.existing_store().ok());
        let of = nearest.label.as_ref().map_or_else(|| "stored pictures".to_owned(), ToString::to_string);
        let neighbour = |picture: &crate::device::Resembling| SheetNeighbour {
            thumbnail: store.as_ref().and_then(|store| store.thumbnail(picture.id).ok().flatten()),
            name: format!("{} ({})", picture.source, picture.label),
            distance: picture.distance,
        };
        (format!("nearest of {of}"), nearest.pictures.iter().map(neighbour).collect())
    }

    pub fn finish(mut self, explainer: &Explainer, context: &Context) -> anyhow::Result<(Sheet, Vec<ClassLine>)> {
        self.pictures.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        self.pictures.truncate(MOST);
        let names: Vec<String> = self.classes.keys().cloned().collect();
        let lines: Vec<ClassLine> = self.classes.iter().map(|(label, class)| self.line(label, class)).collect();
        let place = |label: &String| names.iter().position(|name| name == label);
        let with_class = |(_, picture): (Order, SheetPicture)| {
            let class = picture.label.as_ref().and_then(place);
            SheetPicture { class, ..picture }
        };
        let shown = self.pictures.len();
        let classes = self.classes.values().zip(&lines).map(|(class, line)| SheetClass {
            label: line.label.clone(),
            pictures: line.pictures,
            right: line.right,
            average: average(&class.attention),
            outside: line.outside as f32,
            warning: line.warning.clone(),
        });
        let head = explainer.head();
        let backbone = context.device().backbones().name_of(&head.artifact.fingerprint()).or_remedy()?;
        let sheet = Sheet {
            title: format!("What head {} looks at", head.version),
            subtitle: self.subtitle(shown),
            figures: figures(&lines, self.count),
            classes: classes.collect(),
            origin: origin(format!("{} ({})", head.version, head.artifact.report().head), &backbone, context),
            pictures: self.pictures.into_iter().map(with_class).collect(),
        };
        Ok((sheet, lines))
    }

    fn subtitle(&self, shown: usize) -> String {
        let region = if self.named { "outside the region that was named" } else { "on the border" };
        let left_out = match self.count - shown {
            0 => String::new(),
            more => format!(" {more} pictures that were named right are left out."),
        };
        match self.classes.is_empty() {
            true => "Pictures without labels.".to_owned(),
            false => format!(
                "Mistakes first, the surest at the front. \"Outside\" is how much of what speaks for a class lies \
                 {region}.{left_out}"
            ),
        }
    }

    fn line(&self, label: &str, class: &Class) -> ClassLine {
        let outside = class.attention.outside();
        let surplus = class.attention.sure_surplus().filter(|surplus| *surplus > SURPLUS);
        let place = if self.named { "outside the region" } else { "on the border" };
        let warning = surplus.map(|_| {
            format!("`{label}` is told by its background: {} of what speaks for it lies {place}", percent(outside))
        });
        ClassLine { label: label.to_owned(), pictures: class.pictures, right: class.right, outside, warning }
    }
}

fn figures(lines: &[ClassLine], pictures: usize) -> Vec<(&'static str, String)> {
    let (right, of): (usize, usize) =
        lines.iter().fold((0, 0), |(right, of), line| (right + line.right, of + line.pictures));
    let mut figures = vec![("pictures", pictures.to_string())];
    if of > 0 {
        figures.insert(0, ("right", interval(right as f64 / of as f64, Some(wilson_interval(right, of)))));
        figures.push(("classes", lines.len().to_string()));
    }
    figures
}

/// The mean map on grey.
fn average(attention: &Attention) -> Vec<u8> {
    const PIXELS: u32 = 160;
    let grid = attention.average();
    let grey = vec![60; (PIXELS * PIXELS * 3) as usize];
    let picture = preprocess::Picture::new(PIXELS, PIXELS, grey).expect("it has its size");
    let seen = Seen::whole(Dimensions { width: PIXELS, height: PIXELS });
    let most = grid.iter().copied().fold(0.0, f32::max);
    jpeg(&overlay(&Overlay { picture: &picture, grid: &grid, most, seen: &seen, caption: "" }))
}
