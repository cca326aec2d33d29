#!/usr/bin/env python3
"""Makes small images of every kind, and the pixels that Pillow reads in them.

SPDX-License-Identifier: Apache-2.0

usage: make_images.py [FOLDER]

Writes the images, pixels.bin and images.json into FOLDER, by default
tests/data/images, and references/huge.png. images.json has for each file its upright size, where its
RGB pixels begin in pixels.bin, and by how much a decoder of another version may
differ. Made with Pillow 13.0.0 and numpy 2.4.6.
"""

import io
import json
import pathlib
import struct
import sys
import zlib

import numpy
from PIL import Image, ImageOps

WIDTH, HEIGHT = 29, 19
random = numpy.random.default_rng(7)
files = {}  # name -> (bytes, tolerance)
not_by_pillow = {}  # name -> RGB array, where Pillow reads a file otherwise


def picture(width=WIDTH, height=HEIGHT, channels=3):
    """Smooth shapes with an edge and some noise."""
    y, x = numpy.mgrid[0:height, 0:width]
    planes = [128 + 90 * numpy.sin(x / (2.0 + c) + c) * numpy.cos(y / (3.0 + c))
              for c in range(channels)]
    image = numpy.stack(planes, -1)
    image[y > x] += 30
    image += random.integers(-9, 10, image.shape)
    return numpy.clip(image, 0, 255).astype(numpy.uint8)


