#!/usr/bin/env python3
"""The mean of models of one network: of several seeds of one recipe, or of a fine-tuned model and the one it came from.

    python blend.py seed11.safetensors seed12.safetensors seed13.safetensors --raise nothing=0.5 --out mixed.safetensors
    python blend.py tuned.safetensors actors.safetensors --shares 0.8,0.2 --out mixed.safetensors

The config is the first one's. `--raise LABEL=X` adds X to the scores (logits) of a label, such as of `nothing` where false alarms weigh
more than misses; `--drop LABEL` leaves a label out. One model alone may be given for either.
"""
import argparse
import json
import math
from pathlib import Path

import torch

from footage import label_and_number
from model_file import FORMAT, read_tensors, save_model, stays_f32

OWN = {"provenance", "train_ec"}  # what models of one network may differ in


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def read_alike(paths: list[Path]) -> tuple[list[dict], dict]:
    """The tensors of each model and the config of the first; ends the program if they are not of one network."""
    read = [read_tensors(path) for path in paths]
    for path, (_, about) in zip(paths, read):
        if about.get("format") != FORMAT:
            raise SystemExit(f"{path}: not a model file of format {FORMAT}")
    configs, states = [json.loads(about["config"]) for _, about in read], [tensors for tensors, _ in read]
    for path, config, state in zip(paths, configs, states):
        for key in sorted((config.keys() | configs[0].keys()) - OWN):
            if config.get(key) != configs[0].get(key):
                raise SystemExit(f"{path}: {key} is {config.get(key)}, in {paths[0]} it is {configs[0].get(key)}")
        if {name: t.shape for name, t in state.items()} != {name: t.shape for name, t in states[0].items()}:
            raise SystemExit(f"{path}: its tensors are not those of {paths[0]}")
    return states, configs[0]


def dtype_of(states: list[dict]) -> torch.dtype:
    """How the matrices of all models are stored; f32 where they differ."""
    found = {tensor.dtype for state in states for name, tensor in state.items() if not stays_f32(name)}
    return found.pop() if len(found) == 1 else torch.float32


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", type=Path, nargs="+")
    p.add_argument("--shares", type=numbers, help="of each model, comma-separated, 1 in all; default: all alike")
    p.add_argument("--raise", dest="raised", type=label_and_number, action="append", default=[], metavar="LABEL=X")
    p.add_argument("--drop", action="append", default=[], metavar="LABEL", help="leave this label out: one that does not work")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--name", help="of the model, written into the file; default: that of the file")
    p.add_argument("--trained-on", help="written into the file; default: what was mixed, and what the first was trained on")
    p.add_argument("--terms", help="written into the file; default: those of the first")
    a = p.parse_args()
    shares = a.shares or [1 / len(a.models)] * len(a.models)
    if len(shares) != len(a.models) or abs(sum(shares) - 1) > 1e-6:
        p.error(f"--shares: {len(a.models)} numbers that make 1 in all")
    states, config = read_alike(a.models)
    for label, by in a.raised:
        if label not in config["labels"]:
            p.error(f"--raise {label}: the labels are {', '.join(config['labels'])}")
        if not math.isfinite(by):
            p.error(f"--raise {label}={by}: a number that is added to its scores")
    for label in a.drop:
        if label not in config["labels"]:
            p.error(f"--drop {label}: the labels are {', '.join(config['labels'])}")
    if set(a.drop) == set(config["labels"]):
        p.error("--drop: no label is left")
    mixed = {name: sum(share * state[name].float() for share, state in zip(shares, states)) for name in states[0]}
    for label, by in a.raised:
        mixed["head.bias"][config["labels"].index(label)] += by
    kept = [k for k, label in enumerate(config["labels"]) if label not in a.drop]
    if a.drop:
        mixed |= {name: mixed[name][kept] for name in ("head.weight", "head.bias")}
        config |= {"labels": [config["labels"][k] for k in kept], "C": len(kept)}
    given = config.get("provenance", {})
    parts = " + ".join(f"{share:.3g} {path.name}" for share, path in zip(shares, a.models))
    leans = "".join(f", {label} {by:+g}" for label, by in a.raised) + "".join(f", without {label}" for label in a.drop)
    trained_on = a.trained_on or f"weights {parts}{leans}: {given.get('trained_on', '')}"
    provenance = {"name": a.name or a.out.stem, "trained_on": trained_on, "terms": a.terms or given.get("terms", "")}
    save_model(a.out, config | {"provenance": provenance}, mixed, dtype_of(states))


if __name__ == "__main__":
    main()
