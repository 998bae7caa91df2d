//! What was found, as a page.

use ndarray::{ArrayView3, Axis};

use crate::backbone::graph::{FirstFilters, PlacedLayer};
use crate::cli::context::Context;
use crate::cli::output::count;
use crate::device::{ChannelShown, LayerShown, PatchShown, Visualization};
use crate::explain::{filter_picture, png};
use crate::manifest::Channels;
use crate::page::{Learned, LearnedChannel, LearnedLayer, LearnedPatch, PatchImage};

/// More filters than these are not drawn.
const FILTERS: usize = 96;

pub fn page(found: &Visualization, context: &Context) -> Learned {
    let name = &found.manifest.name;
    let (filters, filters_caption) = match &found.filters {
        Ok(filters) => {
            let (drawn, caption) = drawn(filters, found.manifest.preprocess.channels == Channels::Bgr);
            (Ok(drawn), caption)
        }
        Err(reason) => (Err(capitalised(reason)), String::new()),
    };
    let subtitle = match found.stored {
        0 => "No pictures are stored yet: collect some to see what excites each layer.".to_owned(),
        stored => {
            format!("Looked at {} of {}, spread over the labels.", found.looked_at, count(stored, "stored picture"))
        }
    };
    Learned {
        title: format!("What {name} learned to see"),
        subtitle,
        filters,
        filters_caption,
        layers: found.layers.iter().map(|layer| of_layer(layer, found)).collect(),
        remarks: remarks(found),
        origin: vec![
            ("made by", format!("edgetl {}", env!("CARGO_PKG_VERSION"))),
            ("on", humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()),
            ("backbone", name.to_string()),
            ("data", context.state.database().display().to_string()),
        ],
    }
}

/// The strongest first.
fn drawn(filters: &FirstFilters, blue_first: bool) -> (Vec<Vec<u8>>, String) {
    let size = |filter: &ArrayView3<f32>| filter.iter().map(|weight| weight * weight).sum::<f32>();
    let mut views: Vec<ArrayView3<f32>> = filters.weights.axis_iter(Axis(0)).collect();
    views.sort_by(|one, other| size(other).total_cmp(&size(one)));
    let (all, height, width) = (views.len(), filters.weights.len_of(Axis(2)), filters.weights.len_of(Axis(3)));
    views.truncate(FILTERS);
    let strongest = views.first().map_or(0.0, size);
    views.retain(|filter| size(filter) > 1e-6 * strongest);
    let weakest = all - views.len();
    let left_out = if weakest > 0 { format!(" The {weakest} weakest are left out.") } else { String::new() };
    let caption = format!(
        "{} of {width}x{height} pixels in {}, the strongest first, each normalised for itself: grey is 0.{left_out}",
        count(all, "filter"),
        filters.node,
    );
    (views.into_iter().map(|filter| png(&filter_picture(filter, blue_first))).collect(), caption)
}

fn remarks(found: &Visualization) -> Vec<String> {
    if found.looked_at == 0 {
        return Vec::new();
    }
    let mut remarks = vec![
        "Each row is one channel of the layer, with the pictures that excite it most; each picture shows the part that the \
         place of the largest value sees. Where a place sees more than half of the picture, a part is the darker, the less \
         it excites the channel."
            .to_owned(),
    ];
    let gone = found.unread.len();
    if gone > 0 {
        remarks.push(format!("{} could not be read again from where they were collected.", count(gone, "picture")));
    }
    remarks
}

fn of_layer(shown: &LayerShown, found: &Visualization) -> LearnedLayer {
    let channels = shown.channels.iter().map(|channel| of_channel(channel, found)).collect();
    LearnedLayer { tensor: shown.layer.tensor.clone(), sentences: sentences(&shown.layer), channels }
}

fn sentences(layer: &PlacedLayer) -> Vec<String> {
    let PlacedLayer { grid: (rows, columns), channels, operator, .. } = layer;
    let sees = match layer.reach {
        Some([down, across]) => format!(
            "Each place sees {}x{} pixels of the network's input, {} further each.",
            across.size, down.size, across.stride
        ),
        None => "What a place sees cannot be told, so the whole picture is shown.".to_owned(),
    };
    let mut sentences =
        vec![format!("{} at {columns}x{rows} places ({operator}). {sees}", count(*channels, "channel"))];
    if !layer.uncounted.is_empty() {
        sentences.push(format!("Not counted, since it looks at more of the picture: {}.", layer.uncounted.join(", ")));
    }
    sentences
}

fn of_channel(shown: &ChannelShown, found: &Visualization) -> LearnedChannel {
    let why = match (&shown.class, shown.weight, found.head) {
        (Some(class), Some(_), Some(version)) => format!("used by head {version}, most for {class}"),
        (None, Some(_), Some(version)) => format!("used by head {version}"),
        _ => String::new(),
    };
    LearnedChannel { number: shown.channel, why, patches: shown.patches.iter().map(of_patch).collect() }
}

fn of_patch(shown: &PatchShown) -> LearnedPatch {
    let image = shown.image.clone().map(|bytes| PatchImage { small: bytes.starts_with(b"\x89PNG"), bytes });
    LearnedPatch {
        image,
        label: shown.label.as_ref().map(ToString::to_string).unwrap_or_default(),
        about: format!("{}: {:.2}", shown.source, shown.score),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
