"""The sides of a comparison: how each is run, and what it can load.

SPDX-License-Identifier: Apache-2.0
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / ".deps" / "peers" / "bin" / "python"
SCRIPTS = ROOT / "bench" / "peers"


def run_json(command):
    done = subprocess.run([str(part) for part in command], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


@dataclasses.dataclass(frozen=True)
class Lengths:
    prompt: int
    answer: int
    sequences: int = 1


@dataclasses.dataclass(frozen=True)
class Side:
    """One program on one model; `settings` are tried, the best is taken."""
    name: str
    model: pathlib.Path
    settings: tuple  # of tuples of arguments

    def run(self, lengths, setting):
        raise NotImplementedError


class Allm(Side):
    program = ROOT / "build" / "release" / "bin" / "allm"

    def run(self, lengths, setting):
        command = [self.program, "bench", self.model, "--json",
                   "--repeat", 1, "--warmup", 0,
                   "--prompt-tokens", lengths.prompt,
                   "--max-tokens", lengths.answer, *setting]
        if lengths.sequences > 1:
            command += ["--concurrency", lengths.sequences]
        return run_json(command)


class LlamaCpp(Side):
    def run(self, lengths, setting):
        return run_json([PEERS, SCRIPTS / "llama_cpp_bench.py", self.model,
                         "--prompt-tokens", lengths.prompt,
                         "--max-tokens", lengths.answer,
                         "--sequences", lengths.sequences, *setting])


class MlxLm(Side):
    """Takes minutes where the others take seconds, so shorter runs."""
    longest = Lengths(32, 8)

    def run(self, lengths, setting):
        return run_json([
            PEERS, SCRIPTS / "mlx_lm_bench.py", self.model,
            "--prompt-tokens", min(lengths.prompt, self.longest.prompt),
            "--max-tokens", min(lengths.answer, self.longest.answer),
            *setting])


def sides_of(models, threads, with_exact, with_peers):
    """Every program with every one of `models` that it loads."""
    sides = []
    for model in models:
        folder = model.is_dir()
        label = "" if len(models) == 1 else " " + model.name.split("-")[-1]
        ours = tuple(("--threads", str(count)) for count in threads)
        sides.append(Allm("allm" + label, model, ours))
        if with_exact:
            sides.append(Allm("allm --cpu-exact" + label, model, tuple(
                (*setting, "--cpu-exact") for setting in ours)))
        if not with_peers:
            continue
        if folder:
            sides.append(MlxLm("mlx-lm" + label, model, ((),)))
        else:
            sides.append(LlamaCpp("llama.cpp" + label, model, tuple(
                (*setting, "--flash-attention", attention)
                for setting in ours for attention in ("on", "off"))))
    return sides


def read_bandwidth(threads):
    """Gigabytes per second of a plain read, the best of some passes."""
    program = Allm.program.parent / "memory_bandwidth"
    return max(run_json([program, count, 512, 5])["best_gigabytes_per_second"]
               for count in threads)


def bytes_of(model):
    return run_json([PEERS, SCRIPTS / "model_bytes.py", model])


def time_to_first_byte(model, prompt):
    """Seconds from the start of `allm run` to the first byte of the answer,
    and the most memory that the process held, in bytes."""
    start = time.perf_counter()
    child = subprocess.Popen(
        [Allm.program, "run", "--raw", "--temperature", "0", "--ignore-eos",
         "--max-tokens", "8", model, prompt],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    child.stdout.read(1)
    seconds = time.perf_counter() - start
    child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError(f"allm run ended with {status}")
    return seconds, usage.ru_maxrss * 1024
