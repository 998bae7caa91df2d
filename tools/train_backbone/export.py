"""Writes a backbone package from a checkpoint: `backbone.onnx`, `manifest.toml`, `golden.safetensors`.

    export.py --checkpoint run/checkpoint.pt --out models/edgetl-tiny

BatchNorm is folded into the convolutions. Weights are stored as float16 behind a Cast, so every engine computes in
float32 from the same rounded numbers.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import data
import package
import probe
from network import Backbone, load_backbone
from package import INPUT, NAME, OUTPUT
from train import INPUT_SIZE


def fold(pair: torch.nn.Sequential) -> tuple[np.ndarray, np.ndarray]:
    """Weight [O, I, k, k] and bias [O] of one convolution that equals convolution plus BatchNorm."""
    convolution, norm = pair
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = convolution.weight * scale[:, None, None, None]
    bias = norm.bias - norm.running_mean * scale
    return weight.detach().numpy(), bias.detach().numpy()


class Graph:
    """Collects nodes and initialisers; each method returns the name of its output."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def convolution(self, name: str, x: str, pair: torch.nn.Sequential) -> str:
        weight, bias = fold(pair)
        convolution = pair[0]
        self.initializers.append(numpy_helper.from_array(weight.astype(np.float16), f"{name}.weight.f16"))
        self.initializers.append(numpy_helper.from_array(bias.astype(np.float32), f"{name}.bias"))
        cast = helper.make_node("Cast", [f"{name}.weight.f16"], [f"{name}.weight"], f"{name}.cast", to=TensorProto.FLOAT)
        padding = convolution.padding[0]
        inputs = [x, f"{name}.weight", f"{name}.bias"]
        self.nodes += [cast, helper.make_node("Conv", inputs, [name], f"{name}.conv",
                                              kernel_shape=list(convolution.kernel_size),
                                              strides=list(convolution.stride), pads=[padding] * 4)]
        return name

    def relu(self, x: str, output: str | None = None) -> str:
        output = output or f"{x}.relu"
        self.nodes.append(helper.make_node("Relu", [x], [output], f"{output}.op"))
        return output

    def add(self, a: str, b: str, output: str) -> str:
        self.nodes.append(helper.make_node("Add", [a, b], [output], f"{output}.op"))
        return output


def build(backbone: Backbone, size: int) -> onnx.ModelProto:
    graph = Graph()
    x = graph.relu(graph.convolution("stem", INPUT, backbone.stem))
    for number, block in enumerate(backbone.blocks):
        name = f"block{number}"
        y = graph.convolution(f"{name}.first", x, block.first)
        y = graph.convolution(f"{name}.second", graph.relu(y), block.second)
        if block.shortcut is not None:
            x = graph.convolution(f"{name}.shortcut", x, block.shortcut)
        x = graph.relu(graph.add(y, x, f"{name}.sum"))
    graph.relu(graph.convolution("last", x, backbone.last), OUTPUT)
    side, dim = -(-size // 16), backbone.last[0].out_channels
    value = helper.make_tensor_value_info
    proto = helper.make_graph(
        graph.nodes, NAME,
        [value(INPUT, TensorProto.FLOAT, ["N", 3, size, size])],
        [value(OUTPUT, TensorProto.FLOAT, ["N", dim, side, side])],
        graph.initializers,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], producer_name="edgetl")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    backbone = load_backbone(arguments.checkpoint)
    path = arguments.out / "backbone.onnx"
    path.write_bytes(build(backbone, INPUT_SIZE).SerializeToString())

    images = [package.draw(number, width, height) for number, (height, width) in enumerate(package.GOLDEN_SHAPES)]
    inputs = data.normalise(np.stack([data.preprocess(Image.fromarray(i), INPUT_SIZE) for i in images]))
    features = package.write(arguments.out)
    exact = probe.torch_features(backbone)(inputs)
    difference = np.abs(features[:, : exact.shape[1]] - exact).max()
    print(f"features up to {features.max():.3f}, float16 storage moves them by at most {difference:.5f}")


if __name__ == "__main__":
    main()
