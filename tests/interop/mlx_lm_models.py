#!/usr/bin/env python3
"""Model folders that `allm quantize` writes, in mlx-lm, and mlx-lm's in `allm`.

SPDX-License-Identifier: Apache-2.0

usage: mlx_lm_models.py ALLM MODEL...

Run it with the Python of an environment that has requirements.txt beside this
file. MODEL is a folder in Hugging Face's format; small ones will do. Each is
quantised in several ways by both programs; both predict a text with what they
and the other wrote, and the sums of negative log-probabilities must agree.
Prints a line a check and exits with the number of failures. A model that
mlx-lm does not read as published is left out, with a line that says so. Of the
fixtures, those differ of which mlx-lm computes something else itself: phi3
(always the long factors), mamba and mamba2 (their epsilons), falcon_h1 (no
key_multiplier, no attention_in_multiplier for values, one norm for all groups),
bailing_moe (norms a quantised head), and in MXFP4 models whose last norms stand
behind a half (its kernels round once more).
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import mlx.core as mx
import mlx_lm
from mlx_lm.utils import load_model, load_tokenizer

# Short: mlx-lm leaves the windows of several models out.
TEXT = "A lazy dog, 12é"
WAYS = {
    "plain": [], "affine4": ["--bits", "4", "--group-size", "32"],
    "affine8": ["--bits", "8", "--group-size", "32"],
    "mixed_3_6": ["--recipe", "mixed_3_6", "--group-size", "32"],
    "mxfp4": ["--mode", "mxfp4"], "mxfp8": ["--mode", "mxfp8"],
    "nvfp4": ["--mode", "nvfp4"]}
MOST_DIFFERENCE = 1e-4  # of the sums, relative: both compute in float32


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
        detail = str(getattr(error, "stderr", "") or error)
        print(f"FAILED {name}: {' '.join(detail.split())[:300]}")
        return 1
    close = abs(ours - theirs) <= MOST_DIFFERENCE * abs(theirs)
    print(f"{'ok' if close else 'FAILED'} {name}: {ours:.4f} {theirs:.4f}")
    return 0 if close else 1


def main():
    allm, failures = sys.argv[1], 0
    with tempfile.TemporaryDirectory() as root:
        for model in sys.argv[2:]:
            name = pathlib.Path(model).name
            try:
                score_of_mlx_lm(model)
            except Exception as error:  # whatever its models raise
                print(f"not in mlx-lm: {name}: {str(error)[:200]!r}")
                continue
            for way, options in WAYS.items():
                folder = f"{root}/{name}-{way}"
                command = "quantize" if options else "convert"
                subprocess.run([allm, command, model, folder, *options],
                               check=True, capture_output=True)
                failures += compare(f"allm {name} {way}", allm, folder)
            for bits in (4, 8):
                folder = f"{root}/{name}-theirs{bits}"
                try:
                    mlx_lm.convert(model, mlx_path=folder, quantize=True,
                                   q_bits=bits, q_group_size=32)
                except ValueError as error:
                    print(f"mlx-lm cannot quantise {name}: {error}")
                    continue
                failures += compare(f"mlx-lm {name} {bits}", allm, folder)
    return failures


if __name__ == "__main__":
    sys.exit(main())
