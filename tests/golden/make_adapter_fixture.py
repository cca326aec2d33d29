#!/usr/bin/env python3
"""Makes adapters of the text fixtures with reference outputs.

SPDX-License-Identifier: Apache-2.0

usage: make_adapter_fixture.py [--out FOLDER] [NAME...]

The adapters go into FOLDER/NAME, by default tests/data/fixtures/lora/NAME.
Random factors are written in the format's own names. For PEFT's format the
library itself applies them; for mlx-lm's the reference is computed from the
base's weights with the change in them (mlx-lm runs on no CPU in float32 but
MLX's). requirements.txt beside this file, and peft 0.21, are what it needs.
"""

import argparse
import json
import pathlib

import numpy
import peft
import safetensors.numpy
import torch
import transformers

import make_fixture

HERE = pathlib.Path(__file__).resolve().parent
TEXT = HERE.parent / "data" / "fixtures" / "text"
FIXTURES = HERE.parent / "data" / "fixtures" / "lora"

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
MLP = ["gate_proj", "up_proj", "down_proj"]

ADAPTERS = {
    # Matrices stored with the inputs first.
    "gpt2-lora-peft": {
        "format": "peft", "base": "gpt2", "seed": 6,
        "config": dict(r=3, lora_alpha=5, fan_in_fan_out=True,
                       target_modules=["c_attn", "c_fc", "c_proj"])},
    # A table alone, its columns scaled; the head tied to it stays.
    "granitemoe-dora-peft-table": {
        "format": "peft", "base": "granitemoe", "seed": 10,
        "config": dict(r=3, use_dora=True, target_modules=[
            "embed_tokens", "v_proj"])},
    # A head and another table where the model has one matrix for both.
    "granitemoe-lora-peft-untied": {
        "format": "peft", "base": "granitemoe", "seed": 11,
        "config": dict(r=3, target_modules=["lm_head", "q_proj"],
                       modules_to_save=["embed_tokens"])},
    # A tied table, its rows scaled, changes the head.
    "granitemoe-dora-mlx-table": {
        "format": "mlx", "base": "granitemoe", "seed": 12, "dora": True,
        "rank": 3, "scale": 2.0, "keys": ["embed_tokens"]},
    # Biases in the second factors.
    "phi-lora-peft-bias": {
        "format": "peft", "base": "phi", "seed": 13,
        "config": dict(r=3, lora_alpha=5, lora_bias=True, target_modules=[
            "q_proj", "fc1"])},
    # The weights below the changes are in the file.
    "seed_oss-lora-peft-saved": {
        "format": "peft", "base": "seed_oss", "seed": 14, "saves": True,
        "config": dict(r=3, target_modules=[
            "embed_tokens", "lm_head", "o_proj"],
            alpha_pattern={r"layers\.(0|[2-9])\.self_attn\.o_proj": 3})},
    # Magnitudes, ranks and alphas by pattern, the root of the rank.
    "llama3-dora-peft": {
        "format": "peft", "base": "llama3", "seed": 7,
        "config": dict(r=4, lora_alpha=6, use_dora=True, use_rslora=True,
                       target_modules=ATTENTION + MLP,
                       rank_pattern={"^model.layers.1.mlp.up_proj": 2},
                       alpha_pattern={"k_proj": 3})},
    # A table of embeddings, a fused matrix and a head of its own.
    "phi3-lora-peft-head": {
        "format": "peft", "base": "phi3", "seed": 8,
        "config": dict(r=3, lora_alpha=4, target_modules=[
            "qkv_proj", "gate_up_proj", "embed_tokens"],
            modules_to_save=["lm_head"])},
    "qwen3-dora-mlx": {
        "format": "mlx", "base": "qwen3", "seed": 9, "dora": True,
        "rank": 5, "scale": 1.5, "keys": ["self_attn.q_proj", "mlp.gate_proj",
                                          "mlp.down_proj"]},
}


def draw_peft(model, random):
    for name, values in model.named_parameters():
        shape = tuple(values.shape)
        if "lora_A" in name or "lora_embedding_A" in name:
            drawn = random.standard_normal(shape) / numpy.sqrt(shape[-1])
        elif "lora_B" in name or "lora_embedding_B" in name:
            drawn = random.standard_normal(shape) * 0.5
        elif "lora_magnitude_vector" in name:
            drawn = values.detach().numpy() * random.uniform(0.6, 1.4, shape)
        elif "modules_to_save" in name:
            drawn = random.standard_normal(shape) * 4 / numpy.sqrt(shape[-1])
        else:
            continue
        with torch.no_grad():
            values.copy_(torch.from_numpy(numpy.asarray(drawn, "float32")))


