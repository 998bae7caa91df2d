"""Draws the pictures of tests/fixtures/preprocess and asks Pillow what they become.

    python tools/preprocess/make_fixtures.py

Needs Pillow and NumPy. The same seed draws the same pictures; encoders of another Pillow may differ in bytes.
"""

import json
import pathlib
import shutil
import struct
import zlib

from PIL import Image
import numpy as np

import reference

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "preprocess"
BACKGROUND = [40, 200, 90]


def scene(width, height, seed):
    """Photograph-like: smooth light, noise at every scale falling as 1/f, and hard edges. [height, width, 3] uint8."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    side = 2
    while side < 2 * max(width, height):
        grid = rng.normal(size=(min(side, height), min(side, width), 3)).astype(np.float32)
        layers = [Image.fromarray(grid[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(3)]
        picture += np.stack([np.asarray(layer) for layer in layers], axis=-1) * (70.0 / side**0.5)
        side *= 2
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(6):
        centre, radius = rng.uniform(0, [width, height]), rng.uniform(0.08, 0.3) * min(width, height)
        inside = np.hypot(x - centre[0], y - centre[1]) < radius
        picture[inside] = picture[inside] * 0.6 + rng.normal(0, 45, size=3)
    ramp = (x / width)[..., None] * rng.normal(0, 40, size=3)
    return np.clip(picture + ramp + 120, 0, 255).round().astype(np.uint8)


def alpha(width, height):
    """A soft disc that is opaque in the middle, [height, width] uint8."""
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    return np.clip(400 - 900 * distance, 0, 255).astype(np.uint8)


def write_png(path, samples, colour_type, bits, chunks=()):
    """A PNG that Pillow cannot write: 16 bits a channel with alpha or colour, or given chunks before the data."""
    height, width = samples.shape[:2]
    rows = samples.astype(">u2" if bits == 16 else "u1").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def draw_formats():
    """One small picture in every format and colour layout."""
    width, height = 53, 38
    pixels = scene(width, height, 1)
    rgb, mask = Image.fromarray(pixels), alpha(width, height)
    rgba = Image.fromarray(np.dstack([pixels, mask]))
    grey = rgb.convert("L")
    rgb.save(FOLDER / "rgb.png")
    rgb.save(FOLDER / "rgb.bmp")
    rgb.save(FOLDER / "rgb.tiff", compression="tiff_lzw")
    rgb.save(FOLDER / "rgb.webp", lossless=True)
    rgb.save(FOLDER / "lossy.webp", quality=90)
    rgba.save(FOLDER / "rgba.png")
    rgba.save(FOLDER / "rgba.webp", lossless=True, exact=True)
    grey.save(FOLDER / "grey.png")
    grey.save(FOLDER / "grey.jpg", quality=92)
    grey.save(FOLDER / "grey.tiff", compression="tiff_adobe_deflate")
    Image.merge("LA", (grey, rgba.getchannel("A"))).save(FOLDER / "grey_alpha.png")
    palette = rgb.quantize(64, dither=Image.Dither.NONE)
    palette.save(FOLDER / "palette.png")
    palette.save(FOLDER / "palette.bmp")
    palette.save(FOLDER / "palette_transparent.png", transparency=bytes(range(0, 256, 4)))
    second = Image.fromarray(255 - pixels).quantize(64, dither=Image.Dither.NONE)
    palette.save(FOLDER / "two_frames.gif", save_all=True, append_images=[second], transparency=7)
    rgb.convert("1").save(FOLDER / "bilevel.png")
    deep = scene(width, height, 2).astype(np.uint16) * 256 + np.random.default_rng(3).integers(0, 256, pixels.shape)
    deep_mask = mask.astype(np.uint16) * 257
    write_png(FOLDER / "rgb16.png", deep, 2, 16)
    write_png(FOLDER / "rgba16.png", np.dstack([deep, deep_mask]), 6, 16)
    write_png(FOLDER / "grey16.png", deep[..., 0], 0, 16)
    write_png(FOLDER / "grey_alpha16.png", np.dstack([deep[..., 1], deep_mask]), 4, 16)


def draw_jpegs():
    """Chroma subsampling, progressive and restart scans, CMYK, and all orientations."""
    picture = Image.fromarray(scene(83, 59, 4))
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        picture.save(FOLDER / f"{name}.jpg", quality=92, subsampling=sampling)
    picture.save(FOLDER / "progressive.jpg", quality=92, progressive=True)
    picture.save(FOLDER / "restarts.jpg", quality=92, restart_marker_blocks=3)
    picture.save(FOLDER / "rgb_stored.jpg", quality=92, keep_rgb=True)
    inverted = 255 - scene(53, 38, 5).astype(np.int16)
    black = inverted.min(axis=-1) // 2
    inks = np.dstack([np.clip((inverted - black[..., None]) * 255 // (255 - black[..., None]), 0, 255), black])
    Image.fromarray(inks.astype(np.uint8), "CMYK").save(FOLDER / "cmyk.jpg", quality=92)
    Image.fromarray(inks.astype(np.uint8), "CMYK").save(FOLDER / "cmyk.tiff", compression="tiff_lzw")
    small = Image.fromarray(scene(37, 26, 6))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        small.save(FOLDER / f"orientation_{orientation}.jpg", quality=90, subsampling=0, exif=exif)
    exif = Image.Exif()
    exif[0x0112] = 6
    small.save(FOLDER / "orientation_6.webp", quality=90, exif=exif)
    small.save(FOLDER / "orientation_6.png", exif=exif)
    small.save(FOLDER / "orientation_6.tiff", compression="tiff_lzw", tiffinfo={0x0112: 6})


def settings(resize, width, height, shortest_side=None, **others):
    """The manifest's `[preprocess]`, normalised to the plain levels 0 to 255."""
    chosen = {"width": width, "height": height, "resize": resize, "shortest_side": shortest_side}
    chosen |= {"range": 255.0, "mean": [0.0] * 3, "std": [1.0] * 3, "background": BACKGROUND} | others
    return {key: value for key, value in chosen.items() if value is not None}


