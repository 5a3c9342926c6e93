#!/usr/bin/env python3
"""Trains the default model on the procedural actors: nested pre-training, then routed experts under drawn budgets.

    python train.py --run DIR --minutes 80          goes on where DIR/checkpoint.pt left off, if it is there

Writes to DIR: checkpoint.pt (weights, optimisers, random states, step), model.safetensors (averaged weights, bf16, at
every checkpoint), curves.csv and curves.png, and at the end evaluation.json. See README.md for the method.
"""
import argparse
import csv
import json
import math
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from actors import Actors
from clips import Clips
from evaluate import accuracy_table, held_out_clips
from helpers import (Average, Helpers, fit_router, importance_of, make_optimizers, router_start_loss,
                     start_positions)  # fmt: skip
from model import MoneVivit, Sampling
from model_file import save_model

BUDGETS = [0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0]


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--run", type=Path, required=True, help="folder of this run")
    p.add_argument("--minutes", type=float, default=80, help="training time in all, over all resumptions")
    p.add_argument("--steps", type=int, default=0, help="stop after this many steps instead (for tests)")
    p.add_argument("--width", type=int, default=256)
    p.add_argument("--heads", type=int, default=4)
    p.add_argument("--depth", type=int, default=4)
    p.add_argument("--batch", type=int, default=24)
    p.add_argument("--tokens", type=int, default=10, help="moving tokens per tubelet in the first phase")
    p.add_argument("--nested", type=float, default=0.6, help="share of the time for the first phase")
    p.add_argument("--lr", type=float, default=1e-3, help="AdamW; vectors, tables, embedding and heads")
    p.add_argument("--matrix-lr", type=float, default=2e-3, help="Muon; the blocks' matrices (0 = AdamW for all)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--checkpoint-minutes", type=float, default=3)
    p.add_argument("--evaluate-minutes", type=float, default=12)
    p.add_argument("--held-out", type=int, default=900, help="clips of the last evaluation")
    p.add_argument("--library", help="path of libmone-actors.so (default: $MONE_ACTORS or the build folder's)")
    return p.parse_args()


def make_config(a, labels: list[str]) -> dict:
    return {
        "variant": "fe", "D": a.width, "H": a.heads, "L": a.depth, "Lt": 2, "E": 4, "C": len(labels),
        "image": [112, 112], "frames": 16, "tubelet": [2, 16, 16], "rate": {"min": 4.0, "nominal": 7.5, "max": 12.5},
        "resize_short": 112, "fit": "pad", "crop": "full", "planes": "luma-motion", "act": "gelu_tanh",
        "ln_eps": 1e-6, "classifier": "token", "cls_policy": "full", "router_input": "ln1", "gate": "on",
        "w_form": "prod", "beta": 10.0, "delta": 2.0, "train_ec": [0.15, 1.0],
        # Still pixels are exactly 0 in the motion planes; the spreads are about those of moving people.
        "input": {"scale": 1 / 255, "mean": [0.45, 128 / 255, 128 / 255], "std": [0.25, 0.12, 0.2]},
        "labels": labels,
    }  # fmt: skip