def make_peft(spec, folder, model, random):
    config = peft.LoraConfig(task_type="CAUSAL_LM", **spec["config"])
    adapted = peft.get_peft_model(model, config)
    draw_peft(adapted, random)
    adapted.save_pretrained(
        folder, save_embedding_layers=spec.get("saves", False))
    path = folder / "adapter_config.json"
    fields = json.loads(path.read_text())
    fields["base_model_name_or_path"] = f"../../text/{spec['base']}"
    # Sets are written in no order of their own.
    fields["target_modules"] = sorted(fields["target_modules"])
    make_fixture.write_json(path, fields)
    (folder / "README.md").unlink(missing_ok=True)
    # PEFT counts the head's own tensor as what the config saves.
    return adapted.eval()


def make_mlx(spec, folder, model, random):
    rank, scale = spec["rank"], spec["scale"]
    tensors = {}
    modules = dict(model.named_modules())
    for name in sorted(modules):
        if not any(name.endswith("." + key) for key in spec["keys"]):
            continue
        weight = modules[name].weight
        outputs, inputs = weight.shape
        # Of a table, the first factor has the tokens, not the inputs.
        is_table = isinstance(modules[name], torch.nn.Embedding)
        first, last = (outputs, inputs) if is_table else (inputs, outputs)
        a = random.standard_normal((first, rank)) / numpy.sqrt(inputs)
        b = random.standard_normal((rank, last)) * 0.5
        a, b = a.astype("float32"), b.astype("float32")
        product = a @ b if is_table else (a @ b).T
        changed = weight.detach().numpy() + scale * product
        tensors[name + ".lora_a"], tensors[name + ".lora_b"] = a, b
        if spec.get("dora"):
            length = numpy.linalg.norm(changed, axis=1)
            m = (length * random.uniform(0.6, 1.4, outputs)).astype("float32")
            tensors[name + ".m"] = m
            changed *= (m / length)[:, None]
        with torch.no_grad():
            weight.copy_(torch.from_numpy(changed.astype("float32")))
    safetensors.numpy.save_file(
        {name: numpy.ascontiguousarray(value)
         for name, value in tensors.items()},
        folder / "adapters.safetensors", metadata={"format": "mlx"})
    make_fixture.write_json(folder / "adapter_config.json", {
        "fine_tune_type": "dora" if spec.get("dora") else "lora",
        "num_layers": -1, "model": f"../../text/{spec['base']}",
        "lora_parameters": {"rank": rank, "scale": scale, "dropout": 0.0,
                            "keys": spec["keys"]}})
    return model


def make(name, folder):
    spec = ADAPTERS[name]
    (folder / "reference").mkdir(parents=True, exist_ok=True)
    base = TEXT / spec["base"]
    config = json.loads((base / "config.json").read_text())
    model = make_fixture.load_widened(base, {})
    random = numpy.random.default_rng(spec["seed"])
    draw = lambda n: random.integers(0, config["vocab_size"] - 8, n).tolist()
    plain = make_fixture.logits_of(model, [draw(7)])
    make_adapter = make_peft if spec["format"] == "peft" else make_mlx
    adapted = make_adapter(spec, folder, model, random)
    arrays = {}
    prompts = make_fixture.run_prompts(
        adapted, [draw(n) for n in make_fixture.PROMPT_LENGTHS], arrays)
    safetensors.numpy.save_file(
        {key: numpy.ascontiguousarray(value, "float32")
         for key, value in arrays.items()},
        folder / "reference" / "arrays.safetensors")
    reference = {
        "kind": "lora", "name": name, "of": spec["base"],
        "model_type": config["model_type"],
        "source": {"library": "transformers", "peft": peft.__version__,
                   "transformers": transformers.__version__,
                   "torch": torch.__version__.split("+")[0]},
        "seed": spec["seed"], "stop_tokens_ignored": True,
        "max_new_tokens": make_fixture.NEW_TOKENS,
        "arrays": "reference/arrays.safetensors",
        "base": f"../../text/{spec['base']}",
        "adapter": {"format": spec["format"]},
        "fuses": spec.get("fuses", True),
        "tolerance": {"float32": {"max_abs_logits": 0.005,
                                  "expected": 0.0002}},
        "prompts": prompts,
        "min_top2_gap": min(prompt["min_top2_gap"] for prompt in prompts),
        "logits_std": round(float(plain.std()), 3)}
    make_fixture.write_json(folder / "reference.json", reference)
    print(name, reference["min_top2_gap"], reference["logits_std"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=FIXTURES)
    parser.add_argument("names", nargs="*", default=list(ADAPTERS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for name in options.names:
        make(name, options.out / name)


if __name__ == "__main__":
    main()
