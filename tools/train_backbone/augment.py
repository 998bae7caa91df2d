"""Random crops, flips, sharpness and colour of a whole batch in tensor operations, and the teacher's view of the crops."""

import math

import torch
import torch.nn.functional as F

LEAST_AREA = 0.35
ASPECT = 4 / 3
BRIGHTNESS, CONTRAST, SATURATION = 0.15, 0.2, 0.3
SOFTEST, SHARPEST = -0.5, 1.5
TEACHER_POINTS = 5


def uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def random_windows(count: int, generator: torch.Generator) -> torch.Tensor:
    """Affine matrices [N, 2, 3] from a crop to its picture, both in -1..1; half of them mirrored."""
    area = uniform(count, LEAST_AREA, 1.0, generator)
    aspect = torch.exp(uniform(count, -math.log(ASPECT), math.log(ASPECT), generator))
    width = (area * aspect).sqrt().clamp(max=1.0)
    height = (area / aspect).sqrt().clamp(max=1.0)
    x = uniform(count, -1, 1, generator) * (1 - width)
    y = uniform(count, -1, 1, generator) * (1 - height)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    zero = torch.zeros(count)
    return torch.stack([torch.stack([width * mirror, zero, x], 1), torch.stack([zero, height, y], 1)], 1)


def sample(maps: torch.Tensor, windows: torch.Tensor, size: int) -> torch.Tensor:
    """The windows of [N, C, h, w] at `size` by `size` points, bilinear."""
    grid = F.affine_grid(windows, [len(maps), 1, size, size], align_corners=False)
    return F.grid_sample(maps, grid, padding_mode="border", align_corners=False)


def crop_features(maps: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Mean [N, D] of the teacher's maps [N, 7, 7, D] over the windows."""
    return sample(maps.permute(0, 3, 1, 2), windows, TEACHER_POINTS).mean((2, 3))


def sharpness(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """[N, 3, S, S] with the difference from the mean of 3x3 neighbours scaled, each picture by its own factor.

    Enlarged crops of small pictures are blurred; photographs brought down to the input size on a device are crisp.
    """
    amount = uniform(len(x), SOFTEST, SHARPEST, generator).to(x.device)[:, None, None, None]
    blurred = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    return x + amount * (x - blurred)


def colour(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Brightness, contrast and saturation of [N, 3, S, S] in -1..1, a little, each picture its own."""
    def factor(strength: float) -> torch.Tensor:
        return uniform(len(x), 1 - strength, 1 + strength, generator).to(x.device)[:, None, None, None]

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * factor(SATURATION)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * factor(CONTRAST)
    return ((x + 1) * factor(BRIGHTNESS) - 1).clamp(-1, 1)
