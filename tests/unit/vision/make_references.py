#!/usr/bin/env python3
"""Resizes and processes images with Pillow and transformers.

SPDX-License-Identifier: Apache-2.0

usage: make_references.py [FOLDER]

Writes resize.json and processors.json into FOLDER, by default
tests/data/images/references. The images are computed from their size (see
`picture`), here and in the tests. Made with Pillow 13.0.0, transformers 5.23.0
(the PIL processors) and numpy 2.4.6.
"""

import importlib
import json
import pathlib
import sys

import numpy
from PIL import Image

FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]


def picture(width, height):
    """Slopes with edges and noise; (height, width, 3)."""
    y, x, c = numpy.mgrid[0:height, 0:width, 0:3].astype(numpy.uint32)
    state = ((y * width + x) * 3 + c + 12345) * numpy.uint32(2654435761)
    state ^= state >> 15
    state *= numpy.uint32(2246822519)
    state ^= state >> 13
    slope = (x * (2 * c + 3) + y * (7 - 2 * c)) % 192
    return (slope + (state & 63)).astype(numpy.uint8)


def checksum(data):
    """FNV-1a of 32 bits."""
    value = 2166136261
    for byte in data:
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


# --------------------------------------------------------------------- resize

RESIZES = [
    (1, 1, 7, 5), (1, 1, 1, 1), (2, 1, 1, 3), (3, 500, 33, 40),
    (500, 3, 40, 33), (67, 43, 56, 56), (43, 67, 56, 56), (67, 43, 224, 140),
    (100, 301, 33, 147), (124, 146, 100, 17), (118, 60, 100, 17),
    (40, 40, 30, 20), (40, 40, 30, 19), (40, 160, 20, 121), (64, 64, 64, 20),
    (64, 64, 20, 64), (64, 64, 64, 64), (17, 33, 170, 10), (170, 10, 17, 33),
    (640, 425, 84, 84), (1023, 769, 61, 45), (4000, 30, 120, 9),
    (9, 2000, 8, 77), (255, 256, 256, 255),
]


def resizes():
    cases = []
    for number, name in enumerate(FILTERS):
        for width, height, to_width, to_height in RESIZES:
            image = Image.fromarray(picture(width, height))
            result = numpy.asarray(image.resize((to_width, to_height), number))
            cases.append({
                "filter": number, "name": name, "from": [width, height],
                "to": [to_width, to_height],
                "checksum": checksum(result.tobytes()),
                "begins": result.reshape(-1)[:6].tolist()})
    return cases


# ----------------------------------------------------------------- processors

SIZES = [(1, 1), (3, 500), (500, 3), (67, 43), (43, 67), (30, 4000),
         (4000, 30), (1023, 769), (640, 425), (336, 336), (57, 1000),
         (300, 290)]
CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711]}


def made(module, name, **attributes):
    """A processor without its tokenizer: only its attributes."""
    found = importlib.import_module(f"transformers.models.{module}")
    processor = object.__new__(getattr(found, name))
    for key, value in attributes.items():
        setattr(processor, key, value)
    return processor


def image_processor(module, name, config):
    found = importlib.import_module(
        f"transformers.models.{module}.image_processing_pil_{module}")
    return getattr(found, name + "Pil")(**config)


