"""The student: a plain residual network whose last feature map is averaged into the feature."""

from pathlib import Path

import torch
from torch import nn

WIDTHS, DEPTHS, DIM = (32, 48, 96, 160), (1, 1, 2), 512


def conv(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution without bias, then BatchNorm."""
    convolution = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(cout))


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        self.first = conv(cin, cout, 3, stride)
        self.second = conv(cout, cout, 3)
        self.shortcut = conv(cin, cout, 1, stride) if stride > 1 or cin != cout else None
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.second(torch.relu(self.first(x)))
        return torch.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Backbone(nn.Module):
    """Images [N, 3, S, S] to a feature map [N, dim, S/16, S/16], never negative."""

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...], dim: int):
        super().__init__()
        self.stem = conv(3, widths[0], 3, 2)
        blocks, width = [], widths[0]
        for stage, (cout, depth) in enumerate(zip(widths[1:], depths)):
            for number in range(depth):
                stride = 2 if number == 0 and stage < 3 else 1
                blocks.append(Block(width, cout, stride))
                width = cout
        self.blocks = nn.ModuleList(blocks)
        self.last = conv(width, dim, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return torch.relu(self.last(x))


class Student(nn.Module):
    """The backbone and the three linear layers that exist only while training."""

    def __init__(self, backbone: Backbone, classes: int, teacher_dim: int, teacher_classes: int):
        super().__init__()
        self.backbone = backbone
        dim = backbone.last[0].out_channels
        self.classifier = nn.Linear(dim, classes)
        self.project = nn.Linear(dim, teacher_dim)
        self.imitate = nn.Linear(dim, teacher_classes)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Class logits, the teacher's feature and the teacher's logits as the student sees them; [N, ...] each."""
        feature = self.backbone(x).mean((2, 3))
        return self.classifier(feature), self.project(feature), self.imitate(feature)


def multiply_adds(backbone: Backbone, size: int) -> int:
    """Multiply-adds of one picture of `size` pixels a side."""
    total = 0

    def count(module: nn.Conv2d, _inputs, output: torch.Tensor) -> None:
        nonlocal total
        total += output[0].numel() * module.in_channels * module.kernel_size[0] * module.kernel_size[1]

    hooks = [m.register_forward_hook(count) for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        backbone.eval()(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return total


def new_backbone() -> Backbone:
    return Backbone(WIDTHS, DEPTHS, DIM)


def load_backbone(checkpoint: Path) -> Backbone:
    """The averaged weights of a checkpoint, ready to evaluate."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    prefix = "backbone."
    backbone = new_backbone()
    backbone.load_state_dict({k[len(prefix):]: v for k, v in state["average"].items() if k.startswith(prefix)})
    return backbone.eval()
