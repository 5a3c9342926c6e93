#!/usr/bin/env python3
"""Every header that is installed compiles on its own against what is installed with it, and all of them together.

    installed_headers.py BUILD_FOLDER COMPILER...
"""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    build, compiler = Path(sys.argv[1]), sys.argv[2:]
    installed = json.loads((build / "meson-info" / "intro-installed.json").read_text())
    headers = {source: Path(to) for source, to in installed.items() if to.endswith(".h")}
    if not headers:
        print("no header is installed")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for source, to in headers.items():
            copy = Path(folder, *to.parts[to.parts.index("gst-mone") + 1 :])
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
            copies.append(copy)
        includes = [f'#include "{copy.relative_to(folder)}"\n' for copy in copies]
        for what, source in [*zip(map(str, copies), includes), ("all headers together", "".join(includes))]:
            check = [*compiler, "-x", "c++", "-std=c++20", "-fsyntax-only", "-I", folder, "-"]
            if subprocess.run(check, input=source, text=True).returncode:
                print(f"does not compile: {what}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
