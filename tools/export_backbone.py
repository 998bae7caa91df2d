#!/usr/bin/env python3
"""Exports a torchvision or timm model by name: as a backbone package, or as a whole classifier for `backbone import`.

    python tools/export_backbone.py resnet18 --weights pretrained --out packages/resnet18
    python tools/export_backbone.py vit_tiny_patch16_224 --library timm --weights none --out packages/vit_tiny
    python tools/export_backbone.py mobilenet_v2 --weights my.pt --classifier --out mobilenet_v2.onnx

The package holds the trunk with two outputs, `feature` and, where the network has a spatial map, `feature_map`; its
preprocessing is what the library evaluates the model with; golden vectors and the classifier's rows travel along. The
exported file is run with onnxruntime and must agree with PyTorch within 1e-3 of the largest value, or nothing is kept.

`--weights` is `pretrained` (the library downloads its own), `none` (seeded random) or a file with a state dictionary.
Install with: pip install -r tools/requirements-export.txt
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import save_file

TOLERANCE = 1e-3


def model_and_preprocess(name, library, weights, seed):
    """The model in evaluation mode, its preprocessing, its licence's home and its labels."""
    torch.manual_seed(seed)
    if library == "auto":
        import torchvision

        library = "torchvision" if name in torchvision.models.list_models(torchvision.models) else "timm"
    load = {"torchvision": load_torchvision, "timm": load_timm}[library]
    model, preprocess, labels = load(name, weights == "pretrained")
    if weights not in ("pretrained", "none"):
        state = torch.load(weights, map_location="cpu", weights_only=True)
        model.load_state_dict(state.get("state_dict", state))
    return model.eval(), preprocess, labels, library


def load_torchvision(name, pretrained):
    import torchvision

    weights = torchvision.models.get_model_weights(name).DEFAULT
    model = torchvision.models.get_model(name, weights=weights if pretrained else None)
    transforms = weights.transforms()
    preprocess = preprocessing(
        size=transforms.crop_size[0],
        shortest_side=transforms.resize_size[0],
        bicubic="bicubic" in str(transforms.interpolation),
        mean=transforms.mean,
        std=transforms.std,
    )
    return model, preprocess, list(weights.meta["categories"])


def load_timm(name, pretrained):
    import timm

    model = timm.create_model(name, pretrained=pretrained)
    data = timm.data.resolve_model_data_config(model)
    size = data["input_size"][1]
    preprocess = preprocessing(
        size=size,
        shortest_side=int(size / data["crop_pct"]),
        bicubic=data["interpolation"] == "bicubic",
        mean=data["mean"],
        std=data["std"],
    )
    return model, preprocess, []


def preprocessing(size, shortest_side, bicubic, mean, std):
    """The `[preprocess]` section of a manifest."""
    return {
        "width": size,
        "height": size,
        "resize": "shortest-side",
        "shortest_side": max(size, shortest_side),
        "filter": "bicubic" if bicubic else "bilinear",
        "channels": "rgb",
        "range": 1.0,
        "mean": [float(value) for value in mean],
        "std": [float(value) for value in std],
        "background": [0, 0, 0],
    }


class Trunk(torch.nn.Module):
    """A classifier without its head: the pooled feature and, where there is one, the map [N,C,h,w] before pooling."""

    def __init__(self, model, library):
        super().__init__()
        self.model, self.library = model, library

    def forward(self, x):
        return self.timm(x) if self.library == "timm" else self.torchvision(x)

    def timm(self, x):
        tokens = self.model.forward_features(x)
        feature = self.model.forward_head(tokens, pre_logits=True)
        while feature.dim() > 2:
            feature = feature.mean(-1)
        return (feature, tokens) if tokens.dim() == 4 and tokens.shape[1] == feature.shape[1] else (feature,)

    def torchvision(self, x):
        model, kind = self.model, type(self.model).__name__
        if kind == "VisionTransformer":
            x = model._process_input(x)
            x = torch.cat([model.class_token.expand(x.shape[0], -1, -1), x], dim=1)
            return (model.encoder(x)[:, 0],)
        if kind == "SwinTransformer":
            x = model.permute(model.norm(model.features(x)))
        elif kind == "ResNet":
            x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
            x = model.layer4(model.layer3(model.layer2(model.layer1(x))))
        else:
            x = model.features(x)
        if kind == "ConvNeXt":
            return model.classifier[0](model.avgpool(x)).flatten(1), x
        return x.mean((2, 3)), x