def alpha_ramp():
    """Opacities with many 0 and 255."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    return numpy.clip((x * 13 - y * 5), 0, 255).astype(numpy.uint8)


# ------------------------------------------------------------------------ PNG

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
         (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(samples, depth, colour, interlaced=False, chunks=()):
    """`samples` (height, width, channels) of `depth` bits each."""
    height, width, channels = samples.shape

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))

    def rows(part):
        data = b""
        for row in part:
            values = row.reshape(-1)
            if depth == 16:
                line = values.astype(">u2").tobytes()
            elif depth == 8:
                line = values.astype(numpy.uint8).tobytes()
            else:
                bits = "".join(format(int(v), f"0{depth}b") for v in values)
                bits += "0" * (-len(bits) % 8)
                line = bytes(int(bits[i:i + 8], 2)
                             for i in range(0, len(bits), 8))
            data += b"\0" + line
        return data

    if interlaced:
        data = b"".join(rows(samples[y::dy, x::dx])
                        for x, y, dx, dy in ADAM7
                        if samples[y::dy, x::dx].size)
    else:
        data = rows(samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0,
                         int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            b"".join(chunk(kind, data) for kind, data in chunks) +
            chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def exif(orientation, order="<"):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return (mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1,
                               orientation, 0, 0))


def make_png():
    rgb = picture()
    alpha = alpha_ramp()[..., None]
    palette = random.integers(0, 256, (16, 3), dtype=numpy.uint8)
    wide = rgb.astype(numpy.uint16) * 257 - random.integers(0, 257, rgb.shape)
    wide = numpy.clip(wide, 0, 65535)
    for interlaced in (False, True):
        end = "_interlaced.png" if interlaced else ".png"
        add("rgb8" + end, png(rgb, 8, 2, interlaced))
        add("rgba8" + end, png(numpy.concatenate([rgb, alpha], -1), 8, 6,
                               interlaced))
    add("rgb16.png", png(wide, 16, 2))
    # Pillow has no wide grey with these: the high byte counts.
    grey = wide[..., :1]
    add_own("grey16.png", png(grey, 16, 0), numpy.repeat(grey >> 8, 3, -1))
    add("rgba16.png", png(numpy.concatenate(
        [wide, alpha.astype(numpy.uint16) * 257], -1), 16, 6))
    add("grey8.png", png(rgb[..., :1], 8, 0))
    add("grey_alpha8.png", png(numpy.concatenate([rgb[..., :1], alpha], -1), 8,
                               4))
    for depth in (1, 2, 4):
        add(f"grey{depth}.png", png(rgb[..., :1] >> (8 - depth), depth, 0))
    for depth in (1, 2, 4):
        index = rgb[..., :1] >> (8 - depth)
        add(f"palette{depth}.png", png(
            index, depth, 3,
            chunks=[(b"PLTE", palette[:2 ** depth].tobytes())]))
    add("palette8_transparent.png", png(
        rgb[..., :1] >> 4, 8, 3,
        chunks=[(b"PLTE", palette.tobytes()),
                (b"tRNS", bytes([0, 255, 128, 7, 200]))]))
    key = rgb[3, 4]
    add("rgb8_transparent.png", png(rgb, 8, 2, chunks=[
        (b"tRNS", struct.pack(">HHH", *map(int, key)))]))
    add("orientation6.png", png(rgb, 8, 2, chunks=[(b"eXIf", exif(6, ">"))]))
    add("one_pixel.png", png(rgb[:1, :1], 8, 2))


# ----------------------------------------------------------------------- JPEG


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def make_jpeg():
    rgb = Image.fromarray(picture())
    cmyk = Image.fromarray(picture(channels=4), "CMYK")
    add("baseline444.jpg", saved(rgb, "JPEG", quality=90, subsampling=0), 1)
    add("baseline420.jpg", saved(rgb, "JPEG", quality=75, subsampling=2), 1)
    add("baseline422.jpg", saved(rgb, "JPEG", quality=75, subsampling=1), 1)
    add("progressive.jpg", saved(rgb, "JPEG", progressive=True), 1)
    add("grey.jpg", saved(rgb.convert("L"), "JPEG"), 1)
    inverted = saved(cmyk, "JPEG", quality=90)
    add("cmyk.jpg", inverted, 1)
    # The last byte of Adobe's segment says that the colours are YCCK.
    at = inverted.index(b"Adobe") + 11
    add("ycck.jpg", inverted[:at] + b"\2" + inverted[at + 1:], 2)
    add("keep_rgb.jpg", saved(rgb, "JPEG", quality=95, keep_rgb=True), 1)
    for orientation in range(1, 9):
        order = "<>"[orientation % 2]
        add(f"orientation{orientation}.jpg",
            saved(rgb, "JPEG", quality=85,
                  exif=b"Exif\0\0" + exif(orientation, order)), 1)
    add("restarts.jpg", saved(rgb, "JPEG", restart_marker_blocks=1), 1)


def make_webp():
    rgb = Image.fromarray(picture())
    rgba = Image.fromarray(
        numpy.concatenate([picture(), alpha_ramp()[..., None]], -1))
    add("lossless.webp", saved(rgb, "WEBP", lossless=True))
    add("lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True))
    add("lossy.webp", saved(rgb, "WEBP", quality=80), 1)
    add("lossy_alpha.webp", saved(rgba, "WEBP", quality=80), 1)
    add("orientation8.webp", saved(rgb, "WEBP", lossless=True, exif=exif(8)))
    other = Image.fromarray(picture())
    add("animated.webp", saved(rgba, "WEBP", lossless=True, exact=True,
                               save_all=True, append_images=[other]))


# ------------------------------------------------------------------------ GIF


def gif_frame(image, **options):
    return saved(image, "GIF", **options)


def make_gif():
    rgb = picture()
    small = Image.fromarray(rgb).quantize(16)
    add("plain.gif", gif_frame(small, interlace=False))
    add("interlaced.gif", gif_frame(small, interlace=True))
    add("transparent.gif", gif_frame(small, transparency=3))
    noise = Image.fromarray(random.integers(0, 256, (120, 110),
                                            dtype=numpy.uint8))
    add("noise.gif", gif_frame(noise, interlace=False))
    add("grey.gif", gif_frame(Image.fromarray(rgb[..., 0])))
    other = Image.fromarray(picture()).quantize(16)
    add("animated.gif", gif_frame(small, save_all=True,
                                  append_images=[other]))
    # The frame moved into a larger canvas.
    data = bytearray(gif_frame(small, interlace=False))
    data[6:10] = struct.pack("<HH", WIDTH + 9, HEIGHT + 5)
    at = data.index(b",\0\0\0\0" + struct.pack("<HH", WIDTH, HEIGHT))
    data[at + 1:at + 5] = struct.pack("<HH", 4, 3)
    add("offset.gif", bytes(data))


# ------------------------------------------------------------------------ BMP


def bmp(width, height, bits, rows, palette=b"", compression=0, header=40,
        masks=b""):
    extra = header - 40
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits,
                       compression, len(rows), 2835, 2835,
                       len(palette) // 4, 0)
    body = info + masks
    if extra:
        body = (info + masks).ljust(header, b"\0")
    body += palette
    at = 14 + len(body)
    return b"BM" + struct.pack("<IHHI", at + len(rows), 0, 0, at) + body + rows


def padded(rows):
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


def packed(indices, bits):
    rows = []
    for row in indices[::-1]:
        text = "".join(format(int(v), f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[i:i + 8], 2)
                          for i in range(0, len(text), 8)))
    return padded(rows)


def run_lengths(indices, bits):
    """Runs, copies, a step and line ends."""
    data = b""
    for y, row in enumerate(indices[::-1]):
        x = 0
        while x < len(row):
            run = 1
            while x + run < len(row) and row[x + run] == row[x] and run < 200:
                run += 1
            value = int(row[x])
            if run == 1 and len(row) - x >= 5 and y % 2:
                copy = [int(v) for v in row[x:x + 5]]
                if bits == 8:
                    data += bytes([0, 5] + copy + [0])
                else:
                    data += bytes([0, 5, copy[0] << 4 | copy[1],
                                   copy[2] << 4 | copy[3], copy[4] << 4, 0])
                x += 5
                continue
            data += bytes([run, value if bits == 8 else value << 4 | value])
            x += run
        data += b"\0\0"
    return data + b"\0\1"


def make_bmp():
    rgb = picture()
    bgr = rgb[::-1, :, ::-1]
    palette = random.integers(0, 256, (256, 4), dtype=numpy.uint8)
    palette[:, 3] = 0
    for bits in (1, 4, 8):
        index = rgb[..., 0] >> (8 - bits)
        add(f"bits{bits}.bmp", bmp(WIDTH, HEIGHT, bits, packed(index, bits),
                                   palette[:2 ** bits].tobytes()))
    add("bits24.bmp", bmp(WIDTH, HEIGHT, 24, padded(r.tobytes() for r in bgr)))
    add("top_down.bmp", bmp(WIDTH, -HEIGHT, 24,
                            padded(r.tobytes() for r in bgr[::-1])))
    four = numpy.concatenate([bgr, alpha_ramp()[::-1, :, None]], -1)
    add("bits32.bmp", bmp(WIDTH, HEIGHT, 32, four.tobytes()))
    add("alpha32.bmp", bmp(WIDTH, HEIGHT, 32, four.tobytes(), compression=3,
                           header=124, masks=struct.pack(
                               "<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)))
    five = (bgr >> 3).astype(numpy.uint16)
    add("bits16.bmp", bmp(WIDTH, HEIGHT, 16, padded(
        r.tobytes() for r in five[..., 0] | five[..., 1] << 5
        | five[..., 2] << 10)))
    six = (bgr[..., 1] >> 2).astype(numpy.uint16)
    add("bits565.bmp", bmp(WIDTH, HEIGHT, 16, padded(
        r.tobytes() for r in five[..., 0] | six << 5 | five[..., 2] << 11),
        compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
    flat = (rgb[..., 0] >> 5).repeat(2, 1)[:, :WIDTH]
    add("runs8.bmp", bmp(WIDTH, HEIGHT, 8, run_lengths(flat, 8),
                         palette.tobytes(), compression=1))
    add("runs4.bmp", bmp(WIDTH, HEIGHT, 4, run_lengths(flat, 4),
                         palette[:16].tobytes(), compression=2))
    core = (struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 8) +
            palette[:, :3].tobytes())
    rows = packed(rgb[..., 0], 8)
    add("os2.bmp", b"BM" + struct.pack("<IHHI", 14 + len(core) + len(rows), 0,
                                       0, 14 + len(core)) + core + rows)


# ----------------------------------------------------------------------- main


def add(name, data, tolerance=0):
    files[name] = (data, tolerance)


def add_own(name, data, rgb):
    files[name] = (data, 0)
    not_by_pillow[name] = numpy.asarray(rgb, numpy.uint8)


def read(name, data):
    if name in not_by_pillow:
        return not_by_pillow[name]
    image = Image.open(io.BytesIO(data))
    image = ImageOps.exif_transpose(image)
    if "A" in image.getbands() or image.info.get("transparency") is not None:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return numpy.asarray(image.convert("RGB"))


def make_huge():
    """12000x9000 pixels in little of a file."""
    y, x = numpy.mgrid[0:9000, 0:12000]
    stripes = ((x >> 9) + (y >> 9) & 1).astype(numpy.uint8)
    return saved(Image.fromarray(stripes * 255).convert("1"), "PNG",
                 compress_level=9)


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                          root / "data" / "images")
    folder.mkdir(parents=True, exist_ok=True)
    for make in (make_png, make_jpeg, make_webp, make_gif, make_bmp):
        make()
    pixels = b""
    index = []
    for name, (data, tolerance) in sorted(files.items()):
        (folder / name).write_bytes(data)
        rgb = read(name, data)
        index.append({"file": name, "width": rgb.shape[1],
                      "height": rgb.shape[0], "at": len(pixels),
                      "tolerance": tolerance})
        pixels += rgb.tobytes()
    (folder / "references").mkdir(exist_ok=True)
    (folder / "references" / "huge.png").write_bytes(make_huge())
    (folder / "pixels.bin").write_bytes(pixels)
    (folder / "images.json").write_text(
        json.dumps({"source": "Pillow 13.0.0", "images": index}, indent=1) +
        "\n")


if __name__ == "__main__":
    main()
