"""Linear probe: how well a logistic regression on frozen features classifies photographs never trained on.

    probe.py --data DIR --onnx backbone.onnx --size 96        an exported backbone, on ONNX Runtime
    probe.py --data DIR --checkpoint run/checkpoint.pt        a checkpoint's averaged weights
    probe.py --data DIR --baselines [--size 96]               random weights, and 32x32 raw pixels

`DIR` holds `hymenoptera/{train,val}/<label>/` and `flowers12/{train,test}/<label>/`.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import data

SETS = {"hymenoptera": "val", "flowers12": "test"}
PENALTIES = (0.01, 0.1, 1.0)

Extract = Callable[[np.ndarray], np.ndarray]
Photographs = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


def load(folder: Path, size: int) -> Photographs:
    return {
        name: (*data.photographs(folder / name / "train", size), *data.photographs(folder / name / held_out, size))
        for name, held_out in SETS.items()
    }


def probe(extract: Extract, photographs: Photographs) -> dict[str, list[float]]:
    """Held-out accuracy for each of `PENALTIES`; `extract` maps float32 [N, 3, S, S] to [N, D]."""
    result = {}
    for name, (train, train_labels, test, test_labels) in photographs.items():
        scaler = StandardScaler()
        x = scaler.fit_transform(extract(data.normalise(train)))
        y = scaler.transform(extract(data.normalise(test)))
        fits = (LogisticRegression(C=c, max_iter=1000).fit(x, train_labels) for c in PENALTIES)
        result[name] = [float(fit.score(y, test_labels)) for fit in fits]
    return result


def show(result: dict[str, list[float]]) -> str:
    return "  ".join(f"{name} " + " / ".join(f"{a:.3f}" for a in scores) for name, scores in result.items())


def torch_features(backbone, device: str = "cpu") -> Extract:
    import torch

    def extract(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            batches = torch.from_numpy(x).split(64)
            return torch.cat([backbone(b.to(device)).mean((2, 3)).float().cpu() for b in batches]).numpy()

    return extract


def onnx_features(path: Path) -> Extract:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def extract(x: np.ndarray) -> np.ndarray:
        batches = np.array_split(x, max(1, len(x) // 32))
        return np.concatenate([session.run(None, {name: b})[0].mean((2, 3)) for b in batches])

    return extract


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, nargs="+", default=[96])
    parser.add_argument("--onnx", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--baselines", action="store_true")
    arguments = parser.parse_args()
    for size in arguments.size:
        photographs = load(arguments.data, size)
        if arguments.onnx:
            print(size, "onnx       ", show(probe(onnx_features(arguments.onnx), photographs)), flush=True)
        if arguments.checkpoint:
            from network import load_backbone

            backbone = load_backbone(arguments.checkpoint)
            print(size, "checkpoint ", show(probe(torch_features(backbone), photographs)), flush=True)
        if arguments.baselines:
            import torch
            from network import new_backbone

            for seed in range(3):
                torch.manual_seed(seed)
                untrained = torch_features(new_backbone().eval())
                print(size, f"random {seed}   ", show(probe(untrained, photographs)), flush=True)
    if arguments.baselines:
        raw = load(arguments.data, 32)
        print(32, "raw pixels ", show(probe(lambda x: x.reshape(len(x), -1), raw)), flush=True)


if __name__ == "__main__":
    main()