def classifier_rows(model, dim):
    """Weight [K,dim] and bias [K] of the layer that scores, where it takes the feature itself."""
    for module in reversed(list(model.modules())):
        weight = getattr(module, "weight", None)
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            weight = weight.detach().reshape(weight.shape[0], -1)
            if weight.shape[1] != dim:
                return None
            bias = torch.zeros(len(weight)) if module.bias is None else module.bias.detach()
            return {"weight": weight.numpy().copy(), "bias": bias.numpy().copy()}
    return None


def export(module, path, names, size, opset=17, dynamo=False):
    """Writes `module` with a free batch; its first input is `image`."""
    example = torch.zeros(2, 3, size, size)
    arguments = {"input_names": ["image"], "output_names": names, "opset_version": opset}
    with torch.no_grad():
        if dynamo:
            shapes = ({0: torch.export.Dim("batch")},)
            torch.onnx.export(module, (example,), str(path), dynamo=True, dynamic_shapes=shapes, verbose=False,
                              external_data=False, **{**arguments, "opset_version": max(opset, 18)})
        else:
            axes = {name: {0: "batch"} for name in ["image", *names]}
            torch.onnx.export(module, (example,), str(path), dynamo=False, dynamic_axes=axes, **arguments)


def images(count, size):
    """Deterministic inputs, the same formula as in the Rust tests: [N,3,size,size]."""
    n, c, y, x = np.meshgrid(*map(np.arange, (count, 3, size, size)), indexing="ij")
    return (((n * 31 + c * 7 + y * 5 + x * 3) % 17) / 8 - 1).astype(np.float32)


def agree(module, path, size):
    """Runs both on two images; the largest difference relative to the largest value."""
    batch = images(2, size)
    with torch.no_grad():
        wanted = module(torch.from_numpy(batch))
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(None, {"image": batch})
    difference = lambda got, wanted: float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-30))
    return max(difference(got, wanted.numpy()) for got, wanted in zip(got, wanted)), got


