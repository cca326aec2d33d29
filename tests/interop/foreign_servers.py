#!/usr/bin/env python3
"""Asks the OpenAI-compatible servers of other projects through `allm`.

SPDX-License-Identifier: Apache-2.0

usage: foreign_servers.py ALLM GGUF_FILE [MLX_FOLDER]

Run it with the Python of an environment that has requirements.txt beside this
file. Starts llama-cpp-python's server on GGUF_FILE and, if a folder is given,
mlx-lm's on that; asks each for text, continued prompts, stop texts,
log-probabilities and its models; prints a line a check and exits with the
number of failures.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

PATIENCE = 180  # seconds, for a loaded machine


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process for as long as the `with` block runs."""

    def __init__(self, module, *arguments):
        self.port = free_port()
        # mlx-lm's list of models fails where there is no such folder.
        self.cache = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-m", *module, *arguments, "--host", "127.0.0.1",
             "--port", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HF_HUB_CACHE": self.cache.name})

    def __enter__(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url() + "/models", timeout=5)
                return self
            except OSError:
                time.sleep(0.5)
        self.__exit__()
        raise RuntimeError("the server did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.cache.cleanup()

    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"


class Checks:
    def __init__(self, allm, server, model):
        self.allm, self.server, self.model = allm, server, model
        self.failures = 0

    def allm_run(self, *arguments):
        ended = subprocess.run(
            [self.allm, *arguments, "--base-url", self.server.url()],
            capture_output=True, text=True, timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "OPENAI_COMPATIBLE_API_KEY": "none"})
        return ended

    def answer(self, prompt, *options):
        if "--max-tokens" not in options:
            options += ("--max-tokens", "16")
        ended = self.allm_run(
            "run", f"openai-compatible/{self.model}", prompt, "--json",
            "--temperature", "0", *options)
        if ended.returncode != 0:
            raise AssertionError(ended.stderr)
        return json.loads(ended.stdout)

    def check(self, name, holds):
        try:
            problem = "" if holds() else "does not hold"
        except (AssertionError, subprocess.TimeoutExpired, KeyError,
                ValueError) as error:
            problem = str(error)
        self.failures += bool(problem)
        print(f"{'FAILED' if problem else 'ok':7} {name} {problem}".rstrip())


def check_common(checks):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as chat:
        json.dump([{"role": "user", "content": "My name is Zed."},
                   {"role": "assistant", "content": "Hello Zed."},
                   {"role": "user", "content": "What is my name?"}], chat)
        chat.flush()
        checks.check("conversation", lambda: checks.answer(
            "And yours?", "--messages", chat.name)["content"] != "")
    checks.check("system prompt", lambda: checks.answer(
        "Hello", "--system", "You are a pirate.")["content"] != "")
    checks.check("sampling options", lambda: checks.answer(
        "Hello", "--top-k", "5", "--min-p", "0.1", "--repetition-penalty",
        "1.1", "--seed", "3", "--logit-bias", "5=1")["content"] != "")
    checks.check("tools", lambda: checks.answer(
        "What is 2+3?", "--tool", "calculator")["content"] != "")
    checks.check("text", lambda: checks.answer("Hello")["content"] != "")
    checks.check("length", lambda: checks.answer(
        "Write a long story about a sailor.")["finish_reason"] == "length")
    # mlx-lm lists what its cache holds, which may be nothing.
    checks.check("models", lambda: checks.allm_run(
        "list", "openai-compatible", "--ids").returncode == 0)
    checks.check("refusal", lambda: checks.allm_run(
        "run", "openai-compatible/m", "Hi", "--repetition-window",
        "4").returncode == 24)


def check_llama(checks):
    check_common(checks)
    checks.check("answer", lambda: "Paris" in checks.answer(
        "What is the capital of France?")["content"])
    checks.check("continued prompt", lambda: "Paris" in checks.answer(
        "The capital of France is", "--raw")["content"])
    checks.check("JSON", lambda: isinstance(json.loads(checks.answer(
        "A JSON object with a name and an age.", "--json-answer",
        "--max-tokens", "200")["content"]), dict))
    # It knows json_object alone, and says so.
    with tempfile.NamedTemporaryFile("w", suffix=".json") as schema:
        schema.write('{"type": "object"}')
        schema.flush()
        refused = checks.allm_run("run", "openai-compatible/m", "Hi",
                                  "--schema", schema.name)
        checks.check("refused schema", lambda: refused.returncode == 20
                     and "json_object" in refused.stderr)
    checks.check("stop text", lambda: "3" not in checks.answer(
        "Count to five.", "--stop", "3")["content"])
    checks.check("log-probabilities", lambda: checks.answer(
        "Hi", "--logprobs", "--top-logprobs", "2")["logprobs"][0]["logprob"]
        <= 0)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    allm, gguf = sys.argv[1:3]
    failures = 0
    with Server(["llama_cpp.server"], "--model", gguf, "--n_ctx", "2048",
                "--chat_format", "chatml") as server:
        print("llama-cpp-python")
        checks = Checks(allm, server, "model")
        check_llama(checks)
        failures += checks.failures
    if len(sys.argv) == 4:
        with Server(["mlx_lm", "server"], "--model", sys.argv[3]) as server:
            print("mlx-lm")
            checks = Checks(allm, server, "default_model")
            check_common(checks)
            checks.check("usage", lambda: checks.answer(
                "Hello")["usage"]["prompt_tokens"] > 0)
            unknown = checks.allm_run("run", "openai-compatible/none", "Hi")
            checks.check("unknown model", lambda: unknown.returncode in (
                14, 20) and "404" in unknown.stderr)
            failures += checks.failures
    return failures


if __name__ == "__main__":
    sys.exit(main())
