//! What a network does with its pixels right behind its input: whether it normalises them itself.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::Network;
use super::constant::{attribute, int_attribute, integers, ints_attribute, numbers};
use super::index::Index;
use super::input::{ImageInput, Layout};

/// A network that needs no mean and no standard deviation from outside.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnNormalisation {
    /// Least and largest value of the pixels that it takes.
    pub pixels: (f32, f32),
    /// Whether the means that it subtracts are ImageNet's with blue first.
    pub bgr: bool,
    /// The operators that normalise; empty where the input takes bytes.
    pub operators: Vec<String>,
}

impl Network {
    /// By the constants right behind `input`, and by its element type; `None` where neither tells anything.
    pub fn own_normalisation(&self, input: &ImageInput) -> Option<OwnNormalisation> {
        let index = Index::new(self.graph());
        let affine = Affine::behind(&index, input);
        let means_blue_first = affine.has_means_blue_first();
        if input.element == DataType::Uint8 {
            return Some(OwnNormalisation { pixels: (0.0, 255.0), bgr: means_blue_first, operators: affine.operators });
        }
        let pixels = affine.pixels()?;
        Some(OwnNormalisation { pixels, bgr: means_blue_first, operators: affine.operators })
    }
}

/// `value = pixel * scale + shift` for each channel of the input.
#[derive(Debug)]
struct Affine {
    scale: [f32; 3],
    shift: [f32; 3],
    operators: Vec<String>,
}

impl Affine {
    /// Follows the input through what changes values one by one, up to the first other operator.
    fn behind(index: &Index<'_>, input: &ImageInput) -> Self {
        let mut affine = Self { scale: [1.0; 3], shift: [0.0; 3], operators: Vec::new() };
        let mut axis = if input.layout == Layout::Nchw { 1 } else { 3 };
        let mut order = [0, 1, 2];
        let mut tensor = input.name.as_str();
        while let Some(node) = only_taker_of_values(index, tensor) {
            match node.op_type.as_str() {
                "Cast" | "Identity" | "Resize" | "Dropout" | "Pad" => {}
                // Between these the values are what they were, as far as their steps are fine.
                "QuantizeLinear" | "DequantizeLinear" if input.element != DataType::Uint8 => {}
                "Transpose" => {
                    let Some(perm) = ints_attribute(node, "perm") else { break };
                    let Some(moved) = perm.iter().position(|&from| from == axis as i64) else { break };
                    axis = moved;
                }
                "Gather" | "Slice" if reverses(index, node, axis) => order.reverse(),
                _ => {
                    let Some((scale, shift)) = factors(index, node, tensor, axis) else { break };
                    for (channel, &at) in order.iter().enumerate() {
                        affine.scale[at] *= scale[channel];
                        affine.shift[at] = affine.shift[at] * scale[channel] + shift[channel];
                    }
                    affine.operators.push(node.op_type.clone());
                }
            }
            let Some(output) = node.output.first() else { break };
            tensor = output;
        }
        affine
    }

    /// What is subtracted from each channel, in the input's own scale.
    fn means(&self) -> [f32; 3] {
        std::array::from_fn(|c| -self.shift[c] / self.scale[c])
    }

    /// Networks are trained on values of a few units, from pixels of 0 to 255, 0 to 1 or -1 to 1.
    fn pixels(&self) -> Option<(f32, f32)> {
        const BYTES: (f32, f32) = (0.0, 255.0);
        const UNIT: (f32, f32) = (0.0, 1.0);
        let all = |holds: &dyn Fn(f32, f32) -> bool| (0..3).all(|c| holds(self.scale[c], self.means()[c]));
        if !self.scale.iter().chain(&self.shift).all(|value| value.is_finite()) {
            return None;
        }
        let few_units = 0.4..40.0;
        let changes = |scale: f32, mean: f32| (scale - 1.0).abs() > 0.3 || mean.abs() > 0.2;
        match () {
            () if all(&|scale, _| few_units.contains(&(255.0 * scale))) => Some(BYTES),
            // A mean of bytes, without a scale.
            () if all(&|scale, mean| few_units.contains(&scale) && mean > 4.0) => Some(BYTES),
            () if all(&|scale, mean| scale >= 40.0 && (-1.2..-0.8).contains(&mean)) => Some((-1.0, 1.0)),
            () if all(&|scale, _| scale >= 0.4) && (0..3).any(|c| changes(self.scale[c], self.means()[c])) => {
                Some(UNIT)
            }
            () => None,
        }
    }

    fn has_means_blue_first(&self) -> bool {
        const BLUE_FIRST: [f32; 3] = [103.9, 116.8, 123.7];
        let means = self.means();
        let near = |scale: f32| (0..3).all(|c| (means[c] * scale - BLUE_FIRST[c]).abs() < 3.0);
        near(1.0) || near(255.0)
    }
}

/// The one node that takes the values of `tensor`; its size may go elsewhere.
fn only_taker_of_values<'a>(index: &Index<'a>, tensor: &str) -> Option<&'a pb::NodeProto> {
    let mut takers = index.takers(tensor).filter(|node| !matches!(node.op_type.as_str(), "Shape" | "Size"));
    takers.next().filter(|_| takers.next().is_none())
}

