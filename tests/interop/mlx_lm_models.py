#!/usr/bin/env python3
"""Model folders that `allm quantize` writes, in mlx-lm, and mlx-lm's in `allm`.

SPDX-License-Identifier: Apache-2.0

usage: mlx_lm_models.py ALLM MODEL...

Run it with the Python of an environment that has requirements.txt beside this
file. MODEL is a folder in Hugging Face's format; small ones will do. Each is
quantised in several ways by both programs; both predict a text with what they
and the other wrote, and the sums of negative log-probabilities must agree.
Prints a line a check and exits with the number of failures.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import mlx.core as mx
import mlx_lm
from mlx_lm.utils import load_model, load_tokenizer

TEXT = "The quick brown fox jumps over the lazy dog. 12345 naïve café, again."
WAYS = {
    "plain": [], "affine4": ["--bits", "4", "--group-size", "32"],
    "affine8": ["--bits", "8", "--group-size", "32"],
    "mixed_3_6": ["--recipe", "mixed_3_6", "--group-size", "32"],
    "mxfp4": ["--mode", "mxfp4"], "mxfp8": ["--mode", "mxfp8"],
    "nvfp4": ["--mode", "nvfp4"]}
MOST_DIFFERENCE = 0.02  # of the sums, relative: half precision in mlx-lm


def score_of_mlx_lm(folder):
    model, _ = load_model(pathlib.Path(folder))
    model.set_dtype(mx.float32)
    tokenizer = load_tokenizer(pathlib.Path(folder))
    ids = tokenizer.encode(TEXT)
    logits = model(mx.array([ids[:-1]]))[0].astype(mx.float32)
    logits = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    picked = mx.take_along_axis(logits, mx.array(ids[1:])[:, None], axis=-1)
    return -picked.sum().item()


def score_of_allm(allm, folder):
    run = subprocess.run(
        [allm, "eval", folder, "--perplexity", "-", "--json", "--cpu-exact"],
        input=TEXT, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["negative_log_likelihood"]


def compare(name, allm, folder):
    try:
        ours, theirs = score_of_allm(allm, folder), score_of_mlx_lm(folder)
    except (subprocess.CalledProcessError, ValueError, KeyError) as error:
        detail = getattr(error, "stderr", "") or error
        print(f"FAILED {name}: {detail}")
        return 1
    close = abs(ours - theirs) <= MOST_DIFFERENCE * abs(theirs)
    print(f"{'ok' if close else 'FAILED'} {name}: {ours:.4f} {theirs:.4f}")
    return 0 if close else 1


def main():
    allm, failures = sys.argv[1], 0
    with tempfile.TemporaryDirectory() as root:
        for model in sys.argv[2:]:
            name = pathlib.Path(model).name
            for way, options in WAYS.items():
                folder = f"{root}/{name}-{way}"
                command = "quantize" if options else "convert"
                subprocess.run([allm, command, model, folder, *options],
                               check=True, capture_output=True)
                failures += compare(f"allm {name} {way}", allm, folder)
            for bits in (4, 8):
                folder = f"{root}/{name}-theirs{bits}"
                mlx_lm.convert(model, mlx_path=folder, quantize=True,
                               q_bits=bits, q_group_size=32)
                failures += compare(f"mlx-lm {name} {bits}", allm, folder)
    return failures


if __name__ == "__main__":
    sys.exit(main())
