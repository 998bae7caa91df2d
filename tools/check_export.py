#!/usr/bin/env python3
"""Compares `edgetl heads export` with `edgetl predict` on the same pixels, through Python's onnxruntime.

    python tools/check_export.py target/release/edgetl MODEL.onnx train/ held-out/ --preset inception --size 224

Imports MODEL.onnx into a fresh state directory, teaches a head on the folders of train/, exports backbone and head as
one ONNX file, and gives both the same pictures: a few of held-out/, spread over its folders, cropped to the size of the
input and kept as PNG, so that neither decoding nor resizing can differ. Unknown flags go to `edgetl backbone import`.
Fails when a probability differs by more than --tolerance. Needs numpy, pillow, onnxruntime, onnx.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from PIL import Image

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("edgetl", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("train", type=pathlib.Path)
    parser.add_argument("held_out", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=224, help="width and height of the input")
    parser.add_argument("--pictures", type=int, default=36)
    parser.add_argument("--provider", default="auto", help="the engine of `edgetl`")
    parser.add_argument("--head", default=None, help="the kind of head to fit")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    return parser.parse_known_args()


def edgetl(args, state, *words):
    """What the command prints, one value a line."""
    environment = os.environ | {"EDGETL_STATE": str(state), "EDGETL_PROVIDER": args.provider}
    command = [args.edgetl.resolve(), "-q", *words, "--json"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def crops(folder, count, size, into):
    """PNG files of `count` pictures, each exactly as large as the input."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    step = max(1, len(paths) // count)
    for index, path in enumerate(paths[::step][:count]):
        with Image.open(path) as image:
            image = image.convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BILINEAR)
        file = into / f"{index:03}.png"
        square.save(file)
        yield file


def main():
    args, import_flags = arguments()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        state, exported, pngs = folder / "state", folder / "whole.onnx", folder / "pictures"
        pngs.mkdir()
        size = ["--size", str(args.size), "--resize", str(args.size)]
        edgetl(args, state, "backbone", "import", str(args.model), *size, *import_flags)
        edgetl(args, state, "collect", str(args.train))
        edgetl(args, state, "fit-head", *(["--head", args.head] if args.head else []))
        edgetl(args, state, "heads", "export", "--onnx", str(exported))
        pictures = list(crops(args.held_out, args.pictures, args.size, pngs))

        session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
        properties = {entry.key: entry.value for entry in onnx.load(str(exported)).metadata_props}
        labels = json.loads(properties["edgetl.labels"])
        answers = edgetl(args, state, "predict", "--top", str(len(labels)), *map(str, pictures))
        worst, agree = 0.0, 0
        for picture, answer in zip(pictures, answers, strict=True):
            pixels = np.asarray(Image.open(picture), np.float32).transpose(2, 0, 1)[None]
            [scores] = session.run(None, {"image": pixels})
            ranked = {entry["label"]: entry["score"] for entry in answer["top"]}
            want = np.array([ranked[label] for label in labels])
            worst = max(worst, float(np.abs(scores[0] - want).max()))
            agree += int(scores[0].argmax() == want.argmax())
    print(f"{len(pictures)} pictures, {len(labels)} classes: largest difference {worst:.1e}, {agree} same first answers")
    return 0 if worst <= args.tolerance and agree == len(pictures) and pictures else 1


if __name__ == "__main__":
    sys.exit(main())
