//! tract, the engine inside this program: the only engine file that names `tract_onnx`.
//!
//! The plan is made for one image and shared by all sessions; a batch goes through it image by image, on as many
//! threads as the session has, because tract gains nothing from larger batches.

use std::sync::Arc;
use std::thread::{Builder, ScopedJoinHandle};

use ndarray::{ArrayD, ArrayView4, Axis, IxDyn, concatenate};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, IntoTValue, OutletId, Tensor,
    TractResult, TypedRunnableModel, tvec,
};

use super::EngineError;
use super::graph::{CutNetwork, ImageInput, Layout, Network, Shapes};
use super::session::Engine;
use crate::panics;

/// tract gave up on a network in a way that it does not report as an error.
#[derive(Debug, thiserror::Error)]
#[error("tract panicked: {0}")]
struct Panicked(String);

/// A network prepared for tract; sessions share it.
#[derive(Clone)]
pub(super) struct Plan(Arc<TypedRunnableModel>);

impl Plan {
    /// # Errors
    /// When the network has an operator or a shape that tract cannot handle.
    pub fn new(cut: &CutNetwork) -> Result<Self, EngineError> {
        let plan = || {
            let model = image_model(&cut.network, [1, 3, cut.height, cut.width])?;
            model.into_optimized()?.into_runnable()
        };
        guarded(plan).map(Self)
    }

    pub fn session(&self, threads: usize) -> Tract {
        Tract { plan: self.clone(), threads: threads.max(1) }
    }

    fn image(&self, image: ArrayView4<'_, f32>) -> Result<Vec<ArrayD<f32>>, EngineError> {
        guarded(|| {
            let values: Vec<f32> = image.iter().copied().collect();
            let input = Tensor::from_shape(image.shape(), &values)?;
            let outputs = self.0.run(tvec!(input.into_tvalue()))?;
            let array = |value: &Tensor| {
                let view = value.to_plain_array_view::<f32>()?;
                Ok(ArrayD::from_shape_vec(IxDyn(view.shape()), view.iter().copied().collect())?)
            };
            outputs.iter().map(|value| array(value)).collect()
        })
    }
}

/// A network as tract reads it, its image input fixed to `shape` and its outputs left to inference.
fn image_model(network: &Network, shape: [usize; 4]) -> TractResult<InferenceModel> {
    let model = tract_onnx::onnx().with_ignore_value_info(true).model_for_proto_model(&network.model)?;
    let outputs = model.outputs.len();
    let model = model.with_input_fact(0, InferenceFact::dt_shape(DatumType::F32, shape))?;
    (0..outputs).try_fold(model, |model, output| model.with_output_fact(output, InferenceFact::default()))
}

/// The shape of every tensor that can be told without running the network, for one image of `height` x `width`.
pub(super) fn shapes(network: &Network, input: &ImageInput, height: usize, width: usize) -> Shapes {
    let analysis = || {
        let mut model = tract_onnx::onnx().with_ignore_value_info(true).model_for_proto_model(&network.model)?;
        let (shape, datum_type) = (input_shape(input.layout, height, width), datum_type(input.element));
        let position = model.inputs.iter().position(|outlet| model.node(outlet.node).name == input.name);
        model.set_input_fact(position.unwrap_or(0), InferenceFact::dt_shape(datum_type, shape))?;
        // What tract cannot analyse stays unknown; the rest is still of use.
        let complete = model.analyse(true);
        tracing::debug!(?complete, "shapes analysed");
        Ok(known_shapes(&model))
    };
    guarded(analysis).unwrap_or_else(|error| {
        tracing::debug!("shapes unknown: {}", crate::causes::causes(error.as_ref()));
        Shapes::new()
    })
}

fn known_shapes(model: &InferenceModel) -> Shapes {
    let mut shapes = Shapes::new();
    for node in model.nodes() {
        for (slot, output) in node.outputs.iter().enumerate() {
            let label = model.outlet_label(OutletId::new(node.id, slot)).unwrap_or(&node.name);
            if let Ok(Some(shape)) = output.fact.shape.as_concrete_finite() {
                shapes.insert(label.to_owned(), shape.to_vec());
            }
        }
    }
    shapes
}

fn input_shape(layout: Layout, height: usize, width: usize) -> [usize; 4] {
    match layout {
        Layout::Nchw => [1, 3, height, width],
        Layout::Nhwc => [1, height, width, 3],
    }
}

fn datum_type(element: DataType) -> DatumType {
    match element {
        DataType::Float16 => DatumType::F16,
        DataType::Double => DatumType::F64,
        DataType::Uint8 => DatumType::U8,
        _ => DatumType::F32,
    }
}

/// Turns a panic inside tract into an error: it asserts things of networks that a file need not keep.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, EngineError> {
    panics::caught(work).map_err(Panicked)?.map_err(EngineError::from)
}

/// A plan and the threads that one batch may use.
pub(super) struct Tract {
    plan: Plan,
    threads: usize,
}

impl Engine for Tract {
    fn run(&mut self, input: ArrayView4<'_, f32>) -> Result<Vec<ArrayD<f32>>, EngineError> {
        let images: Vec<ArrayView4<'_, f32>> = input.axis_chunks_iter(Axis(0), 1).collect();
        let share = images.len().div_ceil(self.threads).max(1);
        let run = |images: &[ArrayView4<'_, f32>]| images.iter().map(|image| self.plan.image(image.view())).collect();
        let shares: Vec<Result<Vec<_>, EngineError>> = match images.len() <= share {
            true => vec![run(&images)],
            false => std::thread::scope(|scope| {
                let start = |images| Builder::new().spawn_scoped(scope, move || run(images));
                let workers: Vec<_> = images.chunks(share).map(|images| (images, start(images))).collect();
                let result = |(images, worker): (_, std::io::Result<ScopedJoinHandle<'_, _>>)| match worker {
                    Ok(worker) => worker.join().expect("panics of tract are caught"),
                    // Where the system gives no thread, this one does that share too.
                    Err(_) => run(images),
                };
                workers.into_iter().map(result).collect()
            }),
        };
        let images: Vec<Vec<ArrayD<f32>>> = shares.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        stack(&images)
    }
}

/// Joins the outputs of single images to outputs of a batch.
fn stack(images: &[Vec<ArrayD<f32>>]) -> Result<Vec<ArrayD<f32>>, EngineError> {
    let join = |output: usize| {
        let parts: Vec<_> = images.iter().map(|outputs| outputs[output].view()).collect();
        concatenate(Axis(0), &parts)
    };
    Ok((0..images[0].len()).map(join).collect::<Result<_, _>>()?)
}