class Run:
    """Everything that a checkpoint holds."""

    def __init__(self, a):
        self.a = a
        a.run.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(a.seed)
        self.config = make_config(a, Actors(a.library).labels)
        self.model = MoneVivit(self.config)
        start_positions(self.model)
        self.helpers = Helpers(a.width, self.config["tubelet"][0])
        self.optimizers = make_optimizers(self.model, self.helpers, a.lr, a.matrix_lr)
        self.average = Average(self.model, 0.998)
        self.rng = np.random.default_rng(a.seed)
        self.step = self.clips = 0
        self.seconds, self.router_started = 0.0, False
        self.grid = tuple(s // p for s, p in zip(self.config["image"], self.config["tubelet"][1:]))
        mean, std = (torch.tensor(self.config["input"][k]).repeat_interleave(512) for k in ("mean", "std"))
        self.scale, self.shift = self.config["input"]["scale"] / std, -mean / std
        if (a.run / "checkpoint.pt").exists():
            self.load()

    def progress(self) -> float:
        done = self.step / self.a.steps if self.a.steps else self.seconds / (60 * self.a.minutes)
        return min(1.0, done)

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(), "helpers": self.helpers.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers], "average": self.average.weights,
            "average_steps": self.average.steps, "numpy": self.rng.bit_generator.state,
            "torch": torch.get_rng_state(), "step": self.step, "clips": self.clips, "seconds": self.seconds,
            "router_started": self.router_started,
        }  # fmt: skip
        torch.save(state, self.a.run / "checkpoint.new")
        os.replace(self.a.run / "checkpoint.new", self.a.run / "checkpoint.pt")
        self.export()

    def load(self) -> None:
        state = torch.load(self.a.run / "checkpoint.pt", weights_only=False)
        self.model.load_state_dict(state["model"])
        self.helpers.load_state_dict(state["helpers"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self.average.weights, self.average.steps = state["average"], state["average_steps"]
        self.rng.bit_generator.state = state["numpy"]
        torch.set_rng_state(state["torch"])
        self.step, self.clips, self.seconds = state["step"], state["clips"], state["seconds"]
        self.router_started = state["router_started"]

    def export(self) -> None:
        """The averaged weights as a model file that the engine loads."""
        trained_on = (f"procedural actors only (libmone-actors), seed {self.a.seed}, {self.clips} clips, "
                      f"{self.step} steps, {self.seconds / 60:.0f} min")  # fmt: skip
        provenance = {"name": "actors-fe", "trained_on": trained_on, "terms": "LGPL-2.1-or-later"}
        path = self.a.run / "model.new"
        save_model(path, self.config | {"provenance": provenance}, self.average.weights, torch.bfloat16)
        os.replace(path, self.a.run / "model.safetensors")

    # -- one step

    def pixels(self, tubelets):
        return tubelets.float() * self.scale + self.shift

    def nested_step(self, batch):
        """First phase: one uniform width per step (the whole one in four of ten), moving tokens only."""
        a, experts = self.a, self.config["E"]
        width = a.width if self.rng.random() < 0.4 else a.width >> int(self.rng.integers(1, experts))
        count = int(self.rng.choice([a.tokens * 3 // 4, a.tokens, a.tokens, a.tokens * 3 // 2]))
        if self.rng.random() < 0.05:
            count = self.model.ns
        tubelets, chosen = some_tokens(batch, count, 0)
        tokens, chosen = self.model.embed(self.pixels(tubelets)).flatten(0, 1), chosen.flatten(0, 1)
        x = self.model.spatial.embed(tokens, chosen)
        rows = None if width == a.width else Sampling([(0, 1, a.width), (1, count + 1, width)], None, None)
        for block in self.model.spatial.blocks:
            x = block(x, rows)
        x = self.model.spatial.norm(x)
        h = x[:, 0].view(len(batch.labels), -1, a.width)
        logits = self.model.head(self.model.temporal(h))
        cells = self.helpers.cell_loss(x[:, 1:], chosen, batch.joints, self.grid)
        return logits, 10 * self.helpers.joint_loss(h, batch.joints) + 0.5 * cells

    def importance(self, batch):
        return importance_of(batch.importance, batch.joints, self.config["tubelet"][0], self.grid).flatten(0, 1)

    def start_router(self) -> None:
        """Between the phases. Without it, alpha = 0 gives the router no gradient, and an untrained one throws moving
        tokens away."""
        with torch.no_grad():
            batch, spatial = held_out_clips(self.a.library, 240, 0.5, seed=self.a.seed), self.model.spatial
            rows = spatial.embed(self.model.embed(self.pixels(batch.tubelets)).flatten(0, 1))[:, 1:]
            rows = spatial.blocks[0].norm1(rows)
        loss = fit_router(self.model.mone.router, rows, self.importance(batch))
        for name, value in self.model.mone.router.named_parameters():
            self.average.weights[f"mone.router.{name}"].copy_(value.detach())
        self.router_started = True
        print(f"router started, loss {loss:.3f}", flush=True)

    def routed_step(self, batch, share: float):
        """Second phase: the router's experts at one drawn budget; share 0..1 of the phase that has passed.

        In most steps of the first half a random part of the still tokens is left out, for speed.
        """
        budget = float(self.rng.choice(BUDGETS))
        few = self.a.tokens if self.rng.random() < 1.5 * (1 - share) ** 2 else self.model.ns
        tubelets, chosen = some_tokens(batch, few, min(few + few // 2, self.model.ns - few))
        chosen = chosen.flatten(0, 1)
        logits, h, routing = self.model.forward_tokens(self.pixels(tubelets), budget, sort=True, chosen=chosen)
        extra = 10 * (1 - share) * self.helpers.joint_loss(h, batch.joints)
        start = max(0.0, 1 - share / 0.6)
        if start > 0:
            extra = extra + start * router_start_loss(routing.probs, self.importance(batch).gather(1, chosen))
        return logits, extra

    def train_step(self, batch) -> tuple[float, float]:
        progress, nested = self.progress(), self.a.nested
        rate = min(1, (self.step + 1) / 100) * (0.02 + 0.98 * min(1, 1.6 * (0.5 + 0.5 * math.cos(math.pi * progress))))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["first_lr"]
        if progress >= nested and not self.router_started:
            self.start_router()
        with torch.autocast("cpu", torch.bfloat16):
            if progress < nested:
                logits, extra = self.nested_step(batch)
            else:
                logits, extra = self.routed_step(batch, (progress - nested) / (1 - nested))
            loss = F.cross_entropy(logits.float(), batch.labels, label_smoothing=0.05)
        (loss + extra).backward()
        parameters = [p for g in self.optimizers for group in g.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            self.model.mone.alpha.clamp_(0, 0.999)
        self.average.update(self.model)
        self.step += 1
        self.clips += len(batch.labels)
        return loss.item(), (logits.argmax(-1) == batch.labels).float().mean().item()


def some_tokens(batch, moving: int, others: int):
    """The tokens of each tubelet that move most and some drawn from the rest: (u8 [n, nt, k, pixels], places)."""
    chosen = batch.importance.topk(moving, -1).indices
    if others > 0:
        rest = torch.rand_like(batch.importance).scatter_(-1, chosen, -1.0)
        chosen = torch.cat([chosen, rest.topk(others, -1).indices], -1)
    return batch.tubelets.gather(2, chosen[..., None].expand(-1, -1, -1, batch.tubelets.shape[-1])), chosen


def difficulty(progress: float) -> float:
    """Easy clips first: from nothing to everything over the first 40 % of the time."""
    return min(1.0, 0.1 + progress / 0.4)


def draw_curves(run_folder: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = list(csv.DictReader(open(run_folder / "curves.csv")))
    if not rows:
        return
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.5))
    for axis, names in zip(axes, (["loss"], ["accuracy", "held_out_1", "held_out_0.25"])):
        for name in names:
            points = [(float(r["clips"]), float(r[name])) for r in rows if r[name]]
            if points:
                axis.plot(*zip(*points), label=name, marker="o" if name.startswith("held") else None)
        axis.set_xlabel("clips")
        axis.legend()
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(run_folder / "curves.png", dpi=80)
    plt.close(figure)


class Curves:
    NAMES = ["minutes", "step", "clips", "loss", "accuracy", "alpha", "held_out_1", "held_out_0.25"]

    def __init__(self, folder: Path):
        new = not (folder / "curves.csv").exists()
        self.file = open(folder / "curves.csv", "a", newline="")
        self.writer = csv.DictWriter(self.file, self.NAMES)
        if new:
            self.writer.writeheader()

    def row(self, **values) -> None:
        self.writer.writerow(values)
        self.file.flush()


def averaged(run: Run) -> MoneVivit:
    model = MoneVivit(run.config)
    model.load_state_dict(run.average.weights)
    return model.eval()


def train(run: Run) -> bool:
    """Trains to the end of the schedule; False if asked to stop (SIGTERM) before it."""
    a = run.a
    level = multiprocessing.Value("d", difficulty(run.progress()))
    stream = Clips(a.seed, run.step, a.batch, run.config["frames"], level, a.library, run.config["C"])
    loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4)
    curves, held_out = Curves(a.run), held_out_clips(a.library, 20 * run.config["C"], 0.3)
    print(f"{sum(p.numel() for p in run.model.parameters()):,} parameters, from step {run.step}", flush=True)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    last = saved = evaluated = time.monotonic()
    loss_mean = right_mean = None
    for batch in loader:
        loss, right = run.train_step(batch)
        now = time.monotonic()
        run.seconds += now - last
        last = now
        level.value = difficulty(run.progress())
        loss_mean = loss if loss_mean is None else 0.98 * loss_mean + 0.02 * loss
        right_mean = right if right_mean is None else 0.98 * right_mean + 0.02 * right
        done = run.progress() >= 1
        if run.step % 50 == 0 or done:
            alpha, minutes = run.model.mone.alpha.item(), run.seconds / 60
            left = (1 - run.progress()) / max(run.progress(), 1e-9) * minutes
            print(f"step {run.step}  {run.clips / run.seconds:.1f} clips/s  loss {loss_mean:.3f}  right {right_mean:.3f}"
                  f"  level {level.value:.2f}  alpha {alpha:.3f}  {minutes:.1f} min, {left:.0f} min left", flush=True)  # fmt: skip
            values = {"minutes": f"{minutes:.2f}", "step": run.step, "clips": run.clips, "loss": f"{loss_mean:.4f}",
                      "accuracy": f"{right_mean:.4f}", "alpha": f"{alpha:.4f}"}  # fmt: skip
            if now - evaluated > 60 * a.evaluate_minutes:
                table = accuracy_table(averaged(run), held_out, [1.0, 0.25])
                values |= {f"held_out_{row['budget']:g}": row["accuracy"] for row in table}
                print("held out, clutter 0.3:", table, flush=True)
                evaluated = last = time.monotonic()
            curves.row(**values)
        if now - saved > 60 * a.checkpoint_minutes or done or stop:
            run.save()
            draw_curves(a.run)
            saved = last = time.monotonic()
        if stop:
            print(f"stopped at step {run.step}; the same command goes on from here", flush=True)
        if stop or done:
            return done
    return True


def main() -> None:
    a = parse_arguments()
    torch.set_num_threads(a.threads)
    run = Run(a)
    if run.progress() < 1 and not train(run):
        return
    results = {}
    for clutter in (0.3, 1.0):
        clips = held_out_clips(a.library, a.held_out, clutter)
        results[f"clutter {clutter}"] = accuracy_table(averaged(run), clips, [0.15, 0.25, 0.4, 0.5, 0.75, 1.0], True)
        for row in results[f"clutter {clutter}"]:
            print(f"clutter {clutter}", {k: v for k, v in row.items() if k != "by_label"}, flush=True)
    (a.run / "evaluation.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
