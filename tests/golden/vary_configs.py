#!/usr/bin/env python3
"""Compares random variants of tiny configs with PyTorch transformers.

SPDX-License-Identifier: Apache-2.0

usage: vary_configs.py [--trials N] [--seed S] [--golden PROGRAM] [--keep FOLDER]
                       [FAMILY]...

For every model_type that specs/ or the fixtures have a config of (those of
specs/embed/ are called embed/MODEL_TYPE), draws variants: fields of its configuration class take other values, optional ones
are left out, and half of the configs are written the way transformers 5 writes
them. Each becomes a fixture (make_fixture.py) that allm-golden compares. Prints
one JSON line a trial; exits with 1 if one differs. A variant that transformers
itself cannot run is no trial. Experts are in the stacks of transformers 5 now
and then. --keep leaves the folders of those that differ.
"""

import argparse
import contextlib
import io
import json
import math
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import make_fixture
import safetensors.numpy
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
ROOTS = [HERE.parent / "data" / "fixtures" / "text",
         HERE.parents[2] / "shared" / "fixtures" / "text"]
# A difference above this share of the logits' deviation is a wrong formula.
TOLERANCE = 5e-4

ROPES = [
    None,
    {"rope_type": "linear", "factor": 3.0},
    {"rope_type": "dynamic", "factor": 2.0},
    {"rope_type": "yarn", "factor": 4.0,
     "original_max_position_embeddings": 32},
    {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
     "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.3},
    {"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32,
     "mscale": 0.7, "mscale_all_dim": 1.1},
    {"rope_type": "yarn", "factor": 8.0, "truncate": False,
     "original_max_position_embeddings": 32},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
     "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
     "high_freq_factor": 4.0},
    {"rope_type": "yarn", "factor": 4.0},
    {"rope_type": "yarn", "factor": None,
     "original_max_position_embeddings": 64},
    {"rope_type": "proportional", "partial_rotary_factor": 0.5},
]

