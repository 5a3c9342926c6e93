#!/usr/bin/env python3
"""How often a model names what an unseen `actiontestsrc` script shows, prediction by prediction, as a live stream would.

    python evaluate_scripts.py MODEL.safetensors --scripts 10 --clutter 0.3,1
    meson devenv -C build python ../samples/training/evaluate_scripts.py MODEL.safetensors --crop region

Each script performs every label that the renderer has too, in drawn order. Frames are rendered at --fps and go through the code that live video
goes through; a spatial output is computed once per tubelet and the window slides by one. Warm-up predictions, and those the scene marks as transitions,
do not count. The control gives experts at random, in the same numbers per tubelet.
--crop: through a pipeline of the elements with that crop instead, the person who acts marked as by a detector for `region`; no control.
"""
import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of small matrix products wait for each other on a busy machine
import numpy as np  # noqa: E402
import torch  # noqa: E402

from actors import Actors, Scene
from clips import shared_labels
from cutter import Cutter
from evaluate import windows
from live import windows_said
from model_file import load_model


def make_script(labels: list[str], rng: np.random.Generator) -> str:
    order = rng.permutation(len(labels))
    return ",".join(f"{labels[i]}:{rng.uniform(4.0, 6.0):.1f}" for i in order)


def render(lib, cutter: Cutter, script: str, seed: int, clutter: float, fps: float, size: tuple[int, int]):
    """One pass of a script: tubelets u8 [n, tokens, pixels] and per tubelet the renderer's label and transition at its
    last frame."""
    height, width = size
    scene = Scene(lib, script, seed, width, height, clutter)
    times = np.arange(0, scene.duration(), 1 / fps)
    tubelets, ends, _ = cutter.video(np.stack([scene.luma(t) for t in times]), times, fps)
    truth = [scene.truth(t) for t in ends]
    return torch.from_numpy(tubelets), np.array([(t.label, t.in_transition) for t in truth])


def live_predictions(path: Path, scene: dict, fps: float, budget: float, crop: str) -> tuple[list[str], list[float]]:
    """Labels of a script's full windows, as monelabel tells them, and where they end in seconds. Of region: of who acts, whom the source marks first."""
    width, height = scene["size"][::-1]
    said = windows_said(["actiontestsrc", f"script={scene['script']}", f"seed={scene['seed']}", f"clutter={scene['clutter']}", "loop=false", "mark-persons=true",
                         "!", f"video/x-raw,format=GRAY8,width={width},height={height},framerate={round(fps * 1000)}/1000,colorimetry=1:4:0:0",
                         "!", "monetubelet", f"crop={crop}", "max-regions=1", "!", "monevivit", f"model={path}", "budget-mode=fixed", f"budget={budget}"])  # fmt: skip
    return [line["topk"][0]["label"] for line in said], [line["end"] for line in said]


def evaluate_live(path: Path, config: dict, scripts: int, clutter: float, budgets: list[float], fps: float, crop: str, size=(240, 320),
                  seed: int = 990_000, library: str | None = None) -> dict:  # fmt: skip
    """As evaluate(), of the same scripts, through the elements."""
    actors, labels = Actors(library), config["labels"]
    own, rows, transitions = dict(shared_labels(actors, config)), [], []
    for budget in budgets:
        found, shown = [], []
        for k in range(scripts):
            script = make_script([labels[j] for j in own.values()], np.random.default_rng([seed, k]))
            answers, ends = live_predictions(path, {"script": script, "seed": seed + k, "clutter": clutter, "size": size}, fps, budget, crop)
            scene = Scene(actors.lib, script, seed + k, size[1], size[0], clutter)
            for answer, truth in zip(answers, map(scene.truth, ends)):
                transitions.append(truth.in_transition != 0)
                if not truth.in_transition and truth.label in own:
                    found.append(labels.index(answer))
                    shown.append(own[truth.label])
        found, shown = np.array(found), np.array(shown)
        share, taken_for = by_label(found, shown, labels)
        rows.append({"budget": budget, "router": "learned", "accuracy": round(float((found == shown).mean()), 4), "predictions": len(found),
                     "by_label": share, "taken_for": taken_for})  # fmt: skip
    return {"clutter": clutter, "scripts": scripts, "transition_share": round(float(np.mean(transitions)), 3), "rows": rows}


