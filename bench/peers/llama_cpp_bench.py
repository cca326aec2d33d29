#!/usr/bin/env python3
"""Speed of llama.cpp on a GGUF file, through its C API.

SPDX-License-Identifier: Apache-2.0

usage: llama_cpp_bench.py MODEL.gguf --prompt-tokens N --max-tokens N
           --threads N [--sequences N] [--flash-attention on|off]

Prints one JSON object with the keys of `allm bench --json`. Tokens go through
llama_decode in a loop; nothing is sampled, so that Python is no part of it.
With several sequences each has a prompt of its own, and a step is one
llama_decode with a token of each; the rates are of all of them together.
"""

import argparse
import ctypes
import json
import resource
import time

import llama_cpp

MICRO_BATCH = 512


class Context:
    """A loaded model and a batch that is filled anew for each call."""

    def __init__(self, arguments):
        silent = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
        self._keep = silent
        llama_cpp.llama_backend_init()
        model_options = llama_cpp.llama_model_default_params()
        model_options.use_mmap = not arguments.no_mmap
        model = llama_cpp.llama_model_load_from_file(
            arguments.model.encode(), model_options)
        if not model:
            raise SystemExit(f"cannot load {arguments.model}")
        options = llama_cpp.llama_context_default_params()
        length = arguments.prompt_tokens + arguments.max_tokens + 64
        options.n_ctx = length * arguments.sequences
        options.n_seq_max = arguments.sequences
        options.n_batch = max(MICRO_BATCH, arguments.prompt_tokens)
        options.n_ubatch = MICRO_BATCH
        options.n_threads = arguments.threads
        options.n_threads_batch = arguments.threads
        options.flash_attn_type = int(arguments.flash_attention == "on")
        self.context = llama_cpp.llama_init_from_model(model, options)
        if not self.context:
            raise SystemExit("cannot make a context")
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(model))
        self.batch = llama_cpp.llama_batch_init(options.n_batch, 0, 1)

    def clear(self):
        llama_cpp.llama_memory_clear(
            llama_cpp.llama_get_memory(self.context), True)

    def decode(self, rows):
        """`rows`: (token, position, sequence, whether logits are wanted)."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = wanted
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        llama_cpp.llama_synchronize(self.context)

    def prefill(self, sequence, count):
        self.decode([((7919 * i + 11 + sequence) % self.vocabulary, i,
                      sequence, i == count - 1) for i in range(count)])

    def step(self, position, sequences):
        self.decode([((104729 * position + 5 + sequence) % self.vocabulary,
                      position, sequence, True)
                     for sequence in range(sequences)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sequences", type=int, default=1)
    parser.add_argument("--flash-attention", default="on",
                        choices=("on", "off"))
    parser.add_argument("--no-mmap", action="store_true")
    arguments = parser.parse_args()

    started = time.perf_counter()
    context = Context(arguments)
    loaded = time.perf_counter()
    context.prefill(0, 1)  # first touch of the weights
    context.clear()

    start = time.perf_counter()
    for sequence in range(arguments.sequences):
        context.prefill(sequence, arguments.prompt_tokens)
    prefilled = time.perf_counter()
    steps = arguments.max_tokens - 1
    for i in range(steps):
        context.step(arguments.prompt_tokens + i, arguments.sequences)
    end = time.perf_counter()
    print(json.dumps({
        "prefill_tokens_per_second":
            arguments.sequences * arguments.prompt_tokens
            / (prefilled - start),
        "decode_tokens_per_second":
            arguments.sequences * steps / (end - prefilled),
        "time_to_first_token_seconds":
            (prefilled - start) / arguments.sequences,
        "load_seconds": loaded - started,
        "peak_memory_bytes":
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "version": llama_cpp.__version__,
        "system": llama_cpp.llama_print_system_info().decode(),
    }))


if __name__ == "__main__":
    main()
