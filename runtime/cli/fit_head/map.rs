//! The map of the store on a head's page.

use std::collections::{BTreeMap, HashSet};

use crate::cli::remedy::OrRemedy as _;
use crate::cli::report::Shown;
use crate::dataset::{Dataset, SampleId};
use crate::head::{FitOptions, HeadArtifact, diagnose, plane};
use crate::page::{MapPoint, StoreMap};
use crate::tensor::Features;

/// More points than these are not drawn: the file stays small, and the points apart.
const POINTS: usize = 400;
/// More points than these do not carry their picture.
const THUMBNAILS: usize = 120;

/// Where the stored pictures lie, as the head's own channels tell.
pub fn store_map(
    pictures: &Dataset,
    head: &HeadArtifact,
    options: &FitOptions,
    shown: &dyn Fn(SampleId) -> Shown,
) -> anyhow::Result<StoreMap> {
    let ids = pictures.ids();
    // What is too little to be diagnosed has no suspects.
    let suspects: HashSet<SampleId> = diagnose(pictures, options)
        .map(|diagnosis| diagnosis.suspects.into_iter().map(|suspect| suspect.id).collect())
        .unwrap_or_default();
    let scores = head.predict(&Features(pictures.features().clone()))?;
    let is_marked = |row: usize| (suspects.contains(&ids[row]), scores[row].unknown);
    let rows = drawn(pictures, |row| is_marked(row) != (false, false));
    let features = pictures.last_map().select(ndarray::Axis(0), &rows);
    let plane = plane(features.view()).or_remedy()?;
    let with_thumbnail = |number: usize| number < THUMBNAILS.div_ceil(2) || number.is_multiple_of(spacing(rows.len()));
    let points = rows.iter().enumerate().map(|(number, &row)| {
        let Shown { path, thumbnail } = shown(ids[row]);
        let (suspect, unknown) = is_marked(row);
        let thumbnail = thumbnail.filter(|_| with_thumbnail(number));
        let place = (plane.places[[number, 0]], plane.places[[number, 1]]);
        MapPoint { place, class: pictures.targets()[row].0, suspect, unknown, path, thumbnail }
    });
    Ok(StoreMap {
        points: points.collect(),
        labels: pictures.labels().iter().map(ToString::to_string).collect(),
        explained: plane.explained,
        left_out: ids.len() - rows.len(),
    })
}

/// So that every so many of the points, and the first, are about as many as have room.
fn spacing(points: usize) -> usize {
    (2 * points).div_ceil(THUMBNAILS).max(1)
}

/// What is marked first, then of each class as many as of others, spread over what it has.
fn drawn(pictures: &Dataset, is_marked: impl Fn(usize) -> bool) -> Vec<usize> {
    let (mut rows, others): (Vec<usize>, Vec<usize>) = (0..pictures.len()).partition(|&row| is_marked(row));
    rows.truncate(POINTS);
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    others.into_iter().for_each(|row| classes.entry(pictures.targets()[row].0).or_default().push(row));
    let share = (POINTS - rows.len()) / classes.len().max(1);
    for of_class in classes.into_values() {
        let count = of_class.len().min(share);
        rows.extend((0..count).map(|number| of_class[number * of_class.len() / count]));
    }
    rows
}
