#!/usr/bin/env python3
"""make_fixture.py for architectures that transformers has no code for.

SPDX-License-Identifier: Apache-2.0

usage: make_mlx_fixture.py [--out FOLDER] SPEC...

The reference is mlx-lm in float32 on the CPU. Weights are saved in the layout
of the published checkpoints: experts apart, from which mlx-lm makes its own.
"""

import importlib
import json
import shutil

import mlx.core as mx
import mlx.utils
import mlx_lm
import mlx_lm.models.cache
import numpy
import safetensors.torch
import torch

import make_fixture as text

# From mlx-lm's names to the published ones.
RENAMED = (("mlp.gate.gate_proj.", "mlp.gate."),)


class MlxModel:
    def __init__(self, fields):
        name = f"mlx_lm.models.{fields['model_type']}"
        module = importlib.import_module(name)
        self.model = module.Model(module.ModelArgs.from_dict(fields))

    def shapes(self):
        for name, value in mlx.utils.tree_flatten(self.model.parameters()):
            for own, published in RENAMED:
                name = name.replace(own, published)
            if "switch_mlp" not in name:
                yield name, value.shape
                continue
            for expert in range(value.shape[0]):
                yield (name.replace("switch_mlp", f"experts.{expert}"),
                       value.shape[1:])

    def load(self, file):
        weights = {name: values.astype(mx.float32)
                   for name, values in mx.load(str(file)).items()}
        if hasattr(self.model, "sanitize"):
            weights = self.model.sanitize(weights)
        self.model.load_weights(list(weights.items()), strict=True)
        return self


def write_model(spec, seed, folder):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reference").mkdir(parents=True)
    tokenizer = text.make_tokenizer(folder)
    fields = dict(spec["config"])
    fields.setdefault("vocab_size", tokenizer.get_vocab_size())
    for name, word in (("bos", "<s>"), ("eos", "</s>"), ("pad", "<pad>")):
        fields[f"{name}_token_id"] = tokenizer.token_to_id(word)
    fields["torch_dtype"] = "bfloat16"
    text.write_json(folder / "config.json", fields)
    text.write_json(folder / "generation_config.json", {
        "bos_token_id": fields["bos_token_id"],
        "eos_token_id": fields["eos_token_id"], "do_sample": False})
    drawer = text.Drawer(spec, seed)
    tensors = {}
    for name, shape in sorted(MlxModel(fields).shapes()):
        drawn = numpy.asarray(drawer.draw(name, tuple(shape)), "float32")
        tensors[name] = torch.from_numpy(drawn).to(torch.bfloat16)
    safetensors.torch.save_file(tensors, folder / "model.safetensors",
                                {"format": "pt"})
    text.edit_names(spec, folder / "model.safetensors")
    return {"architecture": fields["architectures"][0],
            "parameters": sum(t.numel() for t in tensors.values()),
            "ordinary": tokenizer.get_vocab_size() - len(text.SPECIAL),
            "pad": fields["pad_token_id"]}


def load_widened(folder, spec):
    fields = json.loads((folder / "config.json").read_text())
    return MlxModel(fields).load(folder / "model.safetensors")


def logits_of(model, ids, mask=None):
    if mask is not None:
        raise TypeError("no padding here")
    return numpy.array(model.model(mx.array(ids)))


def greedy(model, ids):
    cache = mlx_lm.models.cache.make_prompt_cache(model.model)
    tokens, rows, given = [], [], ids
    for _ in range(text.NEW_TOKENS + 1):
        row = numpy.array(model.model(mx.array([given]), cache=cache)[0, -1])
        rows.append(row)
        tokens.append(int(row.argmax()))
        given = tokens[-1:]
    return tokens[:-1], numpy.stack(rows)


def make(spec, name, folder, make_with=text.make):
    make_with(spec, name, folder)
    file = folder / "reference.json"
    reference = json.loads(file.read_text())
    reference["source"] = {
        "library": "mlx-lm", "mlx_lm": mlx_lm.__version__,
        "mlx": mx.__version__,
        "compute": "float32 on CPU; the weights are the stored ones, widened "
                   "to float32"}
    file.write_text(json.dumps(reference, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    mx.set_default_device(mx.cpu)
    for function in (write_model, load_widened, logits_of, greedy, make):
        setattr(text, function.__name__, function)
    text.main()
