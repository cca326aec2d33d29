"""Checks that a libabstractllm shows the public API and nothing else.

SPDX-License-Identifier: Apache-2.0

usage: check_exports.py NM LIBRARY
"""

import re
import subprocess
import sys

# Folders of src/ are namespaces of internals.
INTERNAL = re.compile(
    r"abstractllm::(base|types|config|io|net|hub|text|output|ops|cache|models"
    r"|families|vision|sampling|engine|providers|session|server|cli|detail)::")
EXPECTED = [
    "abstractllm::create_llm(",
    "abstractllm::list_local_models(",
    "abstractllm::AbstractLLMInterface::generate(",
    "abstractllm::Error::Error(",
    "typeinfo for abstractllm::Error",
    "vtable for abstractllm::AbstractLLMInterface",
]


def main():
    nm, library = sys.argv[1:]
    mac = sys.platform == "darwin"
    command = [nm, "-gU"] if mac else [nm, "-D", "--defined-only"]
    out = subprocess.run(command + ["-C", library], check=True,
                         capture_output=True, text=True).stdout
    names = [line.split(maxsplit=2)[2] for line in out.splitlines()
             if len(line.split(maxsplit=2)) == 3]
    stray = [name for name in names
             if not re.match(r"(typeinfo (name )?for |vtable for )?"
                             r"abstractllm::", name)
             or INTERNAL.search(name)]
    missing = [want for want in EXPECTED
               if not any(name.startswith(want) for name in names)]
    for name in stray:
        print(f"shown, but not public: {name}")
    for want in missing:
        print(f"public, but not shown: {want}")
    print(f"{len(names)} symbols shown")
    return 1 if stray or missing else 0


if __name__ == "__main__":
    sys.exit(main())
