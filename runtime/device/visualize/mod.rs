//! What the layers of a backbone learned to see: its first filters, and the stored pictures that excite its channels.

mod pictures;
mod shown;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ndarray::Array4;

use super::Device;
use super::collect::NotUsed;
use super::error::DeviceError;
use crate::backbone::graph::{FirstFilters, PlacedLayer};
use crate::backbone::{LayerSession, Layers, Options, Package, Provider};
use crate::causes::causes;
use crate::explain::Strongest;
use crate::head::{Head, HeadArtifact};
use crate::manifest::{BackboneName, Manifest};
use crate::predictor::ExtractError;
use crate::preprocess::Preprocessor;
use crate::store::{Filter, SampleRow, Store, StoreError};
use crate::tensor::InputBatch;
use pictures::{Source, sampled};
use shown::Shown;
pub use shown::{ChannelShown, LayerShown, PatchShown};

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct VisualizeRequest<'a> {
    /// The one in use where none is named.
    pub name: Option<BackboneName>,
    /// Tensors, or nodes for their first output; four from early to late where none is named.
    pub layers: Vec<String>,
    /// How many of each layer are shown.
    pub channels: usize,
    /// When it is raised, no more pictures are looked at.
    pub stop: &'a AtomicBool,
}

/// What was found.
pub struct Visualization {
    pub manifest: Manifest,
    /// Or why there are none.
    pub filters: Result<FirstFilters, String>,
    pub layers: Vec<LayerShown>,
    /// What ran; `None` where nothing was stored to look at.
    pub provider: Option<Provider>,
    /// The head whose most used channels are shown.
    pub head: Option<crate::store::HeadVersion>,
    pub stored: usize,
    /// Of the stored pictures, those that were looked at.
    pub looked_at: usize,
    pub unread: Vec<NotUsed>,
    pub seconds: f64,
}

/// Pictures that are looked at, spread over the classes.
const PICTURES: usize = 200;
/// Layers where none is named.
const LAYERS: usize = 4;
/// Pictures that are shown of a channel.
const PATCHES: usize = 6;
/// A layer of more places is not kept whole to light up what excites it.
const FEW_PLACES: usize = 32 * 32;

impl Device {
    /// Looks at the layers of a backbone; `advance` is told how many pictures there are and, for each that was looked at, that
    /// it was.
    ///
    /// # Errors
    /// When there is no such backbone or layer, or no engine runs it.
    pub fn visualize(
        &self,
        request: &VisualizeRequest<'_>,
        advance: &mut dyn FnMut(usize),
    ) -> Result<Visualization, DeviceError> {
        let start = Instant::now();
        let package = match &request.name {
            Some(name) => self.backbones().named(name)?,
            None => self.backbones().in_use()?,
        };
        let layers = Layers::of(&package, &self.settings().engine)?;
        let filters = layers.first_filters();
        let chosen = chosen(&layers, request)?;
        let rows = self.pictures()?;
        let head = self.heads().live().ok().flatten();
        let head = head.filter(|head| head.artifact.fingerprint() == package.fingerprint());
        let mut found = Visualization {
            manifest: package.manifest().clone(),
            filters,
            layers: Vec::new(),
            provider: None,
            head: head.as_ref().map(|head| head.version),
            stored: rows.len(),
            looked_at: 0,
            unread: Vec::new(),
            seconds: 0.0,
        };
        let picked = sampled(&rows, PICTURES);
        let mut looked: Vec<Looked> = chosen.iter().map(Looked::at).collect();
        if !picked.is_empty() && !chosen.is_empty() {
            let options = Options { map: true, ..self.settings().engine.clone() };
            let session = layers.session(&chosen, &options)?;
            found.provider = Some(session.provider());
            let mut source = Source::new(&picked, self.preprocessor(&package)?);
            look(&mut source, session, &mut looked, request.stop, advance)?;
            found.looked_at = source.read;
            let artifact = head.as_ref().map(|head| &head.artifact);
            let shown = Shown { looked: &looked, head: artifact, manifest: &found.manifest, count: request.channels };
            found.layers = shown.layers(&mut source);
            found.unread = source.unread;
        } else {
            found.layers = looked.iter().map(LayerShown::without_pictures).collect();
        }
        found.seconds = start.elapsed().as_secs_f64();
        Ok(found)
    }

