"""What Pillow and torchvision's arithmetic make of a picture: the reference that `runtime/preprocess` is held to."""

from PIL import Image, ImageOps
import numpy as np

FILTERS = {name: Image.Resampling[name.upper()] for name in ("bilinear", "bicubic", "lanczos", "nearest")}


def upright_rgb(path, background):
    """Decodes to upright 8-bit RGB; 16-bit grey keeps its high byte, transparency goes over `background`."""
    with Image.open(path) as image:
        image.load()
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, tuple(background))
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        return canvas
    return image.convert("RGB")


def resized(image, settings):
    """Resizes and crops as the manifest's settings say."""
    size = (settings["width"], settings["height"])
    method = FILTERS[settings.get("filter", "bilinear")]
    if settings["resize"] == "squash":
        return image.resize(size, method)
    if settings["resize"] == "letterbox":
        return ImageOps.pad(image, size, method, color=tuple(settings.get("background", (0, 0, 0))))
    return centre_crop(image.resize(shortest_side(image.size, settings["shortest_side"]), method), size)


def shortest_side(size, side):
    """torchvision.transforms.functional._compute_resized_output_size."""
    width, height = size
    if width <= height:
        return side, int(side * height / width)
    return int(side * width / height), side


def centre_crop(image, size):
    """torchvision.transforms.functional.center_crop, for pictures no smaller than the crop."""
    left, top = (int(round((outer - inner) / 2.0)) for outer, inner in zip(image.size, size))
    return image.crop((left, top, left + size[0], top + size[1]))
