"""Pictures: the training archive decoded once into arrays, and folders of photographs for the probe."""

import argparse
import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 64


def decode(archive: Path, work: Path) -> None:
    """Decodes `{train,val}/<class>/<picture>` of a tar file into `work/{train,val}_{images,labels}.npy`."""
    with tarfile.open(archive) as tar:
        members = sorted((m for m in tar.getmembers() if m.isfile()), key=lambda m: m.name)
        names = [m.name.lstrip("./").split("/") for m in members]
        classes = sorted({parts[1] for parts in names if parts[0] == "train"})
        index = {name: number for number, name in enumerate(classes)}
        for split in ("train", "val"):
            chosen = [(m, parts[1]) for m, parts in zip(members, names) if parts[0] == split]
            images = np.lib.format.open_memmap(
                work / f"{split}_images.npy", "w+", np.uint8, (len(chosen), SIZE, SIZE, 3)
            )
            for row, (member, _) in enumerate(chosen):
                picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                images[row] = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
            images.flush()
            np.save(work / f"{split}_labels.npy", np.array([index[name] for _, name in chosen], np.int64))
            print(f"{split}: {len(chosen)} pictures, {len(classes)} classes", flush=True)
    (work / "classes.txt").write_text("\n".join(classes) + "\n")


def shortest_side(size: int) -> int:
    """Length to which the shortest side is brought before the centre crop of `size`."""
    return round(size * 1.143)


def preprocess(picture: Image.Image, size: int) -> np.ndarray:
    """Shortest side, centre crop, antialiased bilinear: what the device does. Returns [size, size, 3] uint8."""
    picture = picture.convert("RGB")
    width, height = picture.size
    target = shortest_side(size)
    resized = tuple(target * length // min(width, height) for length in (width, height))
    picture = picture.resize(resized, Image.Resampling.BILINEAR)
    left, top = (round((length - size) / 2) for length in resized)
    return np.asarray(picture.crop((left, top, left + size, top + size)))


def photographs(folder: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads `folder/<label>/<picture>` at `size`; returns uint8 [N, size, size, 3] and labels [N]."""
    images, labels = [], []
    for number, directory in enumerate(sorted(p for p in folder.iterdir() if p.is_dir())):
        for path in sorted(directory.iterdir()):
            with Image.open(path) as picture:
                images.append(preprocess(picture, size))
            labels.append(number)
    return np.stack(images), np.array(labels)


def normalise(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, 3] to float32 [N, 3, H, W] in -1..1."""
    return ((images.astype(np.float32) - 127.5) / 127.5).transpose(0, 3, 1, 2).copy()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    decode(arguments.archive, arguments.work)
