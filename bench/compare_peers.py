#!/usr/bin/env python3
"""Speed beside llama.cpp on this machine: interleaved runs, medians, spread.

SPDX-License-Identifier: Apache-2.0

usage: bench/compare_peers.py MODEL.gguf... [--allm build/release/bin/allm]
           [--threads N] [--repeat N] [--prompt-tokens N] [--max-tokens N]
           [--json FILE]

Needs bench/peers/setup once. Each repetition runs every side once, in turn, so
that a machine that slows down slows all of them. The table is Markdown.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / ".deps" / "peers" / "bin" / "python"
MEASURES = ("prefill_tokens_per_second", "decode_tokens_per_second")


def run_json(command):
    done = subprocess.run([str(part) for part in command], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def sides_of(arguments, model):
    lengths = ["--prompt-tokens", arguments.prompt_tokens,
               "--max-tokens", arguments.max_tokens,
               "--threads", arguments.threads]
    once = ["--repeat", 1, "--warmup", 0, "--json"]
    sides = {
        "allm": [arguments.allm, "bench", model, *lengths, *once],
        "allm --cpu-exact":
            [arguments.allm, "bench", model, *lengths, *once, "--cpu-exact"],
    }
    if PEERS.exists():
        sides["llama.cpp"] = [
            PEERS, ROOT / "bench" / "peers" / "llama_cpp_bench.py", model,
            *lengths]
    else:
        print("compare_peers: run bench/peers/setup for the peers",
              file=sys.stderr)
    return sides


def summary(values):
    return {"median": statistics.median(values), "minimum": min(values),
            "maximum": max(values)}


def measure(arguments, model):
    sides = sides_of(arguments, model)
    runs = {name: [] for name in sides}
    for _ in range(arguments.repeat):
        for name, command in sides.items():
            runs[name].append(run_json(command))
    return {name: {key: summary([run[key] for run in results])
                   for key in MEASURES}
            for name, results in runs.items()}


def print_table(model, results):
    print(f"\n{pathlib.Path(model).name}\n")
    print("| side | prefill tokens/s | decode tokens/s | prefill ratio "
          "| decode ratio |")
    print("| --- | --- | --- | --- | --- |")
    base = results.get("llama.cpp")
    for name, measures in results.items():
        cells = [name]
        for key in MEASURES:
            s = measures[key]
            cells.append(f"{s['median']:.1f} "
                         f"({s['minimum']:.1f} to {s['maximum']:.1f})")
        for key in MEASURES:
            cells.append(f"{measures[key]['median'] / base[key]['median']:.2f}"
                         if base else "-")
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--allm",
                        default=ROOT / "build" / "release" / "bin" / "allm")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    everything = {}
    for model in arguments.models:
        everything[str(model)] = measure(arguments, model)
        print_table(model, everything[str(model)])
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=2) + "\n")


if __name__ == "__main__":
    main()
