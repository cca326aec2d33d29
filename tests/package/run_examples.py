"""Runs the three examples as their user would and looks at what they print.

SPDX-License-Identifier: Apache-2.0

usage: run_examples.py EXAMPLES_DIR DEFAULT_MODEL TINY_MODEL EXAMPLE

With the default model the answers are checked; where it has not been fetched
the tiny model of the test data, whose answers mean nothing, shows that the
programs run.
"""

import pathlib
import subprocess
import sys


def run(program, *arguments, stdin=""):
    done = subprocess.run([program, *arguments], input=stdin, timeout=240,
                          capture_output=True, text=True, check=False)
    print(f"$ {program.name} {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return done


def ask(program, model, answers):
    done = run(program, model, "What is the capital of France?")
    assert done.returncode == 0
    assert not answers or "Paris" in done.stdout
    missing = run(program, "no-such-model", "Hello?")
    assert missing.returncode == 14  # ModelNotFoundError
    assert "ModelNotFoundError" in missing.stderr and not missing.stdout
    assert run(program).returncode == 2


def chat(program, model, answers):
    done = run(program, model,
               stdin="What is the capital of France?\n\nAnd of Italy?\n")
    assert done.returncode == 0
    # A line is empty, so its prompt is followed by the next one at once.
    _, first, empty, second, end = done.stdout.split("> ")
    assert first.strip() and not empty and second.strip() and end == "\n"
    # The second question can only be answered from the history.
    assert not answers or ("Paris" in first and "Rome" in second)


def rank_replies(program, model, answers):
    done = run(program, model, "The capital of France is",
               " a banana.", " Paris.", " running quickly.")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    scores = [float(line.split()[0]) for line in lines]
    assert len(lines) == 3 and scores == sorted(scores, reverse=True)
    assert all(score < 0 for score in scores)
    assert not answers or "Paris" in lines[0]
    missing = run(program, "no-such-model", "a", "b")
    assert missing.returncode == 14 and "models that are here" in missing.stderr


def main():
    folder, default_model, tiny_model, name = sys.argv[1:]
    answers = pathlib.Path(default_model).exists()
    test = {"ask": ask, "chat": chat, "rank_replies": rank_replies}[name]
    test(pathlib.Path(folder, name), default_model if answers else tiny_model,
         answers)


if __name__ == "__main__":
    main()
