#!/usr/bin/env python3
"""Makes quantised fixtures in mlx-lm's layout out of text fixtures.

SPDX-License-Identifier: Apache-2.0

usage: make_quantised_fixture.py [--out FOLDER] MODE FIXTURE...

MODE is a number of bits or one of mxfp4, mxfp8 and nvfp4. Each fixture of
kind text is converted by mlx-lm, with its names and its choice of what is
quantised how, into FOLDER/NAME-MODE. The reference is mlx-lm in float32 on the
weights widened again: its own kernels round MXFP4 once more.
"""

import argparse
import json
import pathlib
import shutil

import mlx.core as mx
import mlx_lm
import mlx_lm.models.cache
from mlx_lm.utils import (dequantize_model, load_model, quantize_model,
                          save_config, save_model)

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "data" / "fixtures" / "quant"
GROUP = 32
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
          "generation_config.json")


def quantise(source, folder, mode):
    model, config = load_model(source)
    if mode.isdigit():
        model, config = quantize_model(model, config, GROUP, int(mode))
    else:
        model, config = quantize_model(model, config, None, None, mode=mode)
    save_model(folder, model)
    save_config(dict(config), folder / "config.json")
    for name in COPIED:
        if (source / name).exists():
            (folder / name).write_bytes((source / name).read_bytes())
    (folder / "model.safetensors.index.json").unlink()


def greedy(model, ids, count):
    cache = mlx_lm.models.cache.make_prompt_cache(model)
    tokens, given = [], ids
    for _ in range(count + 1):
        row = model(mx.array([given]), cache=cache)[0, -1]
        tokens.append(row.argmax().item())
        given = tokens[-1:]
    return tokens[:-1], row[None]


def refer(folder, text, name, mode):
    model, _ = load_model(folder)
    model.set_dtype(mx.float32)  # of the scales, before they multiply
    model = dequantize_model(model)
    model.set_dtype(mx.float32)
    arrays, prompts = {}, []
    for i, prompt in enumerate(text["prompts"]):
        ids, positions = prompt["ids"], prompt["logits_positions"]
        rows = model(mx.array([ids]))[0]
        tokens, after = greedy(model, ids, text["max_new_tokens"])
        arrays[f"prompt{i}.logits"] = rows[mx.array(positions)]
        arrays[f"prompt{i}.logits_after_greedy"] = after
        prompts.append({"ids": ids, "logits": f"prompt{i}.logits",
                        "logits_positions": positions, "greedy": tokens,
                        "logits_after_greedy":
                            f"prompt{i}.logits_after_greedy"})
    (folder / "reference").mkdir()
    mx.save_safetensors(str(folder / "reference" / "arrays.safetensors"),
                        arrays)
    reference = {
        "kind": "quant", "name": name, "of": text["name"],
        "model_type": text["model_type"],
        "source": {"library": "mlx-lm", "mlx_lm": mlx_lm.__version__,
                   "mlx": mx.__version__,
                   "compute": "float32 on CPU, on the widened weights"},
        "max_new_tokens": text["max_new_tokens"], "stop_tokens_ignored": True,
        "quantisation": {"mode": mode}, "arrays":
        "reference/arrays.safetensors",
        "tolerance": {"float32": {"max_abs_logits": 0.005}},
        "prompts": prompts}
    (folder / "reference.json").write_text(json.dumps(reference) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, default=FIXTURES)
    parser.add_argument("mode")
    parser.add_argument("fixtures", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    mx.set_default_device(mx.cpu)
    for source in arguments.fixtures:
        text = json.loads((source / "reference.json").read_text())
        suffix = arguments.mode + ("bit" if arguments.mode.isdigit() else "")
        name = f"{text['name']}-{suffix}-mlx"
        folder = arguments.out / name
        shutil.rmtree(folder, ignore_errors=True)
        quantise(source, folder, arguments.mode)
        refer(folder, text, name, arguments.mode)
        print(folder)


if __name__ == "__main__":
    main()