# What a field of a configuration class may be instead. Fields that a class
# lacks are left alone.
VALUES = {
    "attention_bias": [False, True],
    "mlp_bias": [False, True],
    "use_bias": [False, True],
    "use_qkv_bias": [False, True],
    "qkv_bias": [False, True],
    "bias": [False, True],
    "lm_head_bias": [False, True],
    "add_bias_linear": [False, True],
    "tie_word_embeddings": [False, True],
    "num_attention_heads": [2, 4, 6],
    "num_key_value_heads": [1, 2],
    "head_dim": [8, 16, 20],
    "hidden_size": [32, 48],
    "intermediate_size": [40, 72],
    "num_hidden_layers": [2, 3, 4],
    "partial_rotary_factor": [0.25, 0.5, 0.75, 1.0],
    "rotary_pct": [0.25, 0.5, 1.0],
    "rope_theta": [5000.0, 1000000.0],
    "rms_norm_eps": [1e-6, 1e-3],
    "layer_norm_eps": [1e-6, 1e-3],
    "norm_eps": [1e-6, 1e-3],
    "norm_epsilon": [1e-6, 1e-3],
    "layer_norm_epsilon": [1e-6, 1e-3],
    "hidden_act": ["silu", "gelu", "gelu_pytorch_tanh", "relu2", "gelu_new",
                   "relu"],
    "activation_function": ["gelu", "gelu_new", "relu", "gelu_fast",
                            "gelu_pytorch_tanh"],
    "sliding_window": [None, 8, 20],
    "use_sliding_window": [False, True],
    "max_window_layers": [0, 1, 2],
    "norm_topk_prob": [False, True],
    "norm_top_k_prob": [False, True],
    "num_experts_per_tok": [1, 2, 3],
    "n_shared_experts": [1, 2],
    "num_shared_experts": [1, 2],
    "first_k_dense_replace": [0, 1, 2],
    "decoder_sparse_step": [1, 2],
    "mlp_only_layers": [[], [0], [1]],
    "routed_scaling_factor": [1.0, 2.5],
    "attn_logit_softcapping": [None, 20.0],
    "final_logit_softcapping": [None, 15.0],
    "query_pre_attn_scalar": [9, 24],
    "logit_scale": [0.0625, 0.3, 1.0],
    "embedding_multiplier": [1.0, 5.0],
    "residual_multiplier": [0.3, 1.0],
    "attention_multiplier": [0.1, 1.0],
    "logits_scaling": [1.0, 4.0],
    "use_qk_norm": [False, True],
    "qk_layernorm": [False, True],
    "qk_norm": [False, True],
    "clip_qkv": [None, 1.5],
    "use_parallel_residual": [False, True],
    "no_rope_layer_interval": [2, 3],
    "scale_attn_by_inverse_layer_idx": [False, True],
    "scale_attn_weights": [False, True],
    "multi_query": [False, True],
    "parallel_attn": [False, True],
    "new_decoder_architecture": [False, True],
    "alibi": [False, True],
    "conv_bias": [False, True],
    "conv_L_cache": [2, 3, 4],
    "mamba_conv_bias": [False, True],
    "mamba_proj_bias": [False, True],
    "mamba_rms_norm": [False, True],
    "mamba_norm_before_gate": [False, True],
    "do_layer_norm_before": [False, True],
    "projectors_bias": [False, True],
    "moe_layer_start_index": [0, 1],
    "moe_layer_interval": [1, 2],
    "use_conv_bias": [False, True],
    "conv_kernel": [2, 4],
    "swiglu_limit": [3.0, 7.0],
    "attention_out_bias": [False, True],
    "attention_chunk_size": [8, 24],
    "attn_temperature_tuning": [False, True],
    "interleave_moe_layer_step": [1, 2],
    "topk_method": ["greedy", "group_limited_greedy"],
    "q_lora_rank": [None, 12],
    "scale_embedding": [False, True],
    "scale_embeddings": [False, True],
    "layernorm_num_groups": [1, 2],
}
# What differs on purpose: fields that no published model of the family sets.
LEFT_ALONE = {
    "apertus": ["hidden_act"],  # its own activation alone
    "gemma": ["hidden_act"],  # version 4 and 5 of the library differ
    # Values near the cutoff of sparse layers, which a small epsilon enlarges.
    "gemma3n_text": ["rms_norm_eps"],
    # Recurrent layers have silu alone.
    # Heads of odd sizes, which no model has.
    "bamba": ["hidden_act", "num_attention_heads"],
    "jamba": ["hidden_act", "num_attention_heads"],
    "olmo_hybrid": ["hidden_act", "num_attention_heads"],
    "falcon_h1": ["hidden_act", "rope_theta"], "falcon_mamba": ["hidden_act"],
    "granitemoehybrid": ["hidden_act"], "mamba": ["hidden_act"],
    "mamba2": ["hidden_act"], "qwen3_next": ["hidden_act"],
    "qwen3_5_text": ["hidden_act", "head_dim"],  # as mrope_section says
    "qwen3_5_moe_text": ["hidden_act", "head_dim"],
    # Latent attention has no heads of keys.
    "deepseek_v2": ["num_attention_heads", "num_key_value_heads"],
    "deepseek_v3": ["num_attention_heads", "num_key_value_heads"],
    "deepseek_v32": ["num_attention_heads", "num_key_value_heads",
                     "q_lora_rank", "num_experts_per_tok"],
    "glm4_moe_lite": ["num_attention_heads", "num_key_value_heads"],
    "glm_moe_dsa": ["num_attention_heads", "num_key_value_heads",
                    "q_lora_rank"],
    "youtu": ["num_attention_heads", "num_key_value_heads"],
    "minicpm3": ["num_attention_heads", "num_key_value_heads"],
    "mistral4": ["num_attention_heads", "num_key_value_heads"],
    # The library's plain implementation adds ALiBi's scores twice.
    "falcon": ["alibi"],
    "nemotron_h": ["tie_word_embeddings"],  # the reference never ties it
    "phimoe": ["num_experts_per_tok"],  # the reference takes two, always
}
# Fields whose defaults are part of the format, so that configs may lack them.
OPTIONAL = ["attention_bias", "mlp_bias", "head_dim", "partial_rotary_factor",
            "rope_theta", "rms_norm_eps", "layer_norm_eps", "norm_eps",
            "hidden_act", "norm_topk_prob", "tie_word_embeddings",
            "logit_scale", "use_qk_norm", "qk_layernorm", "clip_qkv",
            "sliding_window", "rope_scaling", "use_bias", "scoring_func",
            "routed_scaling_factor", "num_key_value_heads",
            "num_experts_per_tok", "moe_k", "n_shared_experts",
            "num_shared_experts", "moe_num_shared_experts", "n_group",
            "topk_group", "first_k_dense_replace", "q_lora_rank"]


def base_specs(families):
    """One spec a config at hand, by its model_type."""
    specs = {}
    for path in sorted((HERE / "specs").glob("*.json")):
        spec = json.loads(path.read_text())
        if "nest" not in spec and "auto_map" not in spec["config"]:
            specs.setdefault(spec["config"]["model_type"], []).append(spec)
    for path in sorted((HERE / "specs" / "embed").glob("*.json")):
        spec = json.loads(path.read_text())
        if "published" not in spec:
            specs.setdefault("embed/" + spec["config"]["model_type"],
                             []).append(spec)
    for root in ROOTS:
        for path in sorted(root.glob("*/config.json")):
            config = json.loads(path.read_text())
            if (HERE / "specs" / f"{path.parent.name}.json").is_file():
                continue
            if "text_config" not in config:
                specs.setdefault(config["model_type"], []).append(
                    {"config": config})
    known = transformers.models.auto.configuration_auto.CONFIG_MAPPING_NAMES
    return {name: found for name, found in sorted(specs.items())
            if name.removeprefix("embed/") in known and (not families or name in families)}


