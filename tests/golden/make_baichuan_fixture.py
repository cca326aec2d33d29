#!/usr/bin/env python3
"""make_fixture.py for Baichuan 2 7B, from Llama's code in transformers.

SPDX-License-Identifier: Apache-2.0

usage: make_baichuan_fixture.py [--out FOLDER] baichuan

The published model is Llama with query, key and value in one tensor and with a
head whose rows are scaled to length 1 when it runs: so is the Llama model that
gives the reference, and its checkpoint is stored in the published layout.
"""

import json

import safetensors.torch
import torch

import make_fixture as text


def load_widened(folder, spec, load=text.load_widened):
    model = load(folder, spec)
    with torch.no_grad():
        head = model.lm_head.weight
        head.copy_(torch.nn.functional.normalize(head))
    return model


def publish(spec, folder):
    file = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    for name in [n for n in tensors if n.endswith("q_proj.weight")]:
        parts = [tensors.pop(name.replace("q_proj", part))
                 for part in ("q_proj", "k_proj", "v_proj")]
        tensors[name.replace("q_proj", "W_pack")] = torch.cat(parts)
    safetensors.torch.save_file(tensors, file, {"format": "pt"})
    old = json.loads((folder / "config.json").read_text())
    kept = ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id",
            "torch_dtype")
    text.write_json(folder / "config.json",
                    {**spec["published"], **{key: old[key] for key in kept}})
    reference = json.loads((folder / "reference.json").read_text())
    reference["model_type"] = spec["published"]["model_type"]
    reference["architecture"] = spec["published"]["architectures"][0]
    (folder / "reference.json").write_text(
        json.dumps(reference, ensure_ascii=False) + "\n")


def make(spec, name, folder, make_with=text.make):
    make_with(spec, name, folder)
    publish(spec, folder)


if __name__ == "__main__":
    text.load_widened = load_widened
    text.make = make
    text.main()