def golden_images(size):
    """Three drawn pictures, not square: a gradient, a disc, stripes."""
    height, width = size + 32, size + 64
    y, x = np.mgrid[:height, :width]
    gradient = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1)
    inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (size / 3) ** 2
    disc = np.where(inside[..., None], [220, 60, 40], [30, 120, 60])
    stripes = np.where(((x // 9 + y // 17) % 2)[..., None] == 0, [250, 240, 90], [20, 30, 160])
    return [np.ascontiguousarray(picture.astype(np.uint8)) for picture in (gradient, disc, stripes)]


def preprocessed(picture, preprocess):
    """What the runtime does with a picture: resize, centre crop, normalise; Pillow is the reference."""
    from PIL import Image

    image = Image.fromarray(picture)
    scale = preprocess["shortest_side"] / min(image.size)
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    size = tuple(max(1, int(side * scale)) for side in image.size)
    image = image.resize(size, filters[preprocess["filter"]])
    left, top = ((have - want) // 2 for have, want in zip(image.size, (preprocess["width"], preprocess["height"])))
    image = image.crop((left, top, left + preprocess["width"], top + preprocess["height"]))
    values = np.asarray(image, np.float32) / 255 * preprocess["range"]
    return ((values - preprocess["mean"]) / preprocess["std"]).astype(np.float32).transpose(2, 0, 1)


def golden(path, preprocess):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    pictures = golden_images(preprocess["width"])
    batch = np.stack([preprocessed(picture, preprocess) for picture in pictures])
    tensors = {f"image_{i}": picture for i, picture in enumerate(pictures)}
    return {**tensors, "features": session.run(["feature"], {"image": batch})[0]}


def toml(value):
    return json.dumps(value)


def manifest(name, preprocess, digest, feature, source):
    lines = ["format = 1", f"name = {toml(name)}", f"source = {toml(source)}", "", "[onnx]"]
    lines += ['file = "backbone.onnx"', f'sha256 = "{digest}"', 'input = "image"', "", "[preprocess]"]
    lines += [f"{key} = {toml(value)}" for key, value in preprocess.items()]
    lines += ["", "[feature]"] + [f"{key} = {toml(value)}" for key, value in feature.items()]
    return "\n".join(lines) + "\n"


def write_package(folder, name, parts):
    """Every file in a new folder beside it, then a rename."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix=".tmp-"))
    model, preprocess, labels, library = parts
    trunk, size = Trunk(model, library).eval(), preprocess["width"]
    with torch.no_grad():
        outputs = trunk(torch.from_numpy(images(2, size)))
    names = ["feature", "feature_map"][: len(outputs)]
    path = new / "backbone.onnx"
    export(trunk, path, names, size)
    difference, got = agree(trunk, path, size)
    if difference > TOLERANCE:
        shutil.rmtree(new)
        sys.exit(f"error: the exported file differs from PyTorch by {difference:.2g} of the largest value")
    dim = outputs[0].shape[1]
    pooled = len(got) > 1 and np.allclose(got[1].mean((2, 3)), got[0], rtol=1e-4, atol=1e-5)
    feature = {"output": "feature_map", "kind": "map", "dim": dim} if pooled else {
        "output": "feature", "kind": "vector", "dim": dim, **({"map": "feature_map"} if len(got) > 1 else {})}
    save_file(golden(path, preprocess), new / "golden.safetensors")
    rows = classifier_rows(model, dim)
    if rows is not None:
        save_file(rows, new / "classifier.safetensors")
        if len(labels) == len(rows["bias"]):
            (new / "labels.txt").write_text("\n".join(labels) + "\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    source = f"{library} {name}"
    (new / "manifest.toml").write_text(manifest(name, preprocess, digest, feature, source))
    new.chmod(0o755)
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)
    print(f"{folder}: {dim} features, {feature['kind']}, differs from PyTorch by {difference:.2g} of the largest value")


def write_classifier(path, parts, dynamo=False):
    """The whole model with its preprocessing and labels in `metadata_props`."""
    model, preprocess, labels, _ = parts
    export(model, path, ["logits"], preprocess["width"], dynamo=dynamo)
    written = onnx.load(path)
    entries = {"edgetl.preprocess": json.dumps(preprocess)}
    if labels:
        entries["edgetl.labels"] = json.dumps(labels)
    onnx.helper.set_model_props(written, entries)
    onnx.save(written, path)
    difference, _ = agree(model, path, preprocess["width"])
    if difference > TOLERANCE:
        sys.exit(f"error: the exported file differs from PyTorch by {difference:.2g} of the largest value")
    print(f"{path}: differs from PyTorch by {difference:.2g} of the largest value")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a name that torchvision or timm knows")
    parser.add_argument("--library", choices=["auto", "torchvision", "timm"], default="auto")
    parser.add_argument("--weights", default="pretrained", help="pretrained, none, or a file with a state dictionary")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    parser.add_argument("--classifier", action="store_true", help="the whole classifier as one ONNX file")
    parser.add_argument("--dynamo", action="store_true", help="PyTorch's newer exporter, for --classifier")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    parts = model_and_preprocess(arguments.model, arguments.library, arguments.weights, arguments.seed)
    if arguments.classifier:
        write_classifier(arguments.out, parts, arguments.dynamo)
    else:
        write_package(arguments.out, arguments.model, parts)


if __name__ == "__main__":
    main()
