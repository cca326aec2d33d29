#!/usr/bin/env python3
"""Compares configs that lack a field with PyTorch transformers.

SPDX-License-Identifier: Apache-2.0

usage: drop_fields.py [--golden PROGRAM] [--keep FOLDER] [FAMILY]...

For every model_type that specs/ or the fixtures have a config of, leaves out
each field of the config in turn, then sets each field that the configuration
class knows to null. Where the reference can run the result, allm-golden must
compute the same, or refuse the config by name: a default of ours that differs
from the library's shows here. Windows are longer than prompts mostly; trials of
such fields have a prompt that reaches beyond them. Prints one JSON line a trial
that differs or is refused and one a family; exits with 1 if one differs.
"""

import argparse
import json
import pathlib
import random
import shutil
import sys
import tempfile

import make_fixture
import torch
import transformers
import vary_configs

# Sizes that decide how large a model is. Every config says them.
SIZES = {"hidden_size", "vocab_size", "num_hidden_layers", "n_embd", "n_layer",
         "num_layers", "d_model", "n_layers", "word_embed_proj_dim",
         "intermediate_size", "num_attention_heads", "n_head", "model_type"}
IGNORED = {"architectures", "transformers_version", "dtype", "torch_dtype",
           "bos_token_id", "eos_token_id", "pad_token_id", "use_cache",
           "return_dict", "output_hidden_states", "output_attentions",
           "id2label", "label2id", "problem_type", "chunk_size_feed_forward",
           "is_encoder_decoder", "initializer_range", "auto_map"}
WINDOWS = {"sliding_window", "use_sliding_window", "layer_types",
           "max_window_layers", "sliding_window_pattern",
           "sliding_window_size", "attention_chunk_size"}
LONGEST = 8300  # tokens; what windows reach beyond that is not compared
MOST_PARAMETERS = 30_000_000


def trials_of(config):
    """Pairs of a name and the changed config."""
    kind = transformers.AutoConfig.for_model(config["model_type"]).to_dict()
    for field in config:
        if field not in SIZES | IGNORED:
            yield f"-{field}", {k: v for k, v in config.items() if k != field}
    for field in sorted(set(kind) | set(config)):
        if field not in SIZES | IGNORED and config.get(field, "") is not None:
            yield f"{field}=null", {**config, field: None}


def long_prompt(config, field):
    """Tokens that reach beyond the window, or a few."""
    if field.strip("-").split("=")[0] not in WINDOWS:
        return 70
    kind = type(transformers.AutoConfig.for_model(config["model_type"]))
    resolved = kind(**json.loads(json.dumps(config))).to_dict()
    defaults = kind().to_dict()
    sizes = [given.get(name) for given in (resolved, defaults)
             for name in ("sliding_window", "attention_chunk_size")]
    reached = [size for size in sizes
               if isinstance(size, int) and 70 < size + 20 <= LONGEST]
    return max(reached, default=50) + 20


def write_trial(spec, folder, length):
    facts = make_fixture.write_model(spec, 1, folder)
    if facts["parameters"] > MOST_PARAMETERS:
        raise ValueError("too large")
    model = make_fixture.load_widened(folder, spec)
    ids = random.Random(1)
    arrays = {}
    prompts = make_fixture.run_prompts(
        model, [[ids.randrange(facts["ordinary"]) for _ in range(n)]
                for n in (5, length)], arrays)
    return vary_configs.write_reference(folder, spec, prompts, arrays)


def run_trial(golden, spec, field, folder):
    try:
        length = long_prompt(spec["config"], field)
        with torch.device("meta"):
            config = transformers.AutoConfig.for_model(**spec["config"])
            model = transformers.AutoModelForCausalLM.from_config(config)
        if sum(p.numel() for p in model.parameters()) > MOST_PARAMETERS:
            return None
        gap = write_trial(spec, folder, length)
    except Exception:  # any refusal of the reference's
        return None
    return vary_configs.compare(golden, folder, gap)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--golden", default="build/release/bin/allm-golden")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("families", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    make_fixture.NEW_TOKENS = 3
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="drop_fields."))
    failed = 0
    for family, specs in vary_configs.base_specs(options.families).items():
        counts = {"family": family, "equal": 0, "refused": 0, "differs": 0}
        spec = json.loads(json.dumps(specs[0]))
        spec.pop("extra", None)
        # make_fixture fills these in.
        for field in ("vocab_size", "pad_token_id", "bos_token_id",
                      "eos_token_id", "transformers_version"):
            spec["config"].pop(field, None)
        for field, config in trials_of(spec["config"]):
            folder = scratch / f"{family}{field}"
            result = run_trial(options.golden, {**spec, "config": config},
                               field, folder)
            if result is not None:
                refused = "error" in result
                state = ("equal" if result["pass"] else
                         "refused" if refused else "differs")
                counts[state] += 1
                if state != "equal":
                    print(json.dumps({
                        "family": family, "field": field, "state": state,
                        "off": result.get("max_logit_difference"),
                        "error": result.get("error")}), flush=True)
                if state == "differs" and options.keep:
                    shutil.copytree(folder, options.keep / folder.name,
                                    dirs_exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        print(json.dumps(counts), flush=True)
        failed += counts["differs"]
    scratch.rmdir()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