    /// Everything that is stored; nothing where there is no store.
    fn pictures(&self) -> Result<Vec<SampleRow>, DeviceError> {
        match Store::open_existing(&self.state().database()) {
            Ok(store) => Ok(store.samples(&Filter::default())?),
            Err(StoreError::Missing { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn preprocessor(&self, package: &Package) -> Result<Preprocessor, DeviceError> {
        let settings = package.manifest().preprocess.clone();
        Ok(Preprocessor::new(settings, self.settings().limits).map_err(ExtractError::from)?)
    }
}

fn chosen(layers: &Layers, request: &VisualizeRequest<'_>) -> Result<Vec<PlacedLayer>, DeviceError> {
    if request.layers.is_empty() {
        return Ok(layers.usual(LAYERS));
    }
    let named = |name: &String| {
        let error = |source| DeviceError::Layer { layer: name.clone(), source: Box::new(source) };
        layers.layer(name).map_err(error)
    };
    request.layers.iter().map(named).collect()
}

/// A layer with what excited it.
struct Looked {
    layer: PlacedLayer,
    strongest: Strongest,
}

impl Looked {
    fn at(layer: &PlacedLayer) -> Self {
        let few = layer.grid.0 * layer.grid.1 <= FEW_PLACES;
        Self { strongest: Strongest::new(layer.channels, PATCHES, few), layer: layer.clone() }
    }
}

/// One picture after another, so that no more than one is in memory.
fn look(
    source: &mut Source<'_>,
    mut session: LayerSession,
    looked: &mut [Looked],
    stop: &AtomicBool,
    advance: &mut dyn FnMut(usize),
) -> Result<(), DeviceError> {
    for number in 0..source.rows.len() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        if let Some(input) = source.input(number)? {
            for (looked, values) in looked.iter_mut().zip(session.forward(&input)?) {
                if let Some(planes) = looked.layer.planes(&values) {
                    looked.strongest.see(number, planes.view());
                }
            }
        }
        advance(source.rows.len());
    }
    Ok(())
}

/// How much each channel of the feature weighs in `head`, at most for any class, and for which it speaks most; of a hidden
/// layer, for any of its values.
fn weights(head: &HeadArtifact) -> Option<Vec<(f32, Option<usize>)>> {
    let (weights, of_classes) = match head.head() {
        Head::Linear { linear, .. } => (linear.weights.clone(), true),
        Head::Mlp(mlp) => (mlp.hidden.weights.clone(), false),
        Head::Prototype(_) => return None,
    };
    // Only differences between classes count.
    let several = of_classes && weights.nrows() > 1;
    let largest = |column: ndarray::ArrayView1<f32>| {
        let mean = if several { column.mean().unwrap_or_default() } else { 0.0 };
        let size = column.iter().fold(0.0_f32, |most, weight| most.max((weight - mean).abs()));
        let class = column.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(class, _)| class);
        (size, class.filter(|_| several))
    };
    Some(weights.columns().into_iter().map(largest).collect())
}

/// What is given to the network.
fn batch(manifest: &crate::manifest::Preprocess) -> Array4<f32> {
    Array4::zeros((1, 3, manifest.height as usize, manifest.width as usize))
}

fn input(values: Array4<f32>) -> Result<InputBatch, DeviceError> {
    let batch = InputBatch::new(values).map_err(crate::backbone::BackboneError::from);
    Ok(batch.map_err(ExtractError::from)?)
}

/// A picture that could not be read, and why.
fn not_used(path: &str, error: &(dyn std::error::Error + 'static)) -> NotUsed {
    NotUsed { path: path.to_owned(), reason: causes(error) }
}
