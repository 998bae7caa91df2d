#!/usr/bin/env python3
"""Exports the zoo: every family once, seeded random weights, by both of PyTorch's exporters where they can.

    python tools/zoo/export_zoo.py /tmp/zoo
    EDGETL_ZOO=/tmp/zoo cargo test --release --test it -- --nocapture zoo

For each network NAME.onnx (TorchScript exporter) and NAME.dynamo.onnx, and NAME.json with the feature that PyTorch
computes for two fixed images. Random weights leave batch normalisation at its initial statistics; that is all the
same to a comparison of engines. Needs tools/requirements-export.txt and about 3 GB of disk.
"""

import argparse
import json
import pathlib
import sys
import time
import traceback

import numpy as np
import torch

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from export_backbone import Trunk, agree, export, images, model_and_preprocess  # noqa: E402

# Name, library, dimension of the documented feature.
ZOO = [
    ("alexnet", "torchvision", 256),
    ("vgg16", "torchvision", 512),
    ("resnet18", "torchvision", 512),
    ("resnet50", "torchvision", 2048),
    ("squeezenet1_1", "torchvision", 512),
    ("mobilenet_v2", "torchvision", 1280),
    ("mobilenet_v3_small", "torchvision", 576),
    ("mobilenet_v3_large", "torchvision", 960),
    ("efficientnet_b0", "torchvision", 1280),
    ("efficientnet_v2_s", "torchvision", 1280),
    ("convnext_tiny", "torchvision", 768),
    ("vit_tiny_patch16_224", "timm", 192),
    ("deit_tiny_patch16_224", "timm", 192),
    ("swin_v2_t", "torchvision", 768),
    ("coatnet_nano_rw_224", "timm", 512),
    ("clip_tower", "own", 192),
]
SIZE = 224


class ClipTower(torch.nn.Module):
    """An image tower as CLIP has it: the class token, then the norm, then a projection, then unit length."""

    def __init__(self):
        super().__init__()
        import timm

        self.trunk = timm.create_model("vit_tiny_patch16_224", pre_norm=True, num_classes=0)
        self.trunk.norm = torch.nn.Identity()
        self.post = torch.nn.LayerNorm(192)
        self.projection = torch.nn.Parameter(torch.randn(192, 128) / 14)

    def feature(self, x):
        return self.post(self.trunk.forward_features(x)[:, 0])

    def forward(self, x):
        embedding = self.feature(x) @ self.projection
        return embedding / embedding.norm(dim=-1, keepdim=True)


def network(name, library):
    """The classifier and a function that gives its documented feature."""
    if library == "own":
        torch.manual_seed(0)
        tower = ClipTower().eval()
        return tower, tower.feature
    model, _, _, _ = model_and_preprocess(name, library, "none", 0)
    trunk = Trunk(model, library)
    return model, lambda x: trunk(x)[0]


def export_one(folder, name, library, dim):
    model, feature = network(name, library)
    with torch.no_grad():
        features = feature(torch.from_numpy(images(2, SIZE))).numpy()
    if features.shape != (2, dim):
        raise SystemExit(f"{name}: expected a feature of {dim}, PyTorch gives {features.shape}")
    (folder / f"{name}.json").write_text(json.dumps({"dim": dim, "features": features.astype(float).tolist()}))
    for suffix, dynamo in (("", False), (".dynamo", True)):
        path, start = folder / f"{name}{suffix}.onnx", time.time()
        if path.exists():
            continue
        try:
            export(model, path, ["logits"], SIZE, dynamo=dynamo)
            difference, _ = agree(model, path, SIZE)
            print(f"{path.name}: {path.stat().st_size >> 20} MB, {difference:.1g}, {time.time() - start:.0f} s", flush=True)
        except Exception:  # an exporter that cannot is part of the result
            path.unlink(missing_ok=True)
            print(f"{path.name}: not exported\n{traceback.format_exc(limit=1)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", nargs="*", help="names out of the zoo")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, library, dim in ZOO:
        if not arguments.only or name in arguments.only:
            export_one(arguments.folder, name, library, dim)


if __name__ == "__main__":
    main()
