#!/usr/bin/env python3
"""How often a model names what real people do in labelled clips: per set, with Wilson intervals over clips, by budget.

    python evaluate_footage.py MODEL.safetensors MANIFEST.csv [...] [--split test] [--budgets 1,0.4,0.25,0.15]

Sampling, crop and planes are those of live video. What closed, open, windows and false actions mean: configs/models/PROTOCOL.md.
"""
import argparse
import collections
import json
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np  # noqa: E402
import torch  # noqa: E402

import footage as real
from cutter import Cutter
from evaluate import wilson
from model_file import load_model


def share(right: list) -> dict:
    return {"share": round(float(np.mean(right)), 4) if right else None, "n": len(right)}


def share_of_clips(right: list) -> dict:
    """With its interval, which windows have none of: those of a clip overlap and are no independent tries."""
    low, high = wilson(int(sum(right)), len(right))
    return share(right) | {"low": round(low, 3), "high": round(high, 3)}


def in_words(figure: dict) -> str:
    interval = f" [{figure['low']:.2f}, {figure['high']:.2f}]" if "low" in figure else ""
    return f"{figure['share']:.3f}{interval} of {figure['n']}"


def logits_of(model, clips: list, budgets: list[float]) -> dict:
    """{budget: {set: [(label, logits of its windows)]}}. clips are decoded."""
    cutter = Cutter(model.config)
    found = {budget: collections.defaultdict(list) for budget in budgets}
    for clip, tubelets in real.in_turn(cutter, clips):
        for budget in budgets:
            found[budget][clip.dataset].append((clip.label, real.windows_of(model, tubelets, budget)))
    return found


def figures_of(labels: list[str], sets: dict) -> dict:
    """{set: figures}."""
    found = {}
    for name, rows in sorted(sets.items()):
        names = sorted({label for label, _ in rows if label != "nothing"})
        among = [labels.index(n) for n in names]
        closed = [real.answer(w[:, among], names) == label for label, w in rows if label != "nothing"]
        best = [(label, real.answer(w, labels)) for label, w in rows]
        windows = [labels[k] == label for label, w in rows for k in w.argmax(1)]
        false = [labels[k] != "nothing" for label, w in rows if label == "nothing" for k in w.argmax(1)]
        by_label = collections.defaultdict(list)
        for label, answer in best:
            by_label[label].append(answer)
        found[name] = {
            "closed": share_of_clips(closed), "open": share_of_clips([a == b for a, b in best]), "windows": share(windows),
            "false_actions": share(false) if false else None,
            "by_label": {k: {"right": sum(a == k for a in v), "n": len(v), "taken_for":
                             dict(collections.Counter(a or "none" for a in v if a != k).most_common(3))}
                         for k, v in sorted(by_label.items())},
        }  # fmt: skip
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path)
    p.add_argument("manifests", type=Path, nargs="+", help="CSV with the columns path, label or common_label, dataset")
    p.add_argument("--split", type=str.lower, help="only rows of this split")
    p.add_argument("--budgets", default="1,0.4,0.25,0.15")
    p.add_argument("--cache", type=Path, default=real.default_cache())
    p.add_argument("--json", type=Path, help="write the whole result here")
    a = p.parse_args()
    torch.set_num_threads(1)
    model, clips = load_model(a.model), []
    vocabulary = real.read_vocabulary(model.config["labels"])
    for manifest in a.manifests:
        for clip in real.read_manifest(manifest):
            clip.label = vocabulary.get(clip.label, clip.label)
            if clip.label in model.config["labels"] and a.split in (None, clip.split):
                clips.append(clip)
    if not clips:
        raise SystemExit(f"no clip is of a label that the model has ({', '.join(model.config['labels'])})" + (f" and of split {a.split}" if a.split else ""))
    real.decode_all(clips, a.cache, model.config["planes"] == "rgb")
    results = {}
    for budget, sets in logits_of(model, clips, [float(b) for b in a.budgets.split(",")]).items():
        results[budget] = figures_of(model.config["labels"], sets)
        for name, figures in results[budget].items():
            parts = [f"{k} {in_words(v)}" for k, v in figures.items() if k != "by_label" and v and v["n"]]
            print(f"budget {budget:<5g} {name:<22} {'  '.join(parts)}", flush=True)
    first = next(iter(results.values()))
    for name, figures in first.items():
        for label, row in figures["by_label"].items():
            print(f"{name:<22} {label:<14} {row['right']}/{row['n']}  {row['taken_for'] or ''}")
    if a.json:
        a.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
