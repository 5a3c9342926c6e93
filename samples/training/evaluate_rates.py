#!/usr/bin/env python3
"""Whether clips keep their answer at other frame rates and sizes: each is converted by ffmpeg and named by `mone classify`, or by the elements.

    python evaluate_rates.py MODEL.safetensors MANIFEST.csv [--split test] [--clips 12]
    meson devenv -C build python ../samples/training/evaluate_rates.py MODEL.safetensors MANIFEST.csv --live

For every rate and size: how many clips are named right, and how many as the clip was as it came. Clips are spread over the labels.
--live: through a pipeline of `monetubelet`, `monevivit` and `monelabel`, which are what `moneclassify` is made of; the answer is the mean of
the scores of all full windows.
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import footage as real
from live import windows_said
from model_file import read_tensors

RATES = [10, 15, 25, 30]
SIZES = [(160, 120), (320, 240), (640, 480), (1280, 720)]


def named(model: Path, video: Path, threads: int) -> str | None:
    done = subprocess.run([real.find_mone(), "classify", "--json", "--threads", str(threads), "--model", model, video],
                          capture_output=True, text=True, check=True)  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])["summary"].get("label")


def named_live(model: Path, video: Path, threads: int) -> str | None:
    scores: dict[str, float] = {}
    for line in windows_said(["filesrc", f"location={video}", *"! decodebin ! videoconvert ! monetubelet ! monevivit".split(), f"model={model}",
                              f"threads={threads}"]):  # fmt: skip
        for entry in line["topk"]:
            scores[entry["label"]] = scores.get(entry["label"], 0.0) + entry["score"]
    return max(scores, key=scores.get) if scores else None


def convert(clip: Path, filters: str, out: Path) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", clip, "-an", "-vf", filters, "-c:v", "ffv1", out], check=True)
    return out


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path)
    p.add_argument("manifests", type=Path, nargs="+")
    p.add_argument("--split", type=str.lower)
    p.add_argument("--clips", type=int, default=12)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--live", action="store_true")
    a = p.parse_args()
    answer = named_live if a.live else named
    labels = json.loads(read_tensors(a.model)[1]["config"])["labels"]
    vocabulary = real.read_vocabulary(labels)
    by_label: dict[str, list] = {}
    rng = np.random.default_rng(a.seed)
    for clip in (clip for manifest in a.manifests for clip in real.read_manifest(manifest)):
        clip.label = vocabulary.get(clip.label, clip.label)
        if not clip.whole:
            continue  # the answer is a whole video's
        if clip.label in labels and a.split in (None, clip.split):
            by_label.setdefault(clip.label, []).append(clip)
    queues = [list(rng.permutation(np.array(group, object))) for _, group in sorted(by_label.items())]
    chosen = []
    while len(chosen) < a.clips and any(queues):
        chosen += [queue.pop() for queue in queues if queue]
    chosen = chosen[: a.clips]
    with tempfile.TemporaryDirectory() as folder:
        out, first = Path(folder) / "clip.mkv", [answer(a.model, c.path, a.threads) for c in chosen]
        print(f"{len(chosen)} clips, as they came: {sum(f == c.label for f, c in zip(first, chosen))} right")
        variants = [(f"{rate} frames/s", f"fps={rate}") for rate in RATES]
        variants += [(f"{w}x{h}", f"scale={w}:{h}:force_original_aspect_ratio=decrease,pad={w}:{h}:-1:-1") for w, h in SIZES]
        for name, filters in variants:
            found = [answer(a.model, convert(c.path, filters, out), a.threads) for c in chosen]
            print(f"{name:<14} {sum(f == c.label for f, c in zip(found, chosen))} right, "
                  f"{sum(f == g for f, g in zip(found, first))} as they came", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
