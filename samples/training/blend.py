#!/usr/bin/env python3
"""The weighted mean of two models of one network, such as a fine-tuned one and the one it came from.

    python blend.py tuned.safetensors actors.safetensors --share 0.8 --raise nothing=0.5 --out mixed.safetensors

The second gets what is left of 1. The config is the first one's. `--raise LABEL=X` adds X to the scores (logits) of a label, such as of
`nothing` where false alarms weigh more than misses. `configs/models/default.safetensors` was made so (share 1).
"""
import argparse
import json
from pathlib import Path

import torch

from model_file import FORMAT, read_tensors, save_model

SAME = ("variant", "D", "H", "L", "Lt", "E", "image", "frames", "tubelet", "planes", "labels")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", type=Path, nargs=2)
    p.add_argument("--share", type=float, required=True, help="of the first, 0 to 1")
    p.add_argument("--raise", dest="raised", action="append", default=[], metavar="LABEL=X")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--name", help="of the model, written into the file; default: that of the file")
    p.add_argument("--terms", help="written into the file; default: those of the first")
    a = p.parse_args()
    (first, about), (second, other) = map(read_tensors, a.models)
    if not about.get("format") == other.get("format") == FORMAT:
        p.error(f"both must be model files of format {FORMAT}")
    config, theirs = json.loads(about["config"]), json.loads(other["config"])
    for key in SAME:
        if config[key] != theirs[key]:
            p.error(f"{key} is {config[key]} in one and {theirs[key]} in the other")
    if first.keys() != second.keys() or any(first[name].shape != second[name].shape for name in first):
        p.error("their tensors are not the same ones")
    raised = []
    for label, _, by in (text.partition("=") for text in a.raised):
        if label not in config["labels"]:
            p.error(f"--raise {label}: the labels are {', '.join(config['labels'])}")
        try:
            raised.append((label, float(by)))
        except ValueError:
            p.error(f"--raise {label}={by}: not a number")
    left, given = 1 - a.share, config.get("provenance", {})
    leans = "".join(f", {label} {by:+g}" for label, by in raised)
    mixed = f"weights {a.share:g} {a.models[0].name} + {left:g} {a.models[1].name}{leans}: {given.get('trained_on', '')}"
    provenance = {"name": a.name or a.out.stem, "trained_on": mixed, "terms": a.terms or given.get("terms", "")}
    state = {name: a.share * first[name].float() + left * second[name].float() for name in first}
    for label, by in raised:
        state["head.bias"][config["labels"].index(label)] += by
    save_model(a.out, config | {"provenance": provenance}, state, torch.bfloat16)


if __name__ == "__main__":
    main()