# kind, module, class of the images, its config, processor's class and config,
# config.json, attributes that a tokenizer would give
CASES = [
    ("qwen2_vl", "qwen2_vl", "Qwen2VLImageProcessor",
     {"min_pixels": 3136, "max_pixels": 150528, "patch_size": 14,
      "temporal_patch_size": 2, "merge_size": 2, **CLIP},
     "Qwen2VLProcessor", {}, {"model_type": "qwen2_vl"},
     {"image_token": "<|image_pad|>"}),
    ("qwen3_vl", "qwen2_vl", "Qwen2VLImageProcessor",
     {"size": {"longest_edge": 200000, "shortest_edge": 65536},
      "patch_size": 16, "temporal_patch_size": 2, "merge_size": 2,
      "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
     "Qwen2VLProcessor", {}, {"model_type": "qwen3_vl"},
     {"image_token": "<|image_pad|>"}),
    ("paligemma", "siglip", "SiglipImageProcessor",
     {"size": {"height": 224, "width": 224}, "resample": 3,
      "image_mean": [0.5] * 3, "image_std": [0.5] * 3}, None, {},
     {"model_type": "paligemma", "vision_config": {"patch_size": 14}}, {}),
    ("llava", "clip", "CLIPImageProcessor",
     {"size": {"shortest_edge": 112}, "resample": 3, "do_center_crop": True,
      "crop_size": {"height": 140, "width": 112}, **CLIP},
     "LlavaProcessor",
     {"patch_size": 14, "num_additional_image_tokens": 1,
      "vision_feature_select_strategy": "default"}, {"model_type": "llava"},
     {"image_token": "<image>"}),
    ("llava_square", "llava", "LlavaImageProcessor",
     {"size": {"shortest_edge": 56}, "do_pad": True,
      "crop_size": {"height": 56, "width": 56}, **CLIP},
     "LlavaProcessor",
     {"patch_size": 14, "num_additional_image_tokens": 1,
      "vision_feature_select_strategy": "full"}, {"model_type": "llava"},
     {"image_token": "<image>"}),
    ("llava_next", "llava_next", "LlavaNextImageProcessor",
     {"size": {"shortest_edge": 84}, "crop_size": {"height": 84, "width": 84},
      "image_grid_pinpoints": [[84, 168], [168, 84], [168, 168], [252, 84],
                               [84, 252]], **CLIP},
     "LlavaNextProcessor",
     {"patch_size": 14, "num_additional_image_tokens": 1,
      "vision_feature_select_strategy": "default"},
     {"model_type": "llava_next"}, {"image_token": "<image>"}),
    ("idefics3", "idefics3", "Idefics3ImageProcessor",
     {"size": {"longest_edge": 336}, "max_image_size": {"longest_edge": 84},
      "resample": 1}, "Idefics3Processor", {"image_seq_len": 9},
     {"model_type": "idefics3"},
     {"image_token": "<image>", "global_image_tag": "<global-img>",
      "fake_image_token": "<fake_token_around_image>"}),
    ("smolvlm_whole", "smolvlm", "SmolVLMImageProcessor",
     {"size": {"longest_edge": 336}, "max_image_size": {"longest_edge": 84},
      "do_image_splitting": False}, "SmolVLMProcessor", {"image_seq_len": 4},
     {"model_type": "smolvlm"},
     {"image_token": "<image>", "global_image_token": "<global-img>",
      "fake_image_token": "<fake_token_around_image>"}),
    ("gemma3", "gemma3", "Gemma3ImageProcessor",
     {"size": {"height": 112, "width": 112}, "resample": 2,
      "do_pan_and_scan": True, "pan_and_scan_min_crop_size": 50,
      "pan_and_scan_max_num_crops": 4,
      "pan_and_scan_min_ratio_to_activate": 1.2},
     "Gemma3Processor", {"image_seq_length": 16}, {"model_type": "gemma3"},
     {"full_image_sequence": "\n\n<start_of_image>" +
      "<image_soft_token>" * 16 + "<end_of_image>\n\n"}),
    ("mllama", "mllama", "MllamaImageProcessor",
     {"size": {"height": 112, "width": 112}, "max_image_tiles": 4,
      "resample": 2, **CLIP}, "MllamaProcessor", {}, {"model_type": "mllama"},
     {"image_token": "<|image|>"}),
    ("pixtral", "pixtral", "PixtralImageProcessor",
     {"size": {"longest_edge": 256}, "patch_size": 16, "resample": 3, **CLIP},
     "PixtralProcessor", {"patch_size": 16, "spatial_merge_size": 1},
     {"model_type": "llava"},
     {"image_token": "[IMG]", "image_break_token": "[IMG_BREAK]",
      "image_end_token": "[IMG_END]"}),
    ("mistral3", "pixtral", "PixtralImageProcessor",
     {"size": {"longest_edge": 308}, "patch_size": 28, "resample": 3, **CLIP},
     "PixtralProcessor", {"patch_size": 14, "spatial_merge_size": 2},
     {"model_type": "mistral3"},
     {"image_token": "[IMG]", "image_break_token": "[IMG_BREAK]",
      "image_end_token": "[IMG_END]"}),
    ("internvl", "got_ocr2", "GotOcr2ImageProcessor",
     {"size": {"height": 84, "width": 84}, "crop_to_patches": True,
      "min_patches": 1, "max_patches": 6, "resample": 3, **CLIP},
     "InternVLProcessor", {"image_seq_length": 9}, {"model_type": "internvl"},
     {"image_token": "<IMG_CONTEXT>", "start_image_token": "<img>",
      "end_image_token": "</img>"}),
]
MODULE_OF = {"InternVLProcessor": "internvl", "LlavaProcessor": "llava"}


def described(outputs):
    """Shapes, all integers, and some floats of each tensor."""
    result = {}
    for name, value in outputs.items():
        array = numpy.asarray(value)
        entry = {"shape": list(array.shape)}
        flat = array.reshape(-1)
        if array.dtype.kind == "f":
            step = max(1, flat.size // 60)
            entry["step"] = step
            entry["values"] = [float(numpy.format_float_positional(v, 8))
                               for v in flat[::step]]
            entry["sum"] = float(flat.astype(numpy.float64).sum())
        elif flat.size <= 64:
            entry["values"] = flat.tolist()
        else:
            entry["sum"] = int(flat.sum())
        result[name] = entry
    return result


def processed(case, size):
    _, module, name, config, processor_name, settings, _, attributes = case
    images = image_processor(module, name, config)
    inputs = images(Image.fromarray(picture(*size)), return_tensors="np")
    result = {"size": list(size)}
    if processor_name:
        processor = made(MODULE_OF.get(processor_name, module), processor_name,
                         image_processor=images, **settings, **attributes)
        if "Idefics3" in processor_name or "SmolVLM" in processor_name:
            inputs = images(Image.fromarray(picture(*size)),
                            return_row_col_info=True, return_tensors="np")
        text = processor.replace_image_token(inputs, 0)
        result["text_length"] = len(text)
        result["text_checksum"] = checksum(text.encode())
    kept = {k: v for k, v in inputs.items() if k not in ("rows", "cols")}
    if "pixel_values" in kept and module in ("gemma3", "got_ocr2"):
        kept["pixel_values"] = numpy.stack(list(kept["pixel_values"]))
    if module == "llava_next":  # one image a row
        kept["pixel_values"] = kept["pixel_values"][0]
    result["inputs"] = described(kept)
    return result


def processors():
    cases = []
    for case in CASES:
        kind, _, name, config, _, settings, model, _ = case
        entry = {"kind": kind, "model": model, "processor": settings,
                 "preprocessor": {**config, "image_processor_type": name},
                 "images": []}
        for size in SIZES:
            try:
                entry["images"].append(processed(case, size))
            except (ValueError, ZeroDivisionError, TypeError) as error:
                entry["images"].append({"size": list(size),
                                        "error": str(error)[:100]})
        cases.append(entry)
    return cases


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                          root / "data" / "images" / "references")
    folder.mkdir(parents=True, exist_ok=True)
    for name, cases in (("resize", resizes()), ("processors", processors())):
        (folder / f"{name}.json").write_text(
            json.dumps({"source": "Pillow 13.0.0, transformers 5.23.0",
                        "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
