#!/usr/bin/env python3
"""Makes tests/data/vision_videos.json: what transformers computes for moving
pictures, from frames and from a GIF's sampled frames.

SPDX-License-Identifier: Apache-2.0

usage: make_vision_videos.py FIXTURES OUT NAME...

NAMEs are folders of FIXTURES/vision; their chat templates get a place for moving
pictures. Frames are plain colours and bars of sizes that no model resizes, so that
resampling plays no part. Qwen3-VL's prompt is written the way the model was
published: each pair of frames behind its time, in marks of its own, in the place of
the template's. Needs requirements.txt and pillow. Float32 on the CPU.
"""

import json
import pathlib
import sys

import numpy
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer
from transformers.models.qwen2_vl.video_processing_qwen2_vl import (
    Qwen2VLVideoProcessor)
from transformers.models.qwen3_vl.video_processing_qwen3_vl import (
    Qwen3VLVideoProcessor)

TOKENS = 12
# name: frames, rate, side in multiples of the model's squares (rows, columns)
CLIPS = {"two": (2, 2.0, (2, 3)), "odd": (5, 4.0, (3, 2)),
         "slow": (4, 0.5, (2, 2))}


def frame(index, height, width):
    """Bars that move; the same numbers make the frames of the C++ test."""
    y, x = numpy.mgrid[0:height, 0:width]
    channels = [(x * 5 + index * 40) % 256, (y * 3 + index * 25) % 256,
                ((x + y) * 2 + index * 60) % 256]
    return numpy.stack(channels, -1).astype(numpy.uint8)


def prompt_of(newer, times, tokens):
    start, end, pad = "<|vision_start|>", "<|vision_end|>", "<|video_pad|>"
    if not newer:
        return start + pad * tokens + end
    each = tokens // len(times)
    return "".join(f"<{t:.1f} seconds>{start}{pad * each}{end}" for t in times)


def run(folder, clip):
    count, rate, (rows, columns) = CLIPS[clip]
    config = json.loads((folder / "config.json").read_text())
    newer = config["model_type"].startswith("qwen3")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    factor = settings["patch_size"] * settings["merge_size"]
    frames = [frame(i, rows * factor, columns * factor) for i in range(count)]
    kind = Qwen3VLVideoProcessor if newer else Qwen2VLVideoProcessor
    for key in ("image_processor_type", "processor_class"):
        settings.pop(key, None)
    # Nothing is resized: the limits hold whatever there is.
    settings["size"] = {"shortest_edge": 1, "longest_edge": 1 << 24}
    for key in ("min_pixels", "max_pixels"):
        settings.pop(key, None)
    video = torch.from_numpy(numpy.stack(frames)).permute(0, 3, 1, 2)
    made = kind(**settings)([video], do_sample_frames=False,
                            return_tensors="pt")
    grid = made["video_grid_thw"]
    model = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    padded = list(range(count)) + [count - 1] * (count % 2)
    times = [(padded[i] + padded[i + 1]) / 2 / rate
             for i in range(0, len(padded), 2)]
    tokens = int(grid.prod()) // settings["merge_size"] ** 2
    text = ("<|im_start|>user\n" + prompt_of(newer, times, tokens) +
            "What moves?<|im_end|>\n<|im_start|>assistant\n")
    ids = AutoTokenizer.from_pretrained(folder)(
        text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids),
              "pixel_values_videos": made["pixel_values_videos"],
              "video_grid_thw": grid,
              "mm_token_type_ids": 2 * (ids == config["video_token_id"]).int()}
    if config["model_type"] == "qwen2_5_vl":
        inputs["second_per_grid_ts"] = torch.tensor([2 / rate])
    with torch.no_grad():
        out = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False,
                             output_logits=True, return_dict_in_generate=True,
                             eos_token_id=-1, pad_token_id=0)
    gaps = [float(s[0].topk(2).values.diff().abs()) for s in out.logits]
    return {"clip": clip, "frames": count, "rate": rate,
            "height": rows * factor, "width": columns * factor,
            "prompt_tokens": ids.shape[1],
            "greedy": out.sequences[0, ids.shape[1]:].tolist(),
            "min_top2_gap": round(min(gaps), 4)}


def main():
    fixtures, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    made = json.loads(out.read_text()) if out.exists() else {"cases": []}
    made["source"] = f"transformers, torch {torch.__version__}"
    for name in sys.argv[3:]:
        made["cases"] = [c for c in made["cases"] if c["model"] != name]
        for clip in CLIPS:
            case = {"model": name, **run(fixtures / "vision" / name, clip)}
            made["cases"].append(case)
            print(name, clip, case["prompt_tokens"], case["min_top2_gap"])
    out.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
