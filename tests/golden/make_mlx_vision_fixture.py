#!/usr/bin/env python3
"""Turns a fixture of make_vision_fixture.py into what mlx-vlm publishes.

SPDX-License-Identifier: Apache-2.0

usage: make_mlx_vision_fixture.py FOLDER OUT [BITS]

OUT gets mlx-vlm's conversion of the model in FOLDER. With BITS every matrix and
table is quantised in groups of 32, those of the tower too, and the reference is
computed anew by transformers from the values that the codes stand for. Needs
requirements.txt, mlx-vlm and pillow.
"""

import json
import pathlib
import sys

import mlx.core as mx
import numpy
import torch
from mlx_vlm.convert import convert
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

GROUP = 32


def can_be_quantised(_, module):
    return (hasattr(module, "to_quantized") and module.weight.ndim == 2
            and module.weight.shape[-1] % GROUP == 0)


def decoded(weights, scales, biases, bits):
    return numpy.array(mx.dequantize(weights, scales.astype(mx.float32),
                                     biases.astype(mx.float32), GROUP, bits))


def put_decoded(model, folder, bits):
    """The model's weights become what the codes in `folder` stand for."""
    stored = mx.load(str(folder / "model.safetensors"))
    codes = {}
    for name in stored:
        if name.endswith(".scales"):
            module = name[:-len(".scales")]
            codes[module] = decoded(stored[f"{module}.weight"], stored[name],
                                    stored[f"{module}.biases"], bits)
    dtype = next(v.dtype for k, v in stored.items() if k.endswith(".scales"))
    left = set(codes)
    for tensor in model.parameters():
        if tensor.ndim != 2 or tensor.shape[1] % GROUP:
            continue
        again = decoded(*mx.quantize(mx.array(tensor.detach().numpy())
                                     .astype(dtype), GROUP, bits), bits)
        for module, values in codes.items():
            if values.shape == again.shape and (values == again).all():
                tensor.data = torch.from_numpy(values.copy())
                left.discard(module)
    assert not left, f"codes of no tensor: {left}"
    model.tie_weights()


def compute(model, case, arrays):
    ids = torch.tensor([case["ids"]])
    images = {name: arrays[entry["array"]]
              for name, entry in case["inputs"].items()}
    images = {k: v.float() if v.is_floating_point() else v
              for k, v in images.items()}
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids),
              **images}
    if "position_ids" in case:
        inputs["mm_token_type_ids"] = (
            ids == model.config.image_token_id).int()
    with torch.no_grad():
        logits = model(**inputs).logits[0]
        out = model.generate(**inputs, max_new_tokens=len(case["greedy"]),
                             do_sample=False, eos_token_id=-1, pad_token_id=0)
        if case["images"]:
            features = model.get_image_features(**images).pooler_output
            if isinstance(features, (list, tuple)):
                features = torch.cat(list(features))
            arrays[case["image_features"]] = features.reshape(
                -1, features.shape[-1]).contiguous()
    arrays[case["logits"]] = logits[case["logits_positions"]].contiguous()
    case["greedy"] = out.sequences[0, ids.shape[1]:].tolist() \
        if hasattr(out, "sequences") else out[0, ids.shape[1]:].tolist()


def main():
    folder, out = map(pathlib.Path, sys.argv[1:3])
    bits = int(sys.argv[3]) if len(sys.argv) > 3 else None
    mx.set_default_device(mx.cpu)
    quantised = {} if bits is None else {
        "quantize": True, "q_group_size": GROUP, "q_bits": bits,
        "quant_predicate": can_be_quantised}
    convert(str(folder), str(out), dtype=None, **quantised)
    (out / "README.md").unlink(missing_ok=True)
    if bits is None:
        return
    model = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    put_decoded(model, out, bits)
    reference = json.loads((out / "reference.json").read_text())
    arrays = load_file(out / reference["arrays"])
    for case in reference["cases"]:
        compute(model, case, arrays)
    save_file(arrays, out / reference["arrays"])
    (out / "reference.json").write_text(
        json.dumps(reference, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
