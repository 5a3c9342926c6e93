#!/usr/bin/env python3
"""Reads Meson's testlog.json files; prints what was skipped and why, then `N passed, N failed, N skipped`.

Counts are GoogleTest cases where a test prints them, else whole tests. Exit status 1 if anything failed or nothing ran.
"""
import json
import re
import sys


def cases(stdout):
    """Returns (passed, failed, [(name, reason)]) of one GoogleTest run, or None when it is not one."""
    if "[==========]" not in stdout:
        return None
    passed = len(re.findall(r"^\[       OK \] ", stdout, re.M))
    failed = len(set(re.findall(r"^\[  FAILED  \] (\S+) \(", stdout, re.M)))
    skipped = []
    for block in re.findall(r"^\[ RUN      \] (.*?)^\[  SKIPPED \] (\S+) \(", stdout, re.M | re.S):
        reason = re.search(r": Skipped\n(.*?)\n(?:\n|$)", block[0] + "\n", re.S)
        skipped.append((block[1], " ".join(reason.group(1).split()) if reason else "no reason given"))
    return passed, failed, skipped


def main(paths):
    passed = failed = 0
    skipped = []
    for path in paths:
        with open(path, encoding="utf-8") as log:
            for line in log:
                test = json.loads(line)
                counts = cases(test.get("stdout", ""))
                result = test["result"]
                if counts is None:
                    if result in ("OK", "EXPECTEDFAIL"):
                        passed += 1
                    elif result == "SKIP":
                        skipped.append((test["name"], (test.get("stdout", "").strip().splitlines() or ["no reason given"])[-1]))
                    else:
                        failed += 1
                    continue
                passed += counts[0]
                # A crash or a time-out fails the test without a FAILED line.
                failed += max(counts[1], 0 if result in ("OK", "SKIP", "EXPECTEDFAIL") else 1)
                skipped += counts[2]
    if skipped:
        print("\nSkipped:")
        reasons = {}
        for name, reason in skipped:
            reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            print(f"  {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {reason}")
    print(f"\n{passed} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
