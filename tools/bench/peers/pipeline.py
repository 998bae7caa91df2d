"""What a Python user would write: Pillow and onnxruntime, one picture after another."""

from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def session(model, threads):
    """`threads` of 0 leaves the choice to ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def preprocess(path, shortest, size):
    """`[3,size,size]`: shortest side, centre crop, x / 127.5 - 1."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    scale = shortest / min(image.size)
    image = image.resize([max(shortest, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    image = image.crop((left, top, left + size, top + size))
    return (np.asarray(image, np.float32) / 127.5 - 1).transpose(2, 0, 1)


def features(network, batch):
    """`[N,C]`."""
    pooled = network.run(None, {network.get_inputs()[0].name: np.stack(batch)})[0]
    return pooled.reshape(len(batch), -1)


def photographs(folder):
    suffixes = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"}
    return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes)
