"""Pictures that are small as files and made to take much memory or time, or to make a decoder fail.

Standard library only. Each function gives the bytes of one file; `ALL` names them. `python3 hostile.py DIR [NAME…]`
writes them.
"""

import struct
import sys
import zlib
from pathlib import Path

RGB, CMYK = 2, 5


def deflated(count):
    """A zlib stream of so many zero bytes; one mebibyte is compressed and repeated, since that is as good as all."""

    def compressed(length, flush):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(bytes(length)) + packer.flush(flush)

    body = compressed(1 << 20, zlib.Z_FULL_FLUSH) * (count >> 20) + compressed(count % (1 << 20), zlib.Z_FINISH)
    return b"\x78\xda" + body + struct.pack(">HH", count % 65521, 1)


# TIFF ------------------------------------------------------------------------------------------------------------

SHORT, LONG = 3, 4


def tiff(tags, data, big_endian=False):
    """A classic TIFF: `data` at offset 8, then the directory; `tags` is {tag: (type, numbers)}."""
    order = ">" if big_endian else "<"
    start = 8 + len(data) + len(data) % 2
    entries, values = b"", b""
    behind = start + 2 + 12 * len(tags) + 4
    for tag, (kind, numbers) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}{'H' if kind == SHORT else 'I'}", *numbers)
        if len(packed) > 4:
            place = struct.pack(order + "I", behind + len(values))
            values += packed + bytes(len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + place
    head = (b"MM" if big_endian else b"II") + struct.pack(order + "HI", 42, start)
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return head + data.ljust(start - 8, b"\0") + directory + values


def strips(width, height, bits, samples, float_samples=False, rows=100, planar=False):
    """A picture of zeros whose strips are all the same few bytes."""
    row = width * (1 if planar else samples) * bits // 8
    strip = deflated(row * rows)
    count = -(-height // rows) * (samples if planar else 1)
    tags = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [bits] * samples),
        259: (SHORT, [8]),
        262: (SHORT, [{1: 1, 2: 1}.get(samples, RGB)]),
        273: (LONG, [8] * count),
        277: (SHORT, [samples]),
        278: (LONG, [rows]),
        279: (LONG, [len(strip)] * count),
        284: (SHORT, [2 if planar else 1]),
        339: (SHORT, [3 if float_samples else 1] * samples),
    }
    if samples == 4:
        tags[338] = (SHORT, [2])
    return tiff(tags, strip)


