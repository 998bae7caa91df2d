"""Writes a backbone package from a checkpoint: `backbone.onnx`, `manifest.toml`, `golden.safetensors`.

    export.py --checkpoint run/checkpoint.pt --out models/edgetl-tiny

BatchNorm is folded into the convolutions. Weights are stored as float16 behind a Cast, so every engine computes in
float32 from the same rounded numbers.
"""

import argparse
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

import data
import probe
from network import Backbone, load_backbone
from train import INPUT_SIZE

NAME = "edgetl-tiny"
INPUT, OUTPUT = "input", "feature_map"
GOLDEN_SHAPES = ((150, 110), (90, 200), (131, 97), (64, 120))

MANIFEST = """\
format = 1
name = "{name}"
licence = "weights trained on ImageNet-derived research data; see MODEL_CARD.md"
source = "tools/train_backbone"

[onnx]
file = "backbone.onnx"
sha256 = "{sha256}"
input = "{input}"

[preprocess]
width = {size}
height = {size}
resize = "shortest-side"
shortest_side = {shortest}
filter = "bilinear"
channels = "rgb"
range = 255.0
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
background = [0, 0, 0]

[feature]
output = "{output}"
kind = "map"
dim = {dim}
"""


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


def draw(number: int, width: int, height: int) -> np.ndarray:
    """A seeded picture of soft gradients, a few shapes and some texture; uint8 [height, width, 3]."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin(rng.uniform(4, 40) * x + rng.uniform(4, 40) * y + rng.uniform(0, 6)) for _ in range(3)]
    ground = 128 + 60 * np.stack(waves, 2) * (0.4 + 0.6 * x[..., None]) + rng.normal(0, 6, (height, width, 3))
    picture = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(5):
        left, top = rng.integers(0, width), rng.integers(0, height)
        box = [int(left), int(top), int(left + rng.integers(10, width)), int(top + rng.integers(10, height))]
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape(box, fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return np.asarray(picture)


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """U8 and F32 tensors in the safetensors format, names in sorted order."""
    kinds = {np.dtype(np.uint8): "U8", np.dtype(np.float32): "F32"}
    header, offset, body = {}, 0, b""
    for name in sorted(tensors, key=lambda n: (tensors[n].dtype != np.float32, n)):
        array = np.ascontiguousarray(tensors[name])
        end = offset + array.nbytes
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset, body = end, body + array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    backbone = load_backbone(arguments.checkpoint)
    path = arguments.out / "backbone.onnx"
    path.write_bytes(build(backbone, INPUT_SIZE).SerializeToString())

    extract = probe.onnx_features(path)
    images = [draw(number, width, height) for number, (height, width) in enumerate(GOLDEN_SHAPES)]
    inputs = data.normalise(np.stack([data.preprocess(Image.fromarray(i), INPUT_SIZE) for i in images]))
    features = extract(inputs)
    difference = np.abs(features - probe.torch_features(backbone)(inputs)).max()
    golden = {f"image_{number}": image for number, image in enumerate(images)} | {"features": features}
    write_safetensors(arguments.out / "golden.safetensors", golden)

    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = MANIFEST.format(name=NAME, sha256=sha256, input=INPUT, size=INPUT_SIZE, output=OUTPUT,
                               shortest=data.shortest_side(INPUT_SIZE), dim=features.shape[1])
    (arguments.out / "manifest.toml").write_text(manifest)
    print(f"{path}: {path.stat().st_size} bytes, sha256 {sha256}")
    print(f"features up to {features.max():.3f}, float16 storage moves them by at most {difference:.5f}")


if __name__ == "__main__":
    main()
