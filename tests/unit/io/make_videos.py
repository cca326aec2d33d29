#!/usr/bin/env python3
"""Makes a GIF whose frames cover and restore one another, and the pixels that
Pillow sees in each, over white.

SPDX-License-Identifier: Apache-2.0

usage: make_videos.py [FOLDER]

Writes moving.gif and moving.json into FOLDER, by default tests/data/videos.
"""

import json
import pathlib
import sys

import numpy
from PIL import Image, ImageSequence

WIDTH, HEIGHT = 12, 9
DISPOSALS = [1, 1, 3, 1, 3, 1]
DELAYS = [50, 100, 150, 20, 30, 250]  # milliseconds


def frame(index):
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    rgba = numpy.zeros((HEIGHT, WIDTH, 4), numpy.uint8)
    inside = (x >= index) & (x < index + 6) & (y >= index) & (y < index + 4)
    rgba[..., 0] = 40 * index
    rgba[..., 1] = 255 - 30 * index
    rgba[..., 2] = 128
    rgba[..., 3] = numpy.where(inside | (index == 0), 255, 0)
    return Image.fromarray(rgba, "RGBA")


def main():
    folder = pathlib.Path(
        sys.argv[1] if len(sys.argv) > 1 else
        pathlib.Path(__file__).resolve().parents[2] / "data" / "videos")
    frames = [frame(i) for i in range(len(DISPOSALS))]
    path = folder / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:],
                   duration=DELAYS, disposal=DISPOSALS, loop=0)
    seen = []
    for shown in ImageSequence.Iterator(Image.open(path)):
        white = Image.new("RGBA", shown.size, "white")
        white.alpha_composite(shown.convert("RGBA"))
        seen.append(white.convert("RGB").tobytes().hex())
    (folder / "moving.json").write_text(json.dumps(
        {"width": WIDTH, "height": HEIGHT, "milliseconds": sum(DELAYS),
         "frames": seen}, indent=1) + "\n")


if __name__ == "__main__":
    main()
