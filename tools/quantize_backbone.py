#!/usr/bin/env python3
"""Makes a static int8 (QDQ) package of a float package, calibrated on a folder of pictures.

    python tools/quantize_backbone.py packages/resnet18 --calibration photos/ --out packages/resnet18-int8

Weights become int8 per channel, activations int8 by what the calibration pictures show. Reports how well the features
agree with the float network's: cosine similarity and relative difference on pictures that took no part in the
calibration (every fourth). Golden vectors are computed anew. Without --calibration it draws its own pictures, which is
good for a trial and nothing else. Install with: pip install -r tools/requirements-export.txt
"""

import argparse
import hashlib
import pathlib
import re
import shutil
import sys
import tempfile
import tomllib

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from safetensors.numpy import save_file

sys.path.append(str(pathlib.Path(__file__).resolve().parent))
from export_backbone import golden_images, preprocessed  # noqa: E402

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


class Pictures(CalibrationDataReader):
    """Feeds preprocessed pictures one at a time."""

    def __init__(self, name, batches):
        self.feeds = iter([{name: batch[None]} for batch in batches])

    def get_next(self):
        return next(self.feeds, None)


def read_pictures(folder, limit, size):
    if folder is None:
        random = np.random.default_rng(0)
        drawn = golden_images(size)
        noisy = lambda picture: np.clip(picture + random.normal(0, 40, picture.shape), 0, 255).astype(np.uint8)
        return [noisy(drawn[i % len(drawn)]) for i in range(min(limit, 24))]
    from PIL import Image

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    files = files[:: max(1, len(files) // limit)][:limit]
    if len(files) < 8:
        sys.exit(f"error: expected at least 8 pictures in {folder}, got {len(files)}")
    return [np.asarray(Image.open(path).convert("RGB")) for path in files]


def run(path, name, output, batches):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rows = [session.run([output], {name: batch[None]})[0] for batch in batches]
    return np.concatenate(rows)


def pooled(values, kind):
    axes = {"map": (2, 3), "map-nhwc": (1, 2), "tokens-mean": (1,)}
    if kind in axes:
        return values.mean(axes[kind])
    return values[:, 0] if kind == "tokens-class" else values.reshape(len(values), -1)


def agreement(float_rows, int8_rows):
    cosine = (float_rows * int8_rows).sum(1) / (
        np.linalg.norm(float_rows, axis=1) * np.linalg.norm(int8_rows, axis=1) + 1e-12
    )
    relative = np.linalg.norm(float_rows - int8_rows, axis=1) / (np.linalg.norm(float_rows, axis=1) + 1e-12)
    return cosine, relative


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=pathlib.Path)
    parser.add_argument("--calibration", type=pathlib.Path, help="a folder of pictures like those of its use")
    parser.add_argument("--limit", type=int, default=128, help="pictures at most")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    text = (arguments.package / "manifest.toml").read_text()
    manifest = tomllib.loads(text)
    preprocess = {"background": [0, 0, 0], "filter": "bilinear", "channels": "rgb", **manifest["preprocess"]}
    if preprocess["resize"] != "shortest-side" or preprocess["channels"] != "rgb":
        sys.exit("error: expected a package with resize = \"shortest-side\" and channels = \"rgb\"")
    pictures = read_pictures(arguments.calibration, arguments.limit, preprocess["width"])
    batches = [preprocessed(picture, preprocess) for picture in pictures]
    held_out, calibration = batches[::4], [batch for i, batch in enumerate(batches) if i % 4]
    source = arguments.package / manifest["onnx"]["file"]
    name, output, kind = manifest["onnx"]["input"], manifest["feature"]["output"], manifest["feature"]["kind"]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    new = pathlib.Path(tempfile.mkdtemp(dir=arguments.out.parent, prefix=".tmp-"))
    prepared, target = new / "prepared.onnx", new / "backbone.onnx"
    quant_pre_process(str(source), str(prepared))
    quantize_static(str(prepared), str(target), Pictures(name, calibration), quant_format=QuantFormat.QDQ,
                    per_channel=True, weight_type=QuantType.QInt8, activation_type=QuantType.QInt8)
    prepared.unlink()
    cosine, relative = agreement(*(pooled(run(path, name, output, held_out), kind) for path in (source, target)))
    pictures = golden_images(preprocess["width"])
    values = run(target, name, output, [preprocessed(picture, preprocess) for picture in pictures])
    golden = {f"image_{i}": picture for i, picture in enumerate(pictures)}
    save_file({**golden, "features": pooled(values, kind).astype(np.float32)}, new / "golden.safetensors")
    for part in ("classifier.safetensors", "labels.txt"):
        if (arguments.package / part).exists():
            shutil.copy(arguments.package / part, new / part)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    text = re.sub(r'(?m)^sha256 = ".*"$', f'sha256 = "{digest}"', text)
    text = re.sub(r'(?m)^file = ".*"$', 'file = "backbone.onnx"', text)
    text = re.sub(r'(?m)^name = "(.*)"$', r'name = "\1-int8"', text, count=1)
    (new / "manifest.toml").write_text(text)
    new.chmod(0o755)
    if arguments.out.exists():
        shutil.rmtree(arguments.out)
    new.rename(arguments.out)
    sizes = source.stat().st_size / (arguments.out / "backbone.onnx").stat().st_size
    print(f"{arguments.out}: {sizes:.1f} times smaller; on {len(held_out)} held-out pictures cosine "
          f"{cosine.mean():.4f} (lowest {cosine.min():.4f}), relative difference {relative.mean():.3f}")


if __name__ == "__main__":
    main()
