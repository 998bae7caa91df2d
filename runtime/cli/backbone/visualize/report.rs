//! What was found, as JSON and as text.

use std::path::Path;

use serde::Serialize;

use crate::backbone::Provider;
use crate::backbone::graph::Reach;
use crate::cli::output::{count, table};
use crate::device::{ChannelShown, LayerShown, NotUsed, PatchShown, Visualization};
use crate::printable::printable;

/// `backbone visualize --json`.
#[derive(Serialize)]
pub struct Report<'a> {
    backbone: String,
    fingerprint: String,
    provider: Option<Provider>,
    head_version: Option<u64>,
    filters: Filters<'a>,
    layers: Vec<Layer<'a>>,
    stored: usize,
    looked_at: usize,
    unread: &'a [NotUsed],
    page: String,
    seconds: f64,
}

#[derive(Serialize)]
struct Filters<'a> {
    node: Option<&'a str>,
    shape: Option<Vec<usize>>,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Layer<'a> {
    tensor: &'a str,
    operator: &'a str,
    shape: &'a [usize],
    rows: usize,
    columns: usize,
    channel_count: usize,
    field: Option<Field>,
    uncounted: &'a [String],
    channels: Vec<Channel<'a>>,
}

#[derive(Serialize)]
struct Field {
    rows: Reach,
    columns: Reach,
}

#[derive(Serialize)]
struct Channel<'a> {
    channel: usize,
    deviation: f32,
    weight: Option<f32>,
    class: Option<&'a str>,
    pictures: Vec<Patch<'a>>,
}

#[derive(Serialize)]
struct Patch<'a> {
    id: i64,
    path: &'a str,
    label: Option<&'a str>,
    score: f32,
    row: usize,
    column: usize,
    #[serde(rename = "box")]
    bounds: Option<Bounds>,
}

#[derive(Serialize)]
struct Bounds {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl<'a> Report<'a> {
    pub fn new(found: &'a Visualization, page: &Path) -> Self {
        let filters = match &found.filters {
            Ok(filters) => {
                Filters { node: Some(&filters.node), shape: Some(filters.weights.shape().to_vec()), reason: None }
            }
            Err(reason) => Filters { node: None, shape: None, reason: Some(reason) },
        };
        Self {
            backbone: found.manifest.name.to_string(),
            fingerprint: found.manifest.fingerprint().to_string(),
            provider: found.provider,
            head_version: found.head.map(|version| version.0),
            filters,
            layers: found.layers.iter().map(Layer::of).collect(),
            stored: found.stored,
            looked_at: found.looked_at,
            unread: &found.unread,
            page: page.display().to_string(),
            seconds: found.seconds,
        }
    }

    pub fn text(&self) -> String {
        let filters = match (&self.filters.shape, self.filters.reason) {
            (Some(shape), _) => format!("{} of {}x{}", count(shape[0], "first filter"), shape[3], shape[2]),
            (None, reason) => format!("no first filters: {}", printable(reason.unwrap_or_default())),
        };
        let rows = self.layers.iter().map(|layer| {
            let sees = match &layer.field {
                Some(Field { rows, columns }) => format!("{}x{}", columns.size, rows.size),
                None => "all".to_owned(),
            };
            let grid = format!("{}x{}", layer.columns, layer.rows);
            let uncounted = layer.uncounted.join(", ");
            [layer.tensor.to_owned(), grid, layer.channel_count.to_string(), sees, uncounted]
        });
        let layers = table(["layer", "places", "channels", "pixels a place sees", "not counted"], rows);
        let pictures = match self.stored {
            0 => "no stored pictures to look at: collect some first (edgetl collect FOLDER)".to_owned(),
            stored => format!("looked at {} of {}", self.looked_at, count(stored, "stored picture")),
        };
        format!("{filters}\n\n{layers}\n\n{pictures}\npage in `{}`; {:.1} s", printable(&self.page), self.seconds)
    }
}

impl<'a> Layer<'a> {
    fn of(shown: &'a LayerShown) -> Self {
        let layer = &shown.layer;
        Self {
            tensor: &layer.tensor,
            operator: &layer.operator,
            shape: &layer.shape,
            rows: layer.grid.0,
            columns: layer.grid.1,
            channel_count: layer.channels,
            field: layer.reach.map(|[rows, columns]| Field { rows, columns }),
            uncounted: &layer.uncounted,
            channels: shown.channels.iter().map(Channel::of).collect(),
        }
    }
}

impl<'a> Channel<'a> {
    fn of(shown: &'a ChannelShown) -> Self {
        Self {
            channel: shown.channel,
            deviation: shown.deviation,
            weight: shown.weight,
            class: shown.class.as_ref().map(|label| label.as_str()),
            pictures: shown.patches.iter().map(Patch::of).collect(),
        }
    }
}

impl<'a> Patch<'a> {
    fn of(shown: &'a PatchShown) -> Self {
        let bounds = shown.bounds.map(|[left, top, right, bottom]| Bounds {
            left,
            top,
            width: right - left,
            height: bottom - top,
        });
        Self {
            id: shown.id.0,
            path: &shown.source,
            label: shown.label.as_ref().map(|label| label.as_str()),
            score: shown.score,
            row: shown.place.0,
            column: shown.place.1,
            bounds,
        }
    }
}
