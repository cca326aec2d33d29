#!/usr/bin/env python3
"""Calls the tools of the Model Context Protocol's reference servers.

SPDX-License-Identifier: Apache-2.0

usage: mcp_servers.py ALLM FOLDER

FOLDER has the npm packages @modelcontextprotocol/server-everything,
-filesystem and -memory. Needs Node.js. `allm run --mcp` is told by a scripted
model which tools to call, over stdio and HTTP. Prints a line a check and exits
with the number of failures.
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from scripted_chat import ScriptedChat

PATIENCE = 120  # seconds, for a loaded machine


class Checks:
    def __init__(self, allm):
        self.allm = allm
        self.failures = 0

    def check(self, what, holds, shown=""):
        print("ok     " if holds else "FAILED ", what, "" if holds else shown)
        self.failures += 0 if holds else 1

    def tools(self, what, server, calls):
        """`calls`: tool, arguments, and a text that its result must have."""
        with ScriptedChat([call[:2] for call in calls]) as model:
            ended = subprocess.run(
                [self.allm, "run", "openai-compatible/m", "go", "--yes",
                 "--mcp", server, "--base-url", model.url()],
                capture_output=True, text=True, timeout=PATIENCE,
                stdin=subprocess.DEVNULL)
            self.check(f"{what}: ends", ended.returncode == 0, ended.stderr)
            for i, (name, _, expected) in enumerate(calls):
                result = model.results[i] if i < len(model.results) else ""
                self.check(f"{what}: {name}", expected in result, result)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


EVERYTHING = [
    ("echo", {"message": "h\u00e9llo"}, "h\u00e9llo"),
    ("get-sum", {"a": 2, "b": 3}, "5"),
    ("get-sum", {"a": "two", "b": 3}, "do not fit the schema"),
    ("get-tiny-image", {}, "[image of type image/png]"),
    ("get-annotated-message", {"messageType": "error"}, "Operation failed"),
    ("get-structured-content", {"location": "New York"}, "temperature"),
    ("get-resource-reference", {"resourceType": "Text", "resourceId": 1},
     "demo://"),
    ("trigger-long-running-operation", {"duration": 1, "steps": 4},
     "completed"),
    ("no-such-tool", {}, "there is no tool"),
]


def main():
    allm, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    os.environ["OPENAI_COMPATIBLE_API_KEY"] = "none"
    packages = folder / "node_modules/@modelcontextprotocol"

    def server(name):
        return str(packages / f"server-{name}/dist/index.js")

    checks = Checks(allm)
    checks.tools("everything, stdio", f"node {server('everything')} stdio",
                 EVERYTHING)
    port = free_port()
    http = subprocess.Popen(["node", server("everything"), "streamableHttp"],
                            env={**os.environ, "PORT": str(port)},
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        checks.tools("everything, HTTP", f"http://127.0.0.1:{port}/mcp",
                     EVERYTHING)
    finally:
        http.terminate()
        http.wait()
    with tempfile.TemporaryDirectory() as root:
        root = os.path.realpath(root)
        (pathlib.Path(root) / "a.txt").write_text("first\n")
        checks.tools("filesystem", f"node {server('filesystem')} {root}", [
            ("list_directory", {"path": root}, "a.txt"),
            ("read_text_file", {"path": root + "/a.txt"}, "first"),
            ("write_file", {"path": root + "/b.txt", "content": "x"}, "b.txt"),
            ("read_text_file", {"path": "/etc/passwd"}, "denied"),
        ])
        checks.check("filesystem: the file is there",
                     (pathlib.Path(root) / "b.txt").exists())
        os.environ["MEMORY_FILE_PATH"] = root + "/memory.json"
        checks.tools("memory", f"node {server('memory')}", [
            ("create_entities", {"entities": [
                {"name": "Ada", "entityType": "person",
                 "observations": ["counts"]}]}, "Ada"),
            ("search_nodes", {"query": "Ada"}, "counts"),
        ])
    return checks.failures


if __name__ == "__main__":
    sys.exit(main())