def tiles(width, height, side, samples, planar, compression=8, data=None):
    """RGB in tiles that are all the same few bytes."""
    data = data or deflated(side * side * (1 if planar else samples))
    count = -(-width // side) * -(-height // side) * (samples if planar else 1)
    return tiff(
        {
            256: (LONG, [width]),
            257: (LONG, [height]),
            258: (SHORT, [8] * samples),
            259: (SHORT, [compression]),
            262: (SHORT, [RGB]),
            277: (SHORT, [samples]),
            284: (SHORT, [2 if planar else 1]),
            322: (LONG, [side]),
            323: (LONG, [side]),
            324: (LONG, [8] * count),
            325: (LONG, [len(data)] * count),
        },
        data,
    )


def many_offsets(count):
    """A grey picture of one column whose every row is a strip."""
    tags = {256: [1], 257: [count], 258: [8], 259: [1], 262: [1], 277: [1], 278: [1]}
    tags |= {273: [8] * count, 279: [1] * count}
    return tiff({tag: (LONG, numbers) for tag, numbers in tags.items()}, b"\0")


# JPEG ------------------------------------------------------------------------------------------------------------


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def progressive(width, height, components, scans, sampling=0x11):
    """A grey progressive JPEG: one scan of means, then `scans` further ones that refine nothing."""
    ids = range(1, components + 1)
    frame = struct.pack(">BHHB", 8, height, width, components) + b"".join(bytes([i, sampling, 0]) for i in ids)
    codes = bytes([1] + 15 * [0])
    # The one code of each table is a zero bit: no difference of means; a run of 16,384 empty blocks, and 14 bits.
    head = b"\xff\xd8" + segment(0xDB, bytes(1) + bytes([1] * 64)) + segment(0xC2, frame)
    head += segment(0xC4, bytes([0x00]) + codes + bytes([0x00])) + segment(0xC4, bytes([0x10]) + codes + bytes([0xE0]))
    blocks = -(-width // 8) * -(-height // 8)

    def means(approximation):
        named = b"".join(bytes([i, 0]) for i in ids)
        head = segment(0xDA, bytes([components]) + named + bytes([0, 0, approximation]))
        return head + bytes(blocks * components // 8 + 1)

    def details(component, high):
        runs = -(-blocks // 16384)
        return segment(0xDA, bytes([1, component, 0, 1, 63, high << 4])) + bytes(runs * 15 // 8 + 2)

    body = means(1) + b"".join(details(1 + n % components, 0) for n in range(scans))
    return head + body + b"\xff\xd9"


# PNG -------------------------------------------------------------------------------------------------------------


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width, height, depth=8, colour=2, before=b"", interlaced=0):
    """Zeros; `before` goes between the header and the pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    rows = (width * channels * depth // 8 + 1) * height
    data = deflated(rows + 7 * height * interlaced)
    body = chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bomb(length=1 << 30):
    return deflated(length)


def many_texts(count):
    return b"".join(chunk(b"tEXt", b"k\0" + bytes([65]) * 100_000) for _ in range(count))


# WebP, GIF, BMP --------------------------------------------------------------------------------------------------


def riff(chunks):
    body = b"WEBP" + chunks
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def lossless_stream(width, height):
    """One colour: five codes of one symbol each, so that pixels take no bits."""
    bits, place = 0x2F, 8
    head = [(width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 1), (0, 1), (0, 1)]
    for value, length in head + 5 * [(1, 1), (0, 3)]:
        bits |= value << place
        place += length
    return bits.to_bytes(place // 8 + 8, "little")


def vp8_stream(width, height, length):
    first = min(length, (1 << 19) - 1)
    tag = 0x10 | first << 5
    return struct.pack("<I", tag)[:3] + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(length)


def three(number):
    return struct.pack("<I", number)[:3]


def lossless(width, height):
    return riff(webp_chunk(b"VP8L", lossless_stream(width, height)))


def lossy_in_small_canvas(width, height):
    canvas = webp_chunk(b"VP8X", bytes(4) + three(7) + three(7))
    return riff(canvas + webp_chunk(b"VP8 ", vp8_stream(width, height, 100_000)))


def animated(width, height):
    canvas = webp_chunk(b"VP8X", bytes([0x02, 0, 0, 0]) + three(width - 1) + three(height - 1))
    frame = three(0) * 2 + three(width - 1) + three(height - 1) + three(0) + b"\0"
    frame += webp_chunk(b"VP8L", lossless_stream(width, height))
    return riff(canvas + webp_chunk(b"ANIM", bytes(6)) + webp_chunk(b"ANMF", frame))


def exif_not_there():
    canvas = webp_chunk(b"VP8X", bytes([0x08, 0, 0, 0]) + three(7) + three(7))
    exif = b"EXIF" + struct.pack("<I", 0xFFFFFFF0) + b"II*\0"
    return riff(canvas + webp_chunk(b"VP8L", lossless_stream(8, 8)) + exif)


def gif(canvas, frame):
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x4c\x01\0;"


def bmp(width, height):
    """Run-length coded: the first code says that the picture is over."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 2, 0, 0, 256, 0)
    start = 14 + 40 + 1024
    return b"BM" + struct.pack("<IHHI", start + 2, 0, 0, start) + info + bytes(1024) + b"\0\1"


ALL = {
    "float_rgba.tif": lambda: strips(10_000, 9_900, 32, 4, float_samples=True),
    "float_rgb_small.tif": lambda: strips(300, 300, 32, 3, float_samples=True),
    "rgba16.tif": lambda: strips(10_000, 9_900, 16, 4),
    "rgb16.tif": lambda: strips(10_000, 9_900, 16, 3),
    "rgb8.tif": lambda: strips(10_000, 9_900, 8, 3),
    "rgb16_most.tif": lambda: strips(5_000, 4_900, 16, 3),
    "planar_strips.tif": lambda: strips(8_000, 8_000, 8, 3, planar=True),
    "planar_tiles.tif": lambda: tiles(500, 300, 256, 3, planar=True),
    "planar_tiles_uneven.tif": lambda: tiles(100, 90, 64, 3, planar=True),
    "wide_tile.tif": lambda: tiles(8, 8, 30_000, 3, planar=False),
    "many_offsets.tif": lambda: many_offsets(2_000_000),
    "large_jpeg_in.tif": lambda: tiles(64, 64, 64, 3, False, 7, progressive(16_000, 6_000, 3, 3)),
    "progressive_cmyk.jpg": lambda: progressive(10_000, 9_900, 4, 12),
    "progressive_rgb_most.jpg": lambda: progressive(6_400, 5_000, 3, 9),
    "many_scans.jpg": lambda: progressive(6_000, 5_000, 3, 1_000),
    "many_scans_small.jpg": lambda: progressive(2_000, 1_500, 3, 3_000),
    "profile_bomb.png": lambda: png(8, 8, before=chunk(b"iCCP", b"icc\0\0" + bomb())),
    "text_bomb.png": lambda: png(8, 8, before=chunk(b"zTXt", b"Raw profile type iptc\0\0" + bomb())),
    "international_text_bomb.png": lambda: png(8, 8, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb())),
    "many_texts.png": lambda: png(8, 8, before=many_texts(1_000)),
    "rgba16.png": lambda: png(10_000, 9_900, 16, 6),
    "rgba16_interlaced.png": lambda: png(6_000, 6_000, 16, 6, interlaced=1),
    "rgb8_most.png": lambda: png(10_000, 10_000),
    "one_row.png": lambda: png(90_000_000, 1),
    "one_column.png": lambda: png(1, 90_000_000),
    "lossless.webp": lambda: lossless(16_000, 6_200),
    "lossless_most.webp": lambda: lossless(7_000, 5_000),
    "lossy_in_small_canvas.webp": lambda: lossy_in_small_canvas(16_383, 16_383),
    "animated.webp": lambda: animated(10_000, 9_000),
    "exif_not_there.webp": exif_not_there,
    "large_frame.gif": lambda: gif((8, 8), (65_535, 65_535)),
    "large_canvas.gif": lambda: gif((10_000, 9_900), (10, 10)),
    "runs.bmp": lambda: bmp(10_000, 10_000),
}


if __name__ == "__main__":
    for name in sys.argv[2:] or ALL:
        (Path(sys.argv[1]) / name).write_bytes(ALL[name]())
