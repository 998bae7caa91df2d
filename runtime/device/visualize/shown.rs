//! Which channels of a layer are shown, and the parts of pictures that excite them.

use ndarray::Array2;

use super::pictures::Source;
use super::{Looked, weights};
use crate::backbone::graph::PlacedLayer;
use crate::dataset::SampleId;
use crate::explain::{Part, Peak, png};
use crate::head::HeadArtifact;
use crate::labels::{ClassIndex, Label};
use crate::manifest::{FeatureKind, Manifest};
use crate::preprocess::{Picture, Seen};

/// A layer with some of its channels.
pub struct LayerShown {
    pub layer: PlacedLayer,
    pub channels: Vec<ChannelShown>,
}

pub struct ChannelShown {
    pub channel: usize,
    /// Of its mean over the places, from picture to picture.
    pub deviation: f32,
    /// The largest weight of the head for it; `None` where the head does not use the layer, or there is none.
    pub weight: Option<f32>,
    /// The class that it speaks for most.
    pub class: Option<Label>,
    /// The strongest first.
    pub patches: Vec<PatchShown>,
}

/// The part of a stored picture that a channel answers to.
pub struct PatchShown {
    pub id: SampleId,
    pub source: String,
    pub label: Option<Label>,
    pub score: f32,
    /// Row and column of the layer.
    pub place: (usize, usize),
    /// Left, top, right and bottom in pixels of the picture; `None` where it could not be read a second time.
    pub bounds: Option<[u32; 4]>,
    /// A PNG or JPEG file.
    pub image: Option<Vec<u8>>,
    /// Whether what does not excite the channel is dark in it.
    pub lit: bool,
}

impl LayerShown {
    pub(super) fn without_pictures(looked: &Looked) -> Self {
        Self { layer: looked.layer.clone(), channels: Vec::new() }
    }
}

/// What the channels are chosen by.
pub(super) struct Shown<'a> {
    pub looked: &'a [Looked],
    pub head: Option<&'a HeadArtifact>,
    pub manifest: &'a Manifest,
    pub count: usize,
}

/// A part smaller than this is kept pixel by pixel.
const SMALL: u32 = 48;

impl Shown<'_> {
    pub fn layers(&self, source: &mut Source<'_>) -> Vec<LayerShown> {
        let mut layers: Vec<LayerShown> = self.looked.iter().map(|looked| self.channels(looked, source)).collect();
        // Picture by picture, so that each is read once more and no more than one is in memory.
        for number in 0..source.rows.len() {
            let mut picture = None;
            for (looked, layer) in self.looked.iter().zip(&mut layers) {
                for channel in &mut layer.channels {
                    let peaks = looked.strongest.peaks(channel.channel);
                    for (peak, patch) in
                        peaks.iter().zip(&mut channel.patches).filter(|(peak, _)| peak.picture == number)
                    {
                        let read = picture.get_or_insert_with(|| source.picture(number).ok());
                        if let Some(read) = read {
                            patch.cut(read, &looked.layer, peak, source);
                        }
                    }
                }
            }
        }
        layers
    }

    fn channels(&self, looked: &Looked, source: &Source<'_>) -> LayerShown {
        let used = self.used(&looked.layer.tensor, looked.layer.channels);
        let weight = |channel: usize| used.as_ref().map_or(1.0, |used| used[channel].0);
        let channel = |channel: usize| ChannelShown {
            channel,
            deviation: looked.strongest.deviation(channel),
            weight: used.as_ref().map(|used| used[channel].0),
            class: self.class(used.as_ref().and_then(|used| used[channel].1)),
            patches: looked.strongest.peaks(channel).iter().map(|peak| found(peak, &looked.layer, source)).collect(),
        };
        let mut channels = looked.strongest.busiest(weight);
        match used {
            Some(_) => channels.truncate(self.count),
            None => channels = looked.strongest.unlike(channels, self.count),
        }
        let channels = channels.into_iter().map(channel).collect();
        LayerShown { layer: looked.layer.clone(), channels }
    }

    /// What the head weighs the channels of `tensor` by, where the feature is their mean over the places.
    fn used(&self, tensor: &str, channels: usize) -> Option<Vec<(f32, Option<usize>)>> {
        let mut from = 0;
        for (output, kind, dim) in self.manifest.feature.parts() {
            let map_before = self.manifest.feature.map.as_deref() == Some(tensor) && from == 0;
            if (output == tensor && kind != FeatureKind::TokensClass) || (map_before && dim == channels) {
                let weights = weights(self.head?)?;
                return (dim == channels).then(|| weights.get(from..from + dim).map(<[_]>::to_vec))?;
            }
            from += dim;
        }
        None
    }

    fn class(&self, class: Option<usize>) -> Option<Label> {
        self.head?.labels().get(ClassIndex(class?)).cloned()
    }
}

fn found(peak: &Peak, layer: &PlacedLayer, source: &Source<'_>) -> PatchShown {
    let row = &source.rows[peak.picture];
    PatchShown {
        id: row.id,
        source: row.source.clone(),
        label: row.label.clone(),
        score: peak.score,
        place: (peak.place / layer.grid.1, peak.place % layer.grid.1),
        bounds: None,
        image: None,
        lit: false,
    }
}

impl PatchShown {
    fn cut(&mut self, picture: &Picture, layer: &PlacedLayer, peak: &Peak, source: &mut Source<'_>) {
        let settings = source.settings();
        let (width, height) = (settings.width as usize, settings.height as usize);
        let seen = Seen::new(settings, picture.dimensions());
        let (rows, columns) = match layer.reach {
            Some([down, across]) => (down.pixels(self.place.0, height), across.pixels(self.place.1, width)),
            None => (0..height, 0..width),
        };
        // Of a part as large as this, what the channel answers to is told only by its other places.
        let wide = 2 * rows.len() > height || 2 * columns.len() > width;
        let plane = peak.plane.as_ref().filter(|_| wide && layer.grid != (1, 1));
        let grid: Option<Array2<f32>> = plane.and_then(|plane| plane.clone().into_shape_with_order(layer.grid).ok());
        let part = Part { picture, seen: &seen, input: (width, height), rows, columns };
        let cut = part.cut(grid.as_ref());
        (self.bounds, self.lit) = (Some(part.bounds()), grid.is_some());
        self.image = Some(match cut.width().max(cut.height()) <= SMALL {
            true => png(&cut),
            false => source.thumbnail(&cut),
        });
    }
}
