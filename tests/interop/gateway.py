#!/usr/bin/env python3
"""Asks LiteLLM's proxy, which answers by itself here, through `allm`.

SPDX-License-Identifier: Apache-2.0

usage: gateway.py ALLM LITELLM

LITELLM is the program of the PyPI package litellm[proxy] (1.106.2 was tried).
Checks text over OpenAI's and Anthropic's protocols, which the proxy's stand-in
answers without a stream, its errors, and its list of models. Prints a line a
check and exits with the number of failures.
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
KEY = "sk-" + "0123456789abcdef" * 3  # the proxy wants a long one
TEXT = "H\u00e9llo from \u6771\u4eac \U0001F44D"
MODELS = {"plain": TEXT, "limited": "litellm.RateLimitError",
          "long": "litellm.ContextWindowExceededError",
          "broken": "litellm.InternalServerError"}


def configuration():
    models = [{"model_name": name,
               "litellm_params": {"model": "openai/gpt-4o", "api_key": "none",
                                  "mock_response": answer}}
              for name, answer in MODELS.items()]
    models.append({"model_name": "claude",
                   "litellm_params": {"model": "anthropic/claude-3-5-haiku",
                                      "api_key": "none",
                                      "mock_response": TEXT}})
    return {"model_list": models,  # JSON is YAML
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
            "general_settings": {"master_key": KEY}}


def main():
    allm, litellm = sys.argv[1:3]
    failures = 0

    def check(what, holds, shown):
        nonlocal failures
        print("ok     " if holds else "FAILED ", what, "" if holds else shown)
        failures += 0 if holds else 1

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    for name in ("OPENAI", "ANTHROPIC", "OPENAI_COMPATIBLE"):
        os.environ[name + "_API_KEY"] = KEY

    def run(*arguments):
        return subprocess.run([allm, *arguments], capture_output=True,
                              text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "proxy.yaml")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(configuration(), out, ensure_ascii=False)
        proxy = subprocess.Popen(
            [litellm, "--config", file, "--host", "127.0.0.1", "--port",
             str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
        try:
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline and proxy.poll() is None:
                try:
                    urllib.request.urlopen(address + "/health/liveliness",
                                           timeout=5)
                    break
                except OSError:
                    time.sleep(0.5)
            for provider, model, path in (
                    ("openai", "plain", "/v1"),
                    ("openai-compatible", "plain", "/v1"),
                    ("anthropic", "claude", "")):
                ended = run("run", f"{provider}/{model}", "hi", "--json",
                            "--base-url", address + path)
                answer = json.loads(ended.stdout or "{}")
                check(f"{provider}: text", answer.get("content") == TEXT,
                      ended.stderr)
                check(f"{provider}: usage",
                      answer.get("usage", {}).get("completion_tokens", 0) > 0,
                      ended.stdout)
            for model, status in (("limited", 11), ("long", 17),
                                  ("broken", 20), ("absent", 14)):
                ended = run("run", f"openai-compatible/{model}", "hi",
                            "--base-url", address + "/v1")
                check(f"error: {model}", ended.returncode == status,
                      ended.stderr)
                check(f"error: {model}: no key", KEY not in ended.stderr, "")
            ended = run("list", "openai-compatible", "--base-url",
                        address + "/v1")
            check("models", all(name in ended.stdout for name in MODELS),
                  ended.stderr)
        finally:
            proxy.terminate()
            proxy.wait()
    return failures


if __name__ == "__main__":
    sys.exit(main())
