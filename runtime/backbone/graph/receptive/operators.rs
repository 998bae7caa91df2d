//! What each operator does to places and to what they see.

use std::collections::BTreeSet;

use tract_onnx::pb;

use super::places::Places;
use super::reach::{Reach, Sliding};
use super::{Fields, Seen};
use crate::backbone::graph::Shapes;
use crate::backbone::graph::constant::{attribute, int_attribute, integers, ints_attribute, tensor};
use crate::backbone::graph::index::Index;

type Field = (Places, [Reach; 2]);

/// Operators that compute each place of their output of the same place of their inputs.
const POINTWISE: &str = " Relu LeakyRelu PRelu Elu Selu Celu Gelu FastGelu QuickGelu BiasGelu Sigmoid HardSigmoid HardSwish \
    Mish Swish Tanh Softplus Softsign ThresholdedRelu Erf Exp Log Sqrt Reciprocal Neg Abs Sign Floor Ceil Round Sin Cos Pow \
    Clip Cast Identity Dropout BatchNormalization Add Sub Mul Div Max Min Mean Sum Where LRN Equal Greater Less Not And Or \
    GreaterOrEqual LessOrEqual QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearAdd QLinearMul QLinearSigmoid \
    QLinearLeakyRelu ";

/// What the outputs of `node` see; `None` where it does not depend on the picture's pixels.
pub fn seen<'a>(index: &Index<'a>, node: &'a pb::NodeProto, fields: &Fields<'a>, shapes: &Shapes) -> Option<Seen> {
    if matches!(node.op_type.as_str(), "Shape" | "Size") {
        return None;
    }
    let inputs: Vec<&Seen> = node.input.iter().filter_map(|name| fields.get(name.as_str())).collect();
    if inputs.is_empty() {
        return None;
    }
    let step = Step { index, node, fields, shapes };
    let mut uncounted: BTreeSet<String> = inputs.iter().flat_map(|seen| seen.uncounted.iter().cloned()).collect();
    let field = step.field(&inputs);
    let known = inputs.iter().any(|seen| seen.field.is_some());
    if (field.is_none() && known) || step.looks_further() {
        uncounted.insert(node.op_type.clone());
    }
    Some(Seen { field, uncounted })
}

struct Step<'s, 'a> {
    index: &'s Index<'a>,
    node: &'a pb::NodeProto,
    fields: &'s Fields<'a>,
    shapes: &'s Shapes,
}