def evaluate(model, scripts: int, clutter: float, budgets: list[float], fps: float = 30,
             size=(240, 320), seed: int = 990_000, library: str | None = None) -> dict:  # fmt: skip
    actors, labels, cutter = Actors(library), model.config["labels"], Cutter(model.config)
    own = dict(shared_labels(actors, model.config))
    if not own:
        raise SystemExit(f"none of the model's labels can be rendered; the renderer has {', '.join(actors.labels)}")
    streams = []
    for k in range(scripts):
        rng = np.random.default_rng([seed, k])
        script = make_script([labels[k] for k in own.values()], rng)
        streams.append(render(actors.lib, cutter, script, seed + k, clutter, fps, size))
    rows = []
    for budget in budgets:
        for control in (False, True) if budget < 1 else (False,):  # at 1 there is nothing to choose
            found = np.concatenate([windows(model, tubelets, budget, control).argmax(1).numpy() for tubelets, _ in streams])
            truth = np.concatenate([t[model.nt - 1 :] for _, t in streams])
            counted = (truth[:, 1] == 0) & np.isin(truth[:, 0], list(own))
            shown = np.array([own.get(label, -1) for label in truth[:, 0]])
            right = (found == shown)[counted]
            row = {"budget": budget, "router": "random" if control else "learned", "accuracy": round(right.mean(), 4),
                   "predictions": int(counted.sum())}  # fmt: skip
            if not control:
                row["by_label"], row["taken_for"] = by_label(found[counted], shown[counted], labels)
            rows.append(row)
    return {"clutter": clutter, "scripts": scripts, "transition_share": round(1 - counted.mean(), 3), "rows": rows}


def by_label(found: np.ndarray, truth: np.ndarray, labels: list[str]) -> tuple[dict, dict]:
    """Share right per label, and for each the wrong label it gets most often."""
    share, confused = {}, {}
    for k, name in enumerate(labels):
        mine = found[truth == k]
        if not len(mine):
            continue
        share[name] = round(float((mine == k).mean()), 3)
        wrong = np.bincount(mine[mine != k], minlength=len(labels))
        if wrong.sum():
            confused[name] = f"{labels[wrong.argmax()]} {wrong.max() / len(mine):.2f}"
    return share, confused


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path)
    p.add_argument("--scripts", type=int, default=10)
    p.add_argument("--clutter", default="0.3,1")
    p.add_argument("--budgets", default="1,0.75,0.5,0.4,0.25,0.15")
    p.add_argument("--fps", type=float, default=30)
    p.add_argument("--crop", choices=["full", "motion", "region"], help="through the elements, with this crop")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--library")
    p.add_argument("--json", type=Path, help="write the whole result here")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    model, results = load_model(a.model), []
    for clutter in map(float, a.clutter.split(",")):
        start = time.monotonic()
        budgets = [float(b) for b in a.budgets.split(",")]
        if a.crop:
            results.append(evaluate_live(a.model, model.config, a.scripts, clutter, budgets, a.fps, a.crop, library=a.library))
        else:
            results.append(evaluate(model, a.scripts, clutter, budgets, a.fps, library=a.library))
        print(f"clutter {clutter}: {a.scripts} scripts, {results[-1]['transition_share']:.0%} of predictions in "
              f"transitions, {time.monotonic() - start:.0f} s")  # fmt: skip
        for row in results[-1]["rows"]:
            print(f"  budget {row['budget']:<5} {row['router']:<8} {row['accuracy']:.3f}  ({row['predictions']})")
        first = results[-1]["rows"][0]
        print("  " + ", ".join(f"{k} {v:.2f}" for k, v in first["by_label"].items()))
        print("  taken for: " + ", ".join(f"{k}: {v}" for k, v in first["taken_for"].items()), flush=True)
    if a.json:
        a.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
