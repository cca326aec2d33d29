#!/usr/bin/env python3
"""Speed of mlx-lm on a folder in MLX's format, with MLX's CPU backend.

SPDX-License-Identifier: Apache-2.0

usage: mlx_lm_bench.py FOLDER --prompt-tokens N --max-tokens N
           [--dtype float32|bfloat16]

Prints one JSON object with the keys of `allm bench --json`. The step takes the
largest logit and feeds it back; nothing else is sampled. float32, to which
weights that are not quantised are converted, is the faster one on CPUs.
"""

import argparse
import json
import pathlib
import resource
import time

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model


def step(model, tokens, cache):
    logits = model(mx.array(tokens)[None], cache=cache)[0, -1]
    token = mx.argmax(logits)
    mx.eval(token, [layer.state for layer in cache])
    return token.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--prompt-tokens", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=8)
    parser.add_argument("--dtype", default="float32",
                        choices=("float32", "bfloat16"))
    arguments = parser.parse_args()
    mx.set_default_device(mx.cpu)
    started = time.perf_counter()
    model, config = load_model(arguments.model)
    model.set_dtype(getattr(mx, arguments.dtype))
    mx.eval(model.parameters())
    loaded = time.perf_counter()
    vocabulary = config["vocab_size"]
    step(model, [11], make_prompt_cache(model))  # first touch of the weights

    cache = make_prompt_cache(model)
    prompt = [(7919 * i + 11) % vocabulary
              for i in range(arguments.prompt_tokens)]
    start = time.perf_counter()
    token = step(model, prompt, cache)
    prefilled = time.perf_counter()
    for _ in range(arguments.max_tokens - 1):
        token = step(model, [token], cache)
    end = time.perf_counter()
    print(json.dumps({
        "prefill_tokens_per_second":
            arguments.prompt_tokens / (prefilled - start),
        "decode_tokens_per_second":
            (arguments.max_tokens - 1) / (end - prefilled),
        "time_to_first_token_seconds": prefilled - start,
        "load_seconds": loaded - started,
        "peak_memory_bytes":
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "version": mx.__version__,
    }))


if __name__ == "__main__":
    main()
