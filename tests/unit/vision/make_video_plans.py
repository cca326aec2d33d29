#!/usr/bin/env python3
"""Makes tests/data/video_plans.json: the frames that transformers' processors of
moving pictures sample, and the sizes they resize them to.

SPDX-License-Identifier: Apache-2.0

usage: make_video_plans.py [OUT]

Needs requirements.txt.
"""

import json
import pathlib
import sys

from transformers.models.qwen2_vl import video_processing_qwen2_vl as older
from transformers.models.qwen3_vl import video_processing_qwen3_vl as newer
from transformers.video_utils import VideoMetadata

CLIPS = [(6, 10.0), (100, 25.0), (7, 3.0), (300, 24.0), (4000, 4.0), (5, 0.5),
         (33, 30.0)]
SIZES = [(640, 480), (31, 57), (1920, 1080), (100, 900), (28, 28), (5, 7)]


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                       pathlib.Path(__file__).resolve().parents[2] /
                       "data" / "video_plans.json")
    made = []
    for module, kind, model, factor in (
            (older, older.Qwen2VLVideoProcessor, "qwen2_vl", 28),
            (newer, newer.Qwen3VLVideoProcessor, "qwen3_vl", 32)):
        processor = kind()
        processor.fps = 2
        for (frames, rate), (width, height) in (
                (clip, size) for clip in CLIPS for size in SIZES):
            metadata = VideoMetadata(total_num_frames=frames, fps=rate)
            sampled = [int(i) for i in processor.sample_frames(metadata)]
            low, high = (processor.size["shortest_edge"],
                         processor.size["longest_edge"])
            count = {} if model == "qwen2_vl" else {"num_frames": len(sampled)}
            rows, columns = module.smart_resize(
                height=height, width=width, factor=factor, min_pixels=low,
                max_pixels=high, **count)
            made.append({"model": model, "frames": frames, "rate": rate,
                         "width": width, "height": height, "sampled": sampled,
                         "seen": [columns, rows]})
    out.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
