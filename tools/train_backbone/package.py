"""Writes the manifest and the golden vectors of a backbone package from its `backbone.onnx`, which stays as it is.

    package.py ../../models/edgetl-tiny

The feature is the last map and, beside it, the map before the last stride; both are averaged. `export.py` ends with this.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageDraw

import data

NAME = "edgetl-tiny"
INPUT, OUTPUT = "input", "feature_map"
GOLDEN_SHAPES = ((150, 110), (90, 200), (131, 97), (64, 120))
SIZE = 128

MANIFEST = """\
format = 2
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

[[feature.taps]]
output = "{tap}"
kind = "map"
dim = {tap_dim}
"""


def before_last_stride(model: onnx.ModelProto) -> str:
    """The tensor that the last convolution of stride 2 takes."""
    strided = [node for node in model.graph.node if node.op_type == "Conv"
               and any(a.name == "strides" and list(a.ints) == [2, 2] for a in node.attribute)]
    return strided[-1].input[0]


def features(path: Path, outputs: list[str], inputs: np.ndarray) -> list[np.ndarray]:
    """The means of maps over their places, float32 [N, C] each."""
    model = onnx.load(path)
    known = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in outputs if name not in known)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [values.mean(axis=(2, 3)) for values in session.run(outputs, {INPUT: inputs})]


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


def write(folder: Path) -> np.ndarray:
    """`manifest.toml` and `golden.safetensors` beside `backbone.onnx`; gives the golden features."""
    path = folder / "backbone.onnx"
    tap = before_last_stride(onnx.load(path))
    images = [draw(number, width, height) for number, (height, width) in enumerate(GOLDEN_SHAPES)]
    inputs = data.normalise(np.stack([data.preprocess(Image.fromarray(i), SIZE) for i in images]))
    last, earlier = features(path, [OUTPUT, tap], inputs)
    both = np.concatenate([last, earlier], axis=1)
    golden = {f"image_{number}": image for number, image in enumerate(images)} | {"features": both}
    write_safetensors(folder / "golden.safetensors", golden)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = MANIFEST.format(name=NAME, sha256=sha256, input=INPUT, size=SIZE, output=OUTPUT,
                               shortest=data.shortest_side(SIZE), dim=last.shape[1], tap=tap, tap_dim=earlier.shape[1])
    (folder / "manifest.toml").write_text(manifest)
    print(f"{path}: {path.stat().st_size} bytes, sha256 {sha256}, {last.shape[1]} + {earlier.shape[1]} features")
    return both


if __name__ == "__main__":
    write(Path(sys.argv[1]))