def cases():
    """(input, settings) of every expectation."""
    for path in sorted(FOLDER.iterdir()):
        yield path.name, settings("shortest-side", 24, 20, 25)
    for name, down, up in (("landscape.jpg", 40, 0), ("portrait.jpg", 40, 0), ("detail.png", 0, 70)):
        side = down or up
        for kind in ("bilinear", "bicubic"):
            yield name, settings("shortest-side", side - 4, side - 9, side, filter=kind)
            yield name, settings("squash", side + 5, side - 8, filter=kind)
            yield name, settings("letterbox", side - 3, side + 6, filter=kind)
            yield name, settings("letterbox", side + 21, side - 11, filter=kind)
    for name, side in (("landscape.jpg", 40), ("portrait.jpg", 37), ("detail.png", 70)):
        for kind in ("lanczos", "nearest"):
            yield name, settings("shortest-side", side - 4, side - 9, side, filter=kind)
            yield name, settings("squash", side + 5, side - 8, filter=kind)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    draw_formats()
    draw_jpegs()
    listed = list(cases())
    Image.fromarray(scene(331, 218, 7)).save(FOLDER / "landscape.jpg", quality=88)
    Image.fromarray(scene(149, 263, 8)).save(FOLDER / "portrait.jpg", quality=88)
    Image.fromarray(scene(29, 41, 9)).save(FOLDER / "detail.png")
    (FOLDER / "expected").mkdir()
    expectations = []
    for number, (name, chosen) in enumerate(listed):
        image = reference.upright_rgb(FOLDER / name, chosen["background"])
        output = f"expected/{number:02}.png"
        reference.resized(image, chosen).save(FOLDER / output, optimize=True)
        size = {"width": image.width, "height": image.height}
        expectations.append({"input": name, "original": size, "settings": chosen, "expected": output})
    lines = ",\n  ".join(json.dumps(expectation) for expectation in expectations)
    (FOLDER / "cases.json").write_text(f"[\n  {lines}\n]\n")
    print(sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    main()
