#!/usr/bin/env python3
"""Speed of llama.cpp on a GGUF file, through its C API.

SPDX-License-Identifier: Apache-2.0

usage: llama_cpp_bench.py MODEL.gguf --prompt-tokens N --max-tokens N --threads N

Prints one JSON object with the keys of `allm bench --json`. Tokens go through
llama_decode in a loop; nothing is sampled, so that Python is no part of it.
"""

import argparse
import ctypes
import json
import time

import llama_cpp


def decode(context, batch, tokens, first_position):
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i] = token
        batch.pos[i] = first_position + i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = 0
        batch.logits[i] = i == len(tokens) - 1
    if llama_cpp.llama_decode(context, batch) != 0:
        raise RuntimeError("llama_decode failed")
    llama_cpp.llama_synchronize(context)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    silent = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    started = time.perf_counter()
    model = llama_cpp.llama_model_load_from_file(
        arguments.model.encode(), llama_cpp.llama_model_default_params())
    if not model:
        raise SystemExit(f"cannot load {arguments.model}")
    options = llama_cpp.llama_context_default_params()
    options.n_ctx = arguments.prompt_tokens + arguments.max_tokens + 64
    options.n_batch = max(512, arguments.prompt_tokens)
    options.n_ubatch = 512
    options.n_threads = arguments.threads
    options.n_threads_batch = arguments.threads
    context = llama_cpp.llama_init_from_model(model, options)
    loaded = time.perf_counter()
    vocabulary = llama_cpp.llama_vocab_n_tokens(
        llama_cpp.llama_model_get_vocab(model))

    batch = llama_cpp.llama_batch_init(options.n_batch, 0, 1)
    prompt = [(7919 * i + 11) % vocabulary
              for i in range(arguments.prompt_tokens)]
    decode(context, batch, prompt[:1], 0)  # first touch of the weights
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)

    start = time.perf_counter()
    decode(context, batch, prompt, 0)
    prefilled = time.perf_counter()
    for i in range(arguments.max_tokens - 1):
        decode(context, batch, [(104729 * i + 5) % vocabulary],
               arguments.prompt_tokens + i)
    end = time.perf_counter()
    print(json.dumps({
        "prefill_tokens_per_second":
            arguments.prompt_tokens / (prefilled - start),
        "decode_tokens_per_second":
            (arguments.max_tokens - 1) / (end - prefilled),
        "time_to_first_token_seconds": prefilled - start,
        "load_seconds": loaded - started,
    }))


if __name__ == "__main__":
    main()