/// Whether `node` turns red, green, blue into blue, green, red.
fn reverses(index: &Index<'_>, node: &pb::NodeProto, axis: usize) -> bool {
    let input = |position: usize| integers(index, node.input.get(position)?);
    let is_axis = |at: i64| at == axis as i64 || at + 4 == axis as i64;
    match node.op_type.as_str() {
        "Gather" => {
            int_attribute(node, "axis").is_some_and(is_axis) && input(1).is_some_and(|order| order == [2, 1, 0])
        }
        _ => {
            input(3).is_some_and(|axes| axes.len() == 1 && is_axis(axes[0]))
                && input(4).is_some_and(|steps| steps == [-1])
        }
    }
}

/// Scale and shift for each channel that `node` applies to `tensor`; `None` where it does something else.
fn factors(index: &Index<'_>, node: &pb::NodeProto, tensor: &str, axis: usize) -> Option<([f32; 3], [f32; 3])> {
    if node.op_type == "BatchNormalization" && axis == 1 {
        let value = |position: usize| by_channel(index, node.input.get(position)?, None);
        let [gain, bias, mean, variance] = [value(1)?, value(2)?, value(3)?, value(4)?];
        let epsilon = attribute(node, "epsilon").map_or(1e-5, |epsilon| epsilon.f);
        let scale: [f32; 3] = std::array::from_fn(|c| gain[c] / (variance[c] + epsilon).sqrt());
        return Some((scale, std::array::from_fn(|c| bias[c] - mean[c] * scale[c])));
    }
    let [first, second] = node.input.as_slice() else { return None };
    let (other, first_is_data) = if first == tensor { (second, true) } else { (first, false) };
    let value = by_channel(index, other, Some(axis))?;
    match (node.op_type.as_str(), first_is_data) {
        ("Mul", _) => Some((value, [0.0; 3])),
        ("Div", true) => Some((value.map(|value| 1.0 / value), [0.0; 3])),
        ("Add", _) => Some(([1.0; 3], value)),
        ("Sub", true) => Some(([1.0; 3], value.map(|value| -value))),
        _ => None,
    }
}

/// The values of a constant for the three channels; the mean over places where it has one for each of them.
///
/// `axis` is that of the channels in a tensor of four dimensions; `None`: the constant's only one.
fn by_channel(index: &Index<'_>, name: &str, axis: Option<usize>) -> Option<[f32; 3]> {
    let constant = numbers(index, name)?;
    if constant.values.len() == 1 {
        return Some([constant.values[0]; 3]);
    }
    let own_axis = match axis {
        Some(axis) => (axis + constant.dims.len()).checked_sub(4)?,
        None => 0,
    };
    if constant.dims.get(own_axis) != Some(&3) {
        return None;
    }
    let inner: usize = constant.dims[own_axis + 1..].iter().product();
    let mut sums = [0.0_f64; 3];
    constant.values.iter().enumerate().for_each(|(at, &value)| sums[at / inner.max(1) % 3] += f64::from(value));
    let each = constant.values.len() as f64 / 3.0;
    Some(sums.map(|sum| (sum / each) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(scale: [f32; 3], shift: [f32; 3]) -> Option<(f32, f32)> {
        Affine { scale, shift, operators: Vec::new() }.pixels()
    }

    #[test]
    fn the_range_that_ends_at_a_few_units_is_the_one_that_was_meant() {
        let (bytes, unit) = (Some((0.0, 255.0)), Some((0.0, 1.0)));
        assert_eq!(pixels([1.0 / 255.0; 3], [0.0; 3]), bytes);
        assert_eq!(pixels([1.0 / 127.5; 3], [-1.0; 3]), bytes);
        assert_eq!(pixels([0.017, 0.0175, 0.0174], [-2.1, -2.0, -1.8]), bytes);
        assert_eq!(pixels([1.0; 3], [-103.9, -116.8, -123.7]), bytes);
        assert_eq!(pixels([4.37, 4.46, 4.44], [-2.1, -2.0, -1.8]), unit);
        assert_eq!(pixels([2.0; 3], [-1.0; 3]), unit);
        assert_eq!(pixels([255.0; 3], [0.0; 3]), unit);
        assert_eq!(pixels([127.5; 3], [127.5; 3]), Some((-1.0, 1.0)));
        assert_eq!(pixels([1.0; 3], [0.0; 3]), None);
        assert_eq!(pixels([1.1, 0.9, 1.0], [0.1, 0.0, -0.1]), None, "a normalisation of what is normalised");
    }

    #[test]
    fn means_with_blue_first_tell_the_order_of_the_channels() {
        let affine = |means: [f32; 3], scale: f32| Affine {
            scale: [scale; 3],
            shift: means.map(|mean| -mean * scale),
            operators: Vec::new(),
        };
        assert!(affine([104.0, 117.0, 123.0], 1.0).has_means_blue_first());
        assert!(affine([0.406, 0.456, 0.485], 4.0).has_means_blue_first());
        assert!(!affine([123.7, 116.3, 103.5], 1.0).has_means_blue_first());
    }
}
