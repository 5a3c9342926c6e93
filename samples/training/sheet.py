#!/usr/bin/env python3
"""A contact sheet of what the renderer draws: would a friend name the action?

    python sheet.py sheet.png                       # every label twice, in colour and as varied as the renderer can
    python sheet.py plain.png --difficulty 0 --clutter 0
    python sheet.py falls.png --labels fall,bend --clips 6 --fps 15
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from actors import Actors


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("png")
    p.add_argument("--labels", default="", help="comma-separated; all without it")
    p.add_argument("--clips", type=int, default=2, help="per label")
    p.add_argument("--columns", type=int, default=8, help="frames shown of each clip")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--size", type=int, default=112, help="pixels")
    p.add_argument("--fps", type=float, default=0, help="sampled frames per second; 0 = drawn")
    p.add_argument("--clutter", type=float, default=-1, help="0..1; below 0 = drawn")
    p.add_argument("--difficulty", type=float, default=1)
    p.add_argument("--live-share", type=float, default=0.5)
    p.add_argument("--crossing-share", type=float, default=0, help="of walks and runs out of the picture or into it")
    p.add_argument("--no-letterbox", action="store_true")
    return p.parse_args()


def main():
    a, actors = arguments(), Actors()
    names = a.labels.split(",") if a.labels else actors.labels
    labels = np.repeat([actors.labels.index(name) for name in names], a.clips)
    pixels, _, _, span = actors.clips(
        a.seed, labels, rgb=1, width=a.size, height=a.size, fps=a.fps, clutter=a.clutter, difficulty=a.difficulty,
        live_share=a.live_share, crossing_share=a.crossing_share, letterbox=int(not a.no_letterbox))  # fmt: skip
    shown = np.linspace(0, pixels.shape[1] - 1, a.columns).astype(int)
    strips = [np.concatenate(list(clip[shown]), axis=1) for clip in pixels]
    rows = (len(strips) + 1) // 2
    fig, axes = plt.subplots(rows, 2, figsize=(2 * a.columns * 1.0, rows * 1.2), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, strip, label, (begin, _) in zip(axes.flat, strips, labels, span):
        axis.imshow(strip)
        axis.set_title(f"{actors.labels[label]} (from {begin:.0%})", fontsize=8, loc="left", pad=2)
    fig.subplots_adjust(0.01, 0.01, 0.99, 0.98, 0.02, 0.2)
    fig.savefig(a.png, dpi=110)


if __name__ == "__main__":
    main()