impl Step<'_, '_> {
    fn field(&self, inputs: &[&Seen]) -> Option<Field> {
        let op = self.node.op_type.as_str();
        if POINTWISE.contains(&format!(" {op} ")) {
            return together(inputs);
        }
        let first = || self.fields.get(self.node.input.first()?.as_str())?.field;
        match op {
            "Conv" | "FusedConv" | "ConvInteger" | "QLinearConv" | "MaxPool" | "AveragePool" | "LpPool"
            | "QLinearAveragePool" => self.slid(first()?),
            "SpaceToDepth" => {
                let block = int_attribute(self.node, "blocksize")?;
                let sliding = Sliding { kernel: block, stride: block, dilation: 1, padded: 0 };
                first().map(|(places, reach)| (places, reach.map(|reach| reach.slid(sliding))))
            }
            "Concat" => self.concatenated(inputs),
            "Slice" => self.sliced(first()?),
            "Pad" => self.padded(first()?),
            "Split" | "Softmax" | "LogSoftmax" => {
                let axis = self.axis(int_attribute(self.node, "axis").unwrap_or(if op == "Split" { 0 } else { -1 }))?;
                first().filter(|(places, _)| !places.contains(axis))
            }
            "InstanceNormalization" | "GroupNormalization" | "LayerNormalization" | "SimplifiedLayerNormalization" => {
                first()
            }
            "MatMul" | "MatMulInteger" | "QLinearMatMul" | "Gemm" => self.multiplied(inputs),
            "Transpose" => {
                let (places, reach) = first()?;
                let perm = ints_attribute(self.node, "perm")?;
                let to = |dim: usize| perm.iter().position(|&from| from == dim as i64);
                Some((places.moved(to)?, reach))
            }
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
                let (places, reach) = first()?;
                let (from, to) = (self.shape(self.node.input.first()?)?, self.shape(self.node.output.first()?)?);
                Some((places.reshaped(from, to)?, reach))
            }
            _ if op.starts_with("Reduce") => self.reduced(first()?),
            _ => None,
        }
    }

    /// Whether it normalises each place by others.
    fn looks_further(&self) -> bool {
        let field = self.node.input.first().and_then(|input| self.fields.get(input.as_str())?.field);
        let Some((places, _)) = field else { return false };
        match self.node.op_type.as_str() {
            "InstanceNormalization" | "GroupNormalization" => true,
            "LayerNormalization" | "SimplifiedLayerNormalization" => {
                let from = self.axis(int_attribute(self.node, "axis").unwrap_or(-1));
                places.dims().iter().any(|&dim| from.is_none_or(|from| dim >= from))
            }
            _ => false,
        }
    }

    fn shape(&self, tensor: &str) -> Option<&[usize]> {
        self.shapes.get(tensor).map(Vec::as_slice)
    }

    /// Counted from the front, of the first input that depends on the picture.
    fn axis(&self, axis: i64) -> Option<usize> {
        if axis >= 0 {
            return usize::try_from(axis).ok();
        }
        let input = self.node.input.iter().find(|name| self.fields.contains_key(name.as_str()))?;
        usize::try_from(axis + self.shape(input)?.len() as i64).ok()
    }

    /// An attribute, or the constant input at `position`.
    fn numbers(&self, name: &str, position: usize) -> Option<Vec<i64>> {
        let own = ints_attribute(self.node, name).map(<[i64]>::to_vec);
        own.or_else(|| integers(self.index, self.node.input.get(position).filter(|name| !name.is_empty())?))
    }

    fn slid(&self, (places, reach): Field) -> Option<Field> {
        if places != (Places::Map { rows: 2, columns: 3 }) {
            return None;
        }
        let kernel = self.kernel().filter(|kernel| kernel.len() == 2)?;
        let of = |name, side: usize| ints_attribute(self.node, name).map_or(Some(1), |all| all.get(side).copied());
        let mut slid = reach;
        for side in 0..2 {
            let mut sliding = Sliding {
                kernel: kernel[side],
                stride: of("strides", side)?,
                dilation: of("dilations", side)?,
                padded: 0,
            };
            sliding.padded = self.padding(side, &sliding)?;
            slid[side] = reach[side].slid(sliding);
        }
        Some((places, slid))
    }

    fn kernel(&self) -> Option<Vec<i64>> {
        if let Some(kernel) = ints_attribute(self.node, "kernel_shape") {
            return Some(kernel.to_vec());
        }
        let weights = self.node.input.get(if self.node.op_type == "QLinearConv" { 3 } else { 1 })?;
        let constant = tensor(self.index, weights).map(|tensor| tensor.dims.clone());
        let dims = constant.or_else(|| Some(self.shape(weights)?.iter().map(|&size| size as i64).collect()))?;
        dims.get(2..).map(<[i64]>::to_vec)
    }

    /// How many places are put before the first.
    fn padding(&self, side: usize, sliding: &Sliding) -> Option<i64> {
        let auto = attribute(self.node, "auto_pad").map(|auto| auto.s.as_slice()).unwrap_or_default();
        let upper = match auto {
            b"SAME_UPPER" => true,
            b"SAME_LOWER" => false,
            b"VALID" => return Some(0),
            _ => return ints_attribute(self.node, "pads").map_or(Some(0), |pads| pads.get(side).copied()),
        };
        let length = *self.shape(self.node.input.first()?)?.get(2 + side)? as i64;
        let steps = (length + sliding.stride - 1) / sliding.stride - 1;
        let total = (steps * sliding.stride + (sliding.kernel - 1) * sliding.dilation + 1 - length).max(0);
        Some(if upper { total / 2 } else { total - total / 2 })
    }

    fn concatenated(&self, inputs: &[&Seen]) -> Option<Field> {
        let axis = self.axis(int_attribute(self.node, "axis")?)?;
        let (places, reach) = together(inputs)?;
        match places {
            _ if !places.contains(axis) => Some((places, reach)),
            Places::Tokens { dim, prefix, grid } => {
                // Behind class tokens.
                let (last, before) = self.node.input.split_last()?;
                let only = inputs.iter().filter(|seen| seen.field.is_some()).count() == 1;
                self.fields.get(last.as_str()).filter(|last| only && last.field.is_some())?;
                let length = |name: &String| {
                    let constant =
                        || tensor(self.index, name).and_then(|tensor| usize::try_from(*tensor.dims.get(dim)?).ok());
                    self.shape(name).and_then(|shape| shape.get(dim).copied()).or_else(constant)
                };
                let more = before.iter().map(length).sum::<Option<usize>>()?;
                Some((Places::Tokens { dim, prefix: prefix + more, grid }, reach))
            }
            _ => None,
        }
    }

    fn sliced(&self, (mut places, mut reach): Field) -> Option<Field> {
        let starts = self.numbers("starts", 1)?;
        let ends = self.numbers("ends", 2)?;
        let axes = self.numbers("axes", 3).unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self.numbers("steps", 4).unwrap_or_else(|| vec![1; starts.len()]);
        let shape = self.shape(self.node.input.first()?)?.to_vec();
        for (((&axis, &start), &end), &step) in axes.iter().zip(&starts).zip(&ends).zip(&steps) {
            let axis = self.axis(axis)?;
            let length = *shape.get(axis)? as i64;
            let from = if start < 0 { start + length } else { start }.clamp(0, length);
            match &mut places {
                Places::Map { rows, columns } if axis == *rows || axis == *columns => {
                    let reach = &mut reach[usize::from(axis == *columns)];
                    let sliding = Sliding { kernel: 1, stride: step, dilation: 1, padded: -from };
                    *reach = Some(reach.slid(sliding)).filter(|_| step > 0)?;
                }
                Places::Tokens { dim, prefix, .. } if axis == *dim => {
                    let whole = step == 1 && (end >= length) && from as usize <= *prefix;
                    *prefix = whole.then(|| *prefix - from as usize)?;
                }
                _ => {}
            }
        }
        Some((places, reach))
    }

    fn padded(&self, (places, mut reach): Field) -> Option<Field> {
        let pads = self.numbers("pads", 1)?;
        let rank = pads.len() / 2;
        if self.node.input.get(3).is_some_and(|axes| !axes.is_empty()) {
            return None;
        }
        match places {
            Places::Map { rows, columns } if rank > rows.max(columns) => {
                for (reach, dim) in reach.iter_mut().zip([rows, columns]) {
                    *reach = reach.slid(Sliding { kernel: 1, stride: 1, dilation: 1, padded: pads[dim] });
                }
                Some((places, reach))
            }
            Places::Tokens { dim, .. } if rank > dim && pads[dim] == 0 && pads[dim + rank] == 0 => {
                Some((places, reach))
            }
            _ => None,
        }
    }

    /// By a constant, over other dimensions than the places.
    fn multiplied(&self, inputs: &[&Seen]) -> Option<Field> {
        let [only] = inputs else { return None };
        let (places, reach) = only.field?;
        let left = self.node.input.first().is_some_and(|input| self.fields.contains_key(input.as_str()));
        let rank = self.shape(self.node.input.iter().find(|name| self.fields.contains_key(name.as_str()))?)?.len();
        let summed = rank.checked_sub(if left { 1 } else { 2 })?;
        (!places.contains(summed) && int_attribute(self.node, "transA").unwrap_or(0) == 0).then_some((places, reach))
    }

    fn reduced(&self, (places, reach): Field) -> Option<Field> {
        let axes = self.numbers("axes", 1).filter(|axes| !axes.is_empty())?;
        let axes: Vec<usize> = axes.into_iter().map(|axis| self.axis(axis)).collect::<Option<_>>()?;
        if axes.iter().any(|&axis| places.contains(axis)) {
            return None;
        }
        match int_attribute(self.node, "keepdims").unwrap_or(1) {
            0 => Some((places.moved(|dim| Some(dim - axes.iter().filter(|&&axis| axis < dim).count()))?, reach)),
            _ => Some((places, reach)),
        }
    }
}

/// Of what is computed place by place of all `inputs` whose places are known.
fn together(inputs: &[&Seen]) -> Option<Field> {
    let mut known = inputs.iter().filter_map(|seen| seen.field);
    let first = known.next()?;
    known.try_fold(first, |(places, [rows, columns]), (others, [more_rows, more_columns])| {
        let reach = [rows.with(more_rows)?, columns.with(more_columns)?];
        (places == others).then_some((places, reach))
    })
}
