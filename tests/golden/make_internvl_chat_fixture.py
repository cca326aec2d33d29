#!/usr/bin/env python3
"""Turns InternVL's fixture in transformers' layout into one in its authors'.

SPDX-License-Identifier: Apache-2.0

usage: make_internvl_chat_fixture.py FOLDER OUT

The weights, and so the reference, are the same; names, config.json and
preprocessor_config.json are those of OpenGVLab's repositories. Needs
requirements.txt.
"""

import json
import pathlib
import re
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file

LAYER = r"^model\.vision_tower\.encoder\.layer\.(\d+)\."
RENAMED = [
    (LAYER + r"lambda_([12])$", r"vision_model.encoder.layers.\1.ls\2"),
    (LAYER + r"layernorm_before\.", r"vision_model.encoder.layers.\1.norm1."),
    (LAYER + r"layernorm_after\.", r"vision_model.encoder.layers.\1.norm2."),
    (LAYER + r"attention\.projection_layer\.",
     r"vision_model.encoder.layers.\1.attn.proj."),
    (LAYER + r"attention\.([qk]_norm)\.",
     r"vision_model.encoder.layers.\1.attn.\2."),
    (LAYER, r"vision_model.encoder.layers.\1."),
    (r"^model\.vision_tower\.embeddings\.cls_token$",
     "vision_model.embeddings.class_embedding"),
    (r"^model\.vision_tower\.embeddings\.position_embeddings$",
     "vision_model.embeddings.position_embedding"),
    (r"^model\.vision_tower\.embeddings\.patch_embeddings\.projection\.",
     "vision_model.embeddings.patch_embedding."),
    (r"^model\.multi_modal_projector\.layer_norm\.", "mlp1.0."),
    (r"^model\.multi_modal_projector\.linear_1\.", "mlp1.1."),
    (r"^model\.multi_modal_projector\.linear_2\.", "mlp1.3."),
    (r"^lm_head\.", "language_model.lm_head."),
    (r"^model\.language_model\.", "language_model.model."),
]


def renamed(name):
    for pattern, replacement in RENAMED:
        if re.search(pattern, name):
            return re.sub(pattern, replacement, name)
    return name


def own_weights(weights):
    own = {}
    for name, tensor in weights.items():
        match = re.match(LAYER + r"attention\.q_proj\.(\w+)$", name)
        if match:
            fused = [weights[name.replace("q_proj", f"{part}_proj")]
                     for part in "qkv"]
            own[f"vision_model.encoder.layers.{match[1]}.attn.qkv."
                f"{match[2]}"] = torch.cat(fused).contiguous()
        elif not re.search(LAYER + r"attention\.[kv]_proj\.", name):
            own[renamed(name)] = tensor.contiguous()
    return own


def main():
    folder, out = map(pathlib.Path, sys.argv[1:3])
    shutil.copytree(folder, out, dirs_exist_ok=True)
    save_file(own_weights(load_file(folder / "model.safetensors")),
              out / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    vision = config["vision_config"]
    side = vision["image_size"][0]
    (out / "config.json").write_text(json.dumps({
        "architectures": ["InternVLChatModel"], "model_type": "internvl_chat",
        "downsample_ratio": config["downsample_ratio"],
        "dynamic_image_size": True, "force_image_size": side,
        "llm_config": config["text_config"],
        "max_dynamic_patch": settings["max_patches"],
        "min_dynamic_patch": settings["min_patches"], "ps_version": "v2",
        "select_layer": -1, "template": "internvl2_5", "use_thumbnail": True,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16",
        "vision_config": {
            "model_type": "intern_vit_6b", "image_size": side,
            "patch_size": vision["patch_size"][0],
            "qk_normalization": vision["use_qk_norm"],
            "qkv_bias": vision["attention_bias"],
            **{key: vision[key] for key in (
                "hidden_size", "intermediate_size", "num_hidden_layers",
                "num_attention_heads", "norm_type", "layer_norm_eps",
                "num_channels", "hidden_act")}}}, indent=1) + "\n")
    (out / "preprocessor_config.json").write_text(json.dumps({
        "crop_size": side, "do_center_crop": True, "do_normalize": True,
        "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": settings["image_mean"],
        "image_std": settings["image_std"], "resample": 3, "size": side},
        indent=1) + "\n")
    (out / "processor_config.json").unlink(missing_ok=True)
    reference = json.loads((folder / "reference.json").read_text())
    reference.update(name="internvl_chat", model_type="internvl_chat",
                     image_token_id=config["image_token_id"])
    (out / "reference.json").write_text(
        json.dumps(reference, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
