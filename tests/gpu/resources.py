#!/usr/bin/env python3
"""cuobjdump --dump-resource-usage FILE | resources.py: a line per kernel and target; exit status 1 if one spills."""

import re
import subprocess
import sys

text = sys.stdin.read()
names = re.findall(r"Function (\S+):\s*\n\s*(.*)", text)
plain = subprocess.run(["c++filt"], input="\n".join(n for n, _ in names), capture_output=True, text=True).stdout.split("\n")
arch, spills = "", False
table = {}
for line in text.splitlines():
    found = re.search(r"\bsm_(\w+)", line)
    if "arch" in line and found:
        arch = found.group(1)
    found = re.match(r"\s*Function (\S+):", line)
    if found:
        name = found.group(1)
    found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", line)
    if found:
        table.setdefault(name, []).append((arch, *map(int, found.groups())))
readable = dict(zip((n for n, _ in names), plain))
print("| kernel | " + "registers by target (stack bytes, where there are any) |\n|---|---|")
for name, rows in sorted(table.items(), key=lambda item: readable.get(item[0], item[0])):
    short = re.sub(r"void mone::cuda::run_kernel<(.*)>\(.*", r"\1", readable.get(name, name)).replace("mone::cuda::", "")
    cells = [f"{arch or '?'}: {reg}" + (f" ({stack})" if stack else "") for arch, reg, stack, _, local in rows]
    # What is spilled stands on the stack. (bf16 attention for 7.5 does, where bf16 is refused.)
    spills |= any(local or (stack and not (arch == "75" and "Bf16" in short)) for arch, _, stack, _, local in rows)
    print(f"| {short} | {', '.join(cells)} |")
sys.exit(spills)
