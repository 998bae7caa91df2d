"""Writes tests/fixtures/head/mlp.json: twenty steps of PyTorch on BatchNorm, Linear, ReLU, BatchNorm, Linear.

    python tools/reference/mlp.py tests/fixtures/head

AdamW along a cosine. Needs PyTorch (made with 2.15) on the CPU.
"""

import json
import math
import sys
from pathlib import Path

import torch
from torch import nn

BATCH, STEPS, DECAY, SMOOTHING, HIGHEST = 10, 20, 0.05, 0.1, 0.01


def run(model, features, targets):
    optimiser = torch.optim.AdamW(model.parameters(), lr=HIGHEST, weight_decay=DECAY)
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    rates = [HIGHEST * 0.5 * (1 + math.cos(math.pi * step / STEPS)) for step in range(STEPS)]
    for step, rate in enumerate(rates):
        start = step * BATCH % len(targets)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss(model(features[start : start + BATCH]), targets[start : start + BATCH]).backward()
        optimiser.step()
    norms = (model[0], model[3])
    return {
        "rate": HIGHEST,
        "rates": rates,
        "parameters": [parameter.flatten().tolist() for parameter in model.parameters()],
        "running": [values.tolist() for norm in norms for values in (norm.running_mean, norm.running_var)],
    }


def main():
    torch.manual_seed(3)
    samples, channels, width, classes = 40, 6, 9, 3
    targets = torch.arange(samples) % classes
    features = torch.randn(samples, channels) * torch.linspace(0.5, 4, channels) + targets[:, None] * 0.7
    features = (features * 1000).round() / 1000
    model = nn.Sequential(
        nn.BatchNorm1d(channels),
        nn.Linear(channels, width),
        nn.ReLU(),
        nn.BatchNorm1d(width),
        nn.Linear(width, classes),
    )
    with torch.no_grad():
        for layer in (model[1], model[4]):
            layer.weight.copy_((layer.weight * 1000).round() / 1000)
            layer.bias.zero_()
    content = {
        "made_by": f"tools/reference/mlp.py, PyTorch {torch.__version__.split('+')[0]}",
        "features": features.tolist(),
        "targets": targets.tolist(),
        "hidden_weights": model[1].weight.tolist(),
        "output_weights": model[4].weight.tolist(),
        "batch": BATCH,
        "weight_decay": DECAY,
        "label_smoothing": SMOOTHING,
    }
    content.update(run(model, features, targets))
    rounded = json.loads(json.dumps(content), parse_float=lambda text: round(float(text), 8))
    (Path(sys.argv[1]) / "mlp.json").write_text(json.dumps(rounded) + "\n")


if __name__ == "__main__":
    main()
