"""Checks which BLAS a program's libmlx gets from the dynamic linker.

SPDX-License-Identifier: Apache-2.0

usage: check_blas.py PROGRAM [ARGUMENT]...

libmlx brings a reference BLAS; OpenBLAS, ten times as fast, has to come
before it. The program is only started, its exit status does not matter.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

BINDING = re.compile(
    r"binding file \S*libmlx\.so \[0\] to (\S+) \[0\]: normal symbol"
    r" `cblas_sgemm'")


def main():
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, LD_DEBUG="bindings", LD_BIND_NOW="1",
                           LD_DEBUG_OUTPUT=f"{folder}/ld")
        subprocess.run(sys.argv[1:], env=environment, check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)
        bound = {found for log in pathlib.Path(folder).iterdir()
                 for found in BINDING.findall(log.read_text(errors="replace"))}
    print("cblas_sgemm of libmlx is bound to:", ", ".join(sorted(bound)) or
          "nothing")
    return 0 if bound and all("openblas" in name for name in bound) else 1


if __name__ == "__main__":
    sys.exit(main())
