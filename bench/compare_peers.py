#!/usr/bin/env python3
"""Speed beside llama.cpp and mlx-lm: interleaved runs, medians, spread.

SPDX-License-Identifier: Apache-2.0

usage: bench/compare_peers.py [GROUP...] [--test speed|depth|batch|start]...
           [--allm build/bench/bin/allm] [--threads 1,2] [--repeat N]
           [--prompt-tokens N] [--max-tokens N] [--depth N] [--concurrency N]
           [--exact] [--no-peers] [--json FILE]

A GROUP is one or more models of one shape, comma-separated: GGUF files, which
allm and llama.cpp load, and MLX folders, which allm and mlx-lm load. Needs
bench/peers/setup, and memory_bandwidth beside allm (the preset `bench`).

Every side is tried with each of its settings (threads, flash attention), and
those that are clearly slower are dropped. Then each repetition runs all that is
left once, in turn, so that a machine that slows down slows all of them, and
measures the memory's read bandwidth in between. A table shows, for each
measure, the setting with the best median. Results are added to the JSON file;
without a GROUP its tables are printed as Markdown.

speed: one prompt and an answer. depth: decode behind 128 and behind --depth
tokens. batch: --concurrency answers at once. start: `allm run` from its start
to the first byte of the answer to 20 tokens.
"""

import argparse
import functools
import json
import pathlib
import sys

import peer_sides
import peer_tables
from peer_sides import Lengths

MEASURES = ("prefill_tokens_per_second", "decode_tokens_per_second")
TRIAL = Lengths(64, 32)
TESTS = ("speed", "depth", "batch", "start")
# 20 tokens of SmolLM2.
START_PROMPT = ("The quick brown fox jumps over the lazy dog, and then it "
                "runs back home to sleep all")


def contenders(side):
    """The settings that are worth their time: within 20 % of the best in one
    of the measures, by the best of three short runs."""
    if len(side.settings) == 1:
        return list(side.settings)
    best = {}
    for setting in 3 * side.settings:
        result = side.run(TRIAL, setting)
        best[setting] = [max(result[key], known) for key, known in
                         zip(MEASURES, best.get(setting, (0, 0)))]
    tops = [max(values) for values in zip(*best.values())]
    return [setting for setting, values in best.items()
            if any(value > 0.8 * top for value, top in zip(values, tops))]


def measure(arguments, test, models):
    sides = peer_sides.sides_of(models, arguments.threads, arguments.exact,
                                not arguments.no_peers)
    if test != "speed":  # mlx-lm is for the plain measure alone
        sides = [side for side in sides
                 if not isinstance(side, peer_sides.MlxLm)]
    answer = arguments.max_tokens
    parts = {"speed": [Lengths(arguments.prompt_tokens, answer)],
             "depth": [Lengths(128, answer), Lengths(arguments.depth, answer)],
             "batch": [Lengths(128, answer),
                       Lengths(128, answer, arguments.concurrency)]}[test]
    runs = {side: {setting: [] for setting in contenders(side)}
            for side in sides}
    bandwidth = functools.partial(peer_sides.read_bandwidth, arguments.threads)
    before = bandwidth()
    for _ in range(arguments.repeat):
        for side, of_side in runs.items():
            for setting, done in of_side.items():
                results = []
                for lengths in parts:
                    results.append(side.run(lengths, setting))
                    after = bandwidth()
                    results[-1]["read_gigabytes_per_second"] = (
                        before + after) / 2
                    before = after
                done.append(results)
    return {"test": test, "parts": [vars(lengths) for lengths in parts],
            "sides": {side.name: {
                "bytes": peer_sides.bytes_of(side.model),
                "runs": {" ".join(setting): done
                         for setting, done in of_side.items()}}
                for side, of_side in runs.items()}}


def measure_start(arguments, models):
    runs = [peer_sides.time_to_first_byte(models[0], START_PROMPT)
            for _ in range(arguments.repeat + 1)]
    return {"test": "start", "file_bytes": models[0].stat().st_size,
            "seconds": [seconds for seconds, _ in runs[1:]],  # warm files
            "peak_memory_bytes": [memory for _, memory in runs[1:]]}


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP")
    parser.add_argument("--test", action="append", choices=TESTS)
    parser.add_argument("--allm", type=pathlib.Path,
                        default=peer_sides.ROOT / "build/bench/bin/allm")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--depth", type=int, default=4096)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.threads = [int(n) for n in arguments.threads.split(",")]
    arguments.test = arguments.test or ["speed"]
    return arguments


def main():
    arguments = parse()
    peer_sides.Allm.program = arguments.allm
    if not peer_sides.PEERS.exists():
        sys.exit("compare_peers: run bench/peers/setup first")
    known = {}
    if arguments.json and arguments.json.exists():
        known = json.loads(arguments.json.read_text())
    fresh = {}
    for group in arguments.groups:
        models = [pathlib.Path(name) for name in group.split(",")]
        for test in arguments.test:
            title = " and ".join(model.name for model in models)
            fresh[f"{title}: {test}"] = (
                measure_start(arguments, models) if test == "start"
                else measure(arguments, test, models))
            if arguments.json:
                arguments.json.write_text(json.dumps(known | fresh) + "\n")
    peer_tables.print_all(fresh or known)


if __name__ == "__main__":
    main()
