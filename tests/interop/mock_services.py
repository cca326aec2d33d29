#!/usr/bin/env python3
"""Asks the services that aimock imitates through `allm`.

SPDX-License-Identifier: Apache-2.0

usage: mock_services.py ALLM AIMOCK_FOLDER [MCP_PYTHON]

AIMOCK_FOLDER has the npm package @copilotkit/aimock (1.43.0 was tried): a
server by others that speaks the protocols of OpenAI (both), Anthropic and
Ollama. Needs Node.js. Each remote provider is asked for text, reasoning, a tool
call with its answer, JSON of a schema, a conversation, and errors. With
MCP_PYTHON, a Python that has the official SDK of the Model Context Protocol
(mcp 2.3.0), tools of mcp_sdk_server.py beside this file are called too. Prints
a line a check and exits with the number of failures.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds, for a loaded machine
HERE = pathlib.Path(__file__).resolve().parent
PROVIDERS = {"openai": "/v1", "openai-responses": "/v1", "anthropic": "",
             "ollama": "", "lmstudio": "/v1", "huggingface": "/v1",
             "openai-compatible": "/v1"}
SCHEMA = {"type": "object", "required": ["name", "age"],
          "additionalProperties": False,
          "properties": {"name": {"type": "string"},
                         "age": {"type": "integer"}}}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("a server did not start")


class Service:
    """The mock for as long as the `with` block runs."""

    def __init__(self, folder):
        self.port = free_port()
        package = pathlib.Path(folder) / "node_modules/@copilotkit/aimock"
        self.process = subprocess.Popen(
            ["node", str(package / "dist/cli.js"), "-p", str(self.port), "-f",
             str(HERE / "mock_services.json")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        try:
            wait_for(self.port, self.process)
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Asked:
    def __init__(self, allm, provider, url, folder):
        self.allm, self.provider, self.url = allm, provider, url
        self.folder = pathlib.Path(folder)
        self.failures = 0

    def run(self, *arguments):
        keys = {name: "sk-mock" for name in (
            "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN",
            "OPENAI_COMPATIBLE_API_KEY")}
        return subprocess.run(
            [self.allm, "run", f"{self.provider}/gpt-4o", *arguments,
             "--base-url", self.url],
            capture_output=True, text=True, timeout=PATIENCE,
            stdin=subprocess.DEVNULL, env={**os.environ, **keys})

    def answer(self, *arguments):
        ended = self.run(*arguments, "--json")
        if ended.returncode != 0:
            raise AssertionError(ended.stderr)
        return json.loads(ended.stdout)

    def file(self, name, content):
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def check(self, name, holds):
        try:
            problem = "" if holds() else "does not hold"
        except (AssertionError, KeyError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        self.failures += bool(problem)
        print(f"{'FAILED' if problem else 'ok':7} {self.provider}: {name} "
              f"{problem}".rstrip())

    def check_all(self):
        hello = "Hello there, caf\u00e9!"
        self.check("text", lambda: self.answer("hello")["content"] == hello)
        self.check("end", lambda: self.answer(
            "hello")["finish_reason"] == "stop")
        # The mock counts no tokens of Ollama's.
        self.check("usage", lambda: self.provider == "ollama" or self.answer(
            "hello")["usage"]["completion_tokens"] == 4)
        self.check("system prompt and parameters", lambda: self.answer(
            "hello", "--system", "Be brief.", "--temperature", "0.5",
            "--max-tokens", "50")["content"] == hello)
        self.check("reasoning", lambda: self.answer(
            "think")["content"] == "It is 4.")
        self.check("tool", lambda: self.answer(
            "add", "--tool", "calculator")["content"] == "The sum is 5.")
        schema = self.file("schema.json", SCHEMA)
        self.check("schema", lambda: json.loads(self.answer(
            "person", "--schema", schema)["content"])["age"] == 7)
        chat = self.file("chat.json", [
            {"role": "user", "content": "I am Alice"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "what is my name"}])
        self.check("conversation", lambda: self.answer(
            "--messages", chat)["content"] == "Alice.")
        denied = self.run("be denied")
        self.check("error", lambda: denied.returncode == 10
                   and "no such key" in denied.stderr
                   and "sk-mock" not in denied.stderr)
        self.check("refusal", lambda: self.run("be refused").returncode == 11)


def check_mcp(asked, python):
    server = str(HERE / "mcp_sdk_server.py")

    def ask(mcp):
        ended = asked.run("sum up", "--yes", "--mcp", mcp)
        if "error of fail: " not in ended.stderr:
            raise AssertionError(ended.stderr)
        return ended.stdout == "Five, and one broke.\n"

    asked.check("MCP over stdio", lambda: ask(f"{python} {server} stdio"))
    port = free_port()
    process = subprocess.Popen(
        [python, server, "streamable-http", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        asked.check("MCP over HTTP",
                    lambda: ask(f"http://127.0.0.1:{port}/mcp"))
    finally:
        process.terminate()
        process.wait()


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    failures = 0
    with Service(sys.argv[2]) as service, \
            tempfile.TemporaryDirectory() as folder:
        for provider, path in PROVIDERS.items():
            asked = Asked(sys.argv[1], provider,
                          f"http://127.0.0.1:{service.port}{path}", folder)
            asked.check_all()
            if len(sys.argv) == 4:
                check_mcp(asked, sys.argv[3])
            failures += asked.failures
    return failures


if __name__ == "__main__":
    sys.exit(main())