def vary(spec, rng):
    spec = json.loads(json.dumps(spec))
    spec.pop("extra", None)
    config = spec["config"]
    # Encoders count positions from the padding token's id on.
    padding = config.get("pad_token_id") if "pooling" in spec else None
    for field in ("vocab_size", "pad_token_id", "bos_token_id", "eos_token_id",
                  "transformers_version"):
        config.pop(field, None)
    if padding is not None:
        config["pad_token_id"] = padding
    kind = transformers.AutoConfig.for_model(config["model_type"])
    known = {**kind.to_dict(), **config}
    changed = {}
    for field, values in VALUES.items():
        if field in LEFT_ALONE.get(config["model_type"], []):
            continue
        if field in known and rng.random() < 0.3:
            changed[field] = rng.choice(values)
    for field in OPTIONAL:
        if (field in config and field not in changed and rng.random() < 0.08
                and field not in LEFT_ALONE.get(config["model_type"], [])):
            changed[field] = "absent"
    takes_rope = "rope_parameters" in known or "rope_theta" in config
    plain = config.get("rope_scaling") is None and "rope_parameters" not in config
    if takes_rope and plain and rng.random() < 0.4:
        changed["rope_scaling"] = rng.choice(ROPES)
    for field, value in changed.items():
        if value == "absent":
            config.pop(field, None)
        else:
            config[field] = value
    if rng.random() < 0.1:
        changed["original_max_position_embeddings"] = 48
        config["original_max_position_embeddings"] = 48
    if any("expert" in field for field in known) and rng.random() < 0.4:
        changed["fused"] = spec["fused"] = True
    layers = config.get("num_hidden_layers", 0)
    if "layer_types" in config and len(config["layer_types"]) != layers:
        kinds = config["layer_types"]
        config["layer_types"] = [kinds[i % len(kinds)] for i in range(layers)]
    return spec, changed


def write_embedding_fixture(spec, seed, folder, new_style):
    import make_embedding_fixture
    with contextlib.redirect_stdout(io.StringIO()):
        make_embedding_fixture.make({**spec, "seed": seed}, folder.name, folder)
    if new_style:
        transformers.AutoConfig.from_pretrained(folder).save_pretrained(folder)
    return math.inf


def write_fixture(spec, seed, folder, new_style):
    """Prompts without the rest of a fixture; what they need is less."""
    if "pooling" in spec:
        return write_embedding_fixture(spec, seed, folder, new_style)
    facts = make_fixture.write_model(spec, seed, folder)
    model = make_fixture.load_widened(folder, spec)
    ids = random.Random(seed)
    arrays = {}
    prompts = make_fixture.run_prompts(
        model, [[ids.randrange(facts["ordinary"]) for _ in range(n)]
                for n in (5, 70)], arrays, spec.get("cached", False))
    if new_style:
        model.config.save_pretrained(folder)
    return write_reference(folder, spec, prompts, arrays)


def write_reference(folder, spec, prompts, arrays):
    """The smallest margin of a greedy token."""
    values = arrays["prompt1.logits"]
    deviation = float(values.std())
    if not math.isfinite(deviation):
        raise ValueError("the reference has no finite logits")
    safetensors.numpy.save_file(
        {key: value.astype("float32").copy() for key, value in arrays.items()},
        folder / "reference" / "arrays.safetensors")
    tolerance = TOLERANCE * max(deviation, 1)
    (folder / "reference.json").write_text(json.dumps({
        "kind": "text", "name": folder.name,
        "model_type": spec["config"]["model_type"],
        "tolerance": {"float32": {"max_abs_logits": tolerance}},
        "arrays": "reference/arrays.safetensors", "prompts": prompts}))
    return min(prompt["min_top2_gap"] for prompt in prompts)


def compare(golden, folder, gap):
    """The line of allm-golden; near ties do not count against the tokens."""
    run = subprocess.run([golden, str(folder)], capture_output=True, text=True)
    if not run.stdout.strip():
        return {"pass": False, "error": run.stderr.strip()[-300:]}
    result = json.loads(run.stdout.splitlines()[0])
    near = result["max_logit_difference"] <= result["tolerance"]
    tied = gap < 3 * result["max_logit_difference"]
    result["pass"] = "error" not in result and near and (
        result["greedy_equal"] or tied)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--golden", default="build/release/bin/allm-golden")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("families", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    make_fixture.NEW_TOKENS = 6
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="vary_configs."))
    failed = 0
    for family, specs in base_specs(options.families).items():
        rng = random.Random(f"{family} {options.seed}")
        for trial in range(options.trials):
            spec, changed = vary(rng.choice(specs), rng)
            new_style = rng.random() < 0.5
            name = f"{family}-{options.seed}-{trial}".replace("/", "-")
            folder = scratch / name
            line = {"name": name, "changed": changed, "new_style": new_style}
            try:
                gap = write_fixture(spec, trial + 1, folder, new_style)
            except Exception as error:  # any refusal of the reference's
                line["reference"] = repr(error)[:200]
            else:
                line.update(compare(options.golden, folder, gap))
                failed += not line["pass"]
                if options.keep and not line["pass"]:
                    shutil.copytree(folder, options.keep / name,
                                    dirs_exist_ok=True)
            print(json.dumps(line), flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    scratch.rmdir()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
