#!/usr/bin/env python3
"""Trains a model: on rendered people, on videos of your own, or on both.

    python train.py --minutes 80 --out actors.safetensors                        rendered people only
    python train.py --data clips/ --init ../../configs/models/default.safetensors --steps 400 --out mine.safetensors
    python train.py --data clips.csv --init vivit-b-16x2/ --actors 0 --out nested.safetensors       a plain ViViT becomes nested

--data is a folder with one folder a label (clips/LABEL/a.mp4) or a CSV: path, label and if wanted start, end (seconds),
subject, split (train, test). Labels become what --labels says; !LABEL teaches that a clip is anything but that. The same command goes on where it was stopped.
With --steps, `touch FILE.run/finish` ends it early and well: the rest of the schedule in a quarter of the steps done.
Beside FILE a folder FILE.run gets checkpoint.pt, curves.csv and curves.png, and at the end evaluation.json. See README.md.
"""
import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of small matrix products wait for each other on a busy machine
import torch  # noqa: E402

import footage as real
from actors import Actors
from clips import shared_labels
from cutter import Cutter
from evaluate import accuracy_table, held_out_clips, wilson
from mix import Mixed
from model_file import load_model
from progress import Bar
from run import BUDGETS, Run

TABLE_BUDGETS = [1.0, 0.75, 0.5, 0.4, 0.25, 0.15]


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, required=True, help="model file to write (at every checkpoint)")
    p.add_argument("--data", type=Path, help="folder or CSV of videos; without it: rendered people only")
    p.add_argument("--labels", type=lambda text: None if text == "none" else Path(text), default=real.MERGES, metavar="FILE|none",
                   help="which labels of --data are one, as `mone eval --labels` reads it (default: configs/models/labels.json)")
    p.add_argument("--often", type=real.label_and_number, action="append", default=[], metavar="LABEL=X",
                   help="draw a label of --data X times as often as its clips say: 3 for one as varied as nothing is, 0.5 for one that is named too readily")
    p.add_argument("--actors", type=float, default=0.5, help="share of rendered clips beside --data; a new model then has the renderer's labels too")
    p.add_argument("--init", type=Path, help="model file or Hugging Face folder to start from; a plain one (E = 1) is made nested")
    p.add_argument("--minutes", type=float, default=80, help="training time in all, over all resumptions")
    p.add_argument("--steps", type=int, default=0, help="so many steps instead of minutes: resumes to the same numbers")
    p.add_argument("--pause-at", type=int, default=0, help="stop at this step, as if killed; the same command goes on")
    p.add_argument("--leave-out", default="", help="subjects (comma-separated) whose clips are for testing")
    p.add_argument("--gaps", metavar="LABEL", help="of videos of which the CSV names parts: what lies between the parts is this (nothing)")
    p.add_argument("--hold-out", type=float, default=0.2, metavar="SHARE", help="of the clips for testing, where nothing else says which (0 = none)")
    p.add_argument("--width", type=int, default=128, help="of a new model")
    p.add_argument("--heads", type=int, default=4)
    p.add_argument("--depth", type=int, default=6)
    p.add_argument("--experts", type=int, default=4, help="of a new model; 1 = a plain one")
    p.add_argument("--budgets", type=lambda text: [float(b) for b in text.split(",")], default=BUDGETS, metavar="LIST",
                   help="what the router's steps draw from; one = a model for that budget alone")
    p.add_argument("--crop", choices=["full", "motion"], help="default: motion, or what --init has")
    p.add_argument("--batch", type=int, default=24)
    p.add_argument("--tokens", type=int, help="moving tokens per tubelet in the first phase (default: a fifth of them, 10 of 49)")
    p.add_argument("--nested", type=float, help="share of the time for the first phase (default: .6; 0 from nested --init)")
    p.add_argument("--first", type=float, help="difficulty of the first rendered clips, 0 to 1 (default: .1; .6 with --init); all there is after 40 %% of the time")
    p.add_argument("--lr", type=float, default=1e-3, help="AdamW; vectors, tables, embedding and heads")
    p.add_argument("--matrix-lr", type=float, default=2e-3, help="Muon; the blocks' matrices (0 = AdamW for all)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ...; auto = cuda where PyTorch finds one")
    p.add_argument("--threads", type=int, default=1, help="of the processor, for the model")
    p.add_argument("--workers", type=int, help="processes that render and cut (default: 1; with a GPU all cores but one)")
    p.add_argument("--checkpoint-minutes", type=float, default=3)
    p.add_argument("--evaluate-minutes", type=float, default=12)
    p.add_argument("--held-out", type=int, help="rendered clips of the last evaluation (default: 360; 90 beside videos)")
    p.add_argument("--library", help="path of libmone-actors.so (default: $MONE_ACTORS or the build folder's)")
    p.add_argument("--cache", type=Path, default=real.default_cache(), help="decoded videos")
    p.add_argument("--name", help="of the model, written into the file")
    p.add_argument("--trained-on", help="what it was trained on, written into the file")
    p.add_argument("--terms", default="LGPL-2.1-or-later", help="written into the file")
    a = p.parse_args()
    if not 0 <= a.hold_out < 1:
        p.error("--hold-out is a share, 0 to below 1")
    for label, times in a.often:
        if not 0 < times < float("inf"):
            p.error(f"--often {label}={times:g}: how many times as often, above 0")
    if not 0 <= a.actors <= 1:
        p.error("--actors is a share, 0 to 1")
    if a.first is not None and not 0 <= a.first <= 1:
        p.error("--first is a difficulty, 0 to 1")
    if a.experts < 1 or a.width >> (a.experts - 1) << (a.experts - 1) != a.width:
        p.error(f"--experts {a.experts}: the width {a.width} cannot be halved so often")
    if not all(0 < budget <= 1 for budget in a.budgets):
        p.error("--budgets are shares of the width, above 0 and up to 1")
    if a.device == "auto":
        a.device = "cuda" if torch.cuda.is_available() else "cpu"
    if a.device.startswith("cuda") and not torch.cuda.is_available():
        p.error(f"--device {a.device}: this PyTorch finds no GPU (torch.cuda.is_available() is false); --device cpu works everywhere")
    if a.workers is None:
        a.workers = 1 if a.device == "cpu" else max(1, len(os.sched_getaffinity(0)) - 1)
    if a.held_out is None:
        a.held_out = 90 if a.data else 360
    if a.tokens is not None and a.tokens < 1:
        p.error("--tokens: at least one token has to be shown")
    if a.workers < 1:
        p.error("--workers: at least one process has to make the clips")
    if a.init and a.init.resolve() == a.out.resolve():
        p.error("--out is the model of --init, which the first checkpoint would replace: choose another")
    a.run = a.out.with_name(a.out.name + ".run")
    older = a.out.with_suffix(".run")  # as it was called before
    if older != a.run and not a.run.exists() and (older / "checkpoint.pt").exists():
        p.error(f"{older} is of an older version, which cannot be gone on with: move it away, or choose another --out")
    return a


def settle_start(a) -> None:
    """A Hugging Face folder to start from is converted first, beside the checkpoints."""
    if a.init and a.init.is_dir():
        import convert

        a.run.mkdir(parents=True, exist_ok=True)
        start = a.run / f"{a.init.resolve().name}.safetensors"
        if convert.main([str(a.init), "--out", str(start)]):
            raise SystemExit(1)
        a.init = start


def kept_out(a, clips: list) -> list:
    """Those that are for testing, by the people left out, the column split or --hold-out."""
    left_out = {name.strip() for name in a.leave_out.split(",")} - {""}
    strangers = left_out - {c.subject for c in clips}
    if strangers:
        raise SystemExit(f"--leave-out {','.join(sorted(strangers))}: no clip of {a.data} has such a subject; there are "
                         f"{', '.join(sorted({c.subject for c in clips} - {''})) or 'none'}")  # fmt: skip
    for clip in clips:
        if clip.split not in ("", "train", "test", "val", "validation"):
            raise SystemExit(f"{a.data}: split {clip.split!r} of {clip.path.name} is none of train, test, val and validation")
    if left_out or any(c.split for c in clips):
        return [c for c in clips if c.split in ("test", "val", "validation") or c.subject in left_out]
    found = real.held_out(clips, a.hold_out)
    if a.hold_out > 0 and not found:
        print("--hold-out: no whole video or person is near that share, so none is kept out", flush=True)
    return found


def merge_labels(a, clips: list) -> None:
    """Labels become what --labels says, and that is told; one that the model to start from has stays what it is."""
    if a.labels is None:
        return
    own = load_model(a.init).config["labels"] if a.init else []
    known, merged = real.read_vocabulary(own, a.labels), Counter()
    for clip in clips:
        merged[clip.name] += clip.name in known
        clip.label = "!" * clip.denies + known.get(clip.name, clip.name)
    for name, count in sorted(merged.items()):
        if count:
            print(f"'{name}' ({count} clip{'s' * (count > 1)}) is taught as '{known[name]}', as {a.labels} says (--labels none: as it is spelt)", flush=True)


def read_footage(a) -> tuple[list, list, list[str] | None]:
    """(clips to train on, clips to test on, their labels)."""
    if not a.data:
        return [], [], None
    clips = real.read_manifest(a.data)
    missing = sorted({str(clip.path) for clip in clips if not clip.path.is_file()})
    if missing:
        raise SystemExit(f"{a.data}: there is no file {missing[0]}" + (f", nor {len(missing) - 1} others" if missing[1:] else ""))
    between = []
    if a.gaps:
        rgb = a.init is not None and load_model(a.init).config["planes"] == "rgb"  # as it is decoded again below, so once
        between = real.gaps(clips, a.gaps, a.cache, rgb)
    merge_labels(a, clips + between)
    test = kept_out(a, clips)
    places = {c.path for c in test}  # nobody may learn what lies between parts that are tested on
    test += [c for c in between if c.path in places]
    tested = {id(c) for c in test}
    train = [c for c in clips + between if id(c) not in tested]
    test = [c for c in test if not c.denies]  # what would be right?
    share = f" ({len(test) / (len(train) + len(test)):.0%})" if test else ""
    print(f"{len(train)} clips to train on, {len(test)} to test on{share}", flush=True)
    if not train:
        raise SystemExit(f"{a.data}: no clip is left to train on (--leave-out, --hold-out and the column split say which are kept out)")
    return train, test, sorted({c.label for c in train if not c.denies})


def difficulty(progress: float, first: float) -> float:
    """Easy clips first: everything after 40 % of the time."""
    return min(1.0, first + (1 - first) * progress / 0.4)


class Curves:
    NAMES = ["minutes", "step", "clips", "loss", "accuracy", "alpha", "held_out_1", "held_out_0.25"]

    def __init__(self, folder: Path, step: int):
        """Rows behind the step that training goes on from are those of a run that was killed: they come again."""
        self.path, rows = folder / "curves.csv", []
        if self.path.exists():
            whole, _, _ = self.path.read_text().rpartition("\n")  # behind the last one: what a full disk or a lost machine cut off
            rows = [row for row in csv.DictReader(whole.splitlines()) if int(row["step"]) <= step]
        new = self.path.with_name("curves.csv.new")
        self.file = open(new, "w", newline="")
        self.writer = csv.DictWriter(self.file, self.NAMES)
        self.writer.writeheader()
        self.writer.writerows(rows)
        self.file.flush()
        new.replace(self.path)

    def row(self, **values) -> None:
        self.writer.writerow(values)
        self.file.flush()

    def draw(self) -> None:
        try:
            import matplotlib
        except ImportError:
            return  # a bare machine: the numbers are in the CSV

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        rows = list(csv.DictReader(open(self.path)))
        figure, axes = plt.subplots(1, 2, figsize=(10, 3.5))
        for axis, names in zip(axes, (["loss"], ["accuracy", "held_out_1", "held_out_0.25"])):
            for name in names:
                points = [(float(r["clips"]), float(r[name])) for r in rows if r[name]]
                if points:
                    axis.plot(*zip(*points), label=name, marker="o" if name.startswith("held") else None)
            axis.set_xlabel("clips")
            axis.grid(alpha=0.3)
            if axis.lines:
                axis.legend()
        figure.tight_layout()
        figure.savefig(self.path.with_suffix(".png"), dpi=80)
        plt.close(figure)


def table_budgets(config: dict) -> list[float]:
    return TABLE_BUDGETS if config["E"] > 1 else [1.0]


def footage_table(model, clips: list) -> list[dict]:
    """Share of test clips whose mean logits name them, by budget."""
    cutter, labels, names = Cutter(model.config), model.config["labels"], []
    right = {budget: [] for budget in table_budgets(model.config)}
    for clip, tubelets in real.in_turn(cutter, clips):
        names.append(clip.label)
        for budget, row in right.items():
            row.append(real.answer(real.windows_of(model, tubelets, budget), labels) == clip.label)

    def by_label(row: list[bool]) -> dict:
        return {name: (sum(r for r, n in zip(row, names) if n == name), names.count(name)) for name in sorted(set(names))}

    return [{"budget": budget, "accuracy": round(sum(row) / max(1, len(row)), 4), "clips": len(row), "by_label": by_label(row)}
            for budget, row in right.items()]  # fmt: skip


def check_denied(a, clips: list, labels: list[str]) -> None:
    """Ends the program where a clip denies what the model does not have, or all that it has."""
    unknown = {c.label for c in clips if c.name not in labels}
    if unknown:
        raise SystemExit(f"{a.data}: {', '.join(sorted(unknown))}: what is denied must be a label of the model or of another clip")
    denied = [c.label for c in clips if c.denies]
    if denied and len(labels) == 1:
        raise SystemExit(f"{a.data}: {denied[0]}: it is the only label, so nothing else could be right")


def of_taught_labels(test: list, labels: list[str]) -> list:
    """Those of the model's labels; the others, which it cannot name, are left out of the table and said."""
    others = [c.label for c in test if c.label not in labels]
    if others:
        print(f"{len(others)} test clips are of labels not taught and left out: {', '.join(sorted(set(others)))}", flush=True)
    return [c for c in test if c.label in labels]


def settle_actors(run: Run) -> None:
    """Rendered clips need labels that the renderer has; where the model has none of them, its videos are all there is."""
    a = run.a
    if a.data and a.actors == 0 or shared_labels(Actors(a.library), run.config):
        return
    if not a.data:
        raise SystemExit(f"{a.init}: none of its labels can be rendered; give it videos with --data")
    print("none of the labels can be rendered: --actors 0", flush=True)
    a.actors = 0.0


def outlive_stops(over) -> None:
    """In a worker: Ctrl-C reaches every process of a terminal, SIGTERM of `timeout` and of batch systems every one of a group, but the clips go
    on until the last step is saved. over: a shared value, above 0 from when nobody takes them any more: then SIGTERM is the loader's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0) if over.value else None)


def train(run: Run, clips: list) -> bool:
    """Trains to the end of the schedule; False if asked to stop (SIGTERM, Ctrl-C) before it."""
    a = run.a
    first = a.first if a.first is not None else 0.6 if a.init else 0.1
    rendered = not clips or a.actors > 0
    shown = len(shared_labels(Actors(a.library), run.config)) if rendered else 0
    held_out = held_out_clips(run.config, a.library, 10 * shown, 0.3) if rendered else None
    clock, over = torch.multiprocessing.Value("d", run.progress()), torch.multiprocessing.Value("b", 0)

    def level(index: int) -> float:  # by steps it is known for every batch; by minutes as it comes
        return difficulty(index / a.steps if a.steps else clock.value, first)

    stream = Mixed(run.config, a.seed, run.batches, a.batch, level, a.library, clips, a.actors, dict(a.often))
    # Its own generator: making an iterator draws a number, and a resumed run makes one more.
    loader = iter(torch.utils.data.DataLoader(stream, batch_size=None, num_workers=a.workers, prefetch_factor=4,
                                              worker_init_fn=lambda _: outlive_stops(over), multiprocessing_context="fork",
                                              generator=torch.Generator().manual_seed(a.seed)))  # fmt: skip

    def next_batch():
        run.batches += 1
        return next(loader)

    try:
        return take_steps(run, next_batch, clock, held_out)
    finally:
        over.value = 1


def take_steps(run: Run, next_batch, clock, held_out) -> bool:
    """train()'s loop: steps, curves, checkpoints."""
    a = run.a
    curves, bar, stop = Curves(a.run, run.step), Bar(), []
    print(f"{sum(p.numel() for p in run.model.parameters()):,} parameters, from step {run.step}", flush=True)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _: (stop.append(True), signal.signal(number, signal.SIG_DFL)))
    last = saved = evaluated = time.monotonic()
    while True:
        if run.progress() >= run.nested and not run.router_started:
            run.start_router([next_batch() for _ in range(10)])
        run.train_step(next_batch())
        now = time.monotonic()
        run.seconds, last = run.seconds + now - last, now
        clock.value = run.progress()
        done = run.progress() >= 1
        if run.step % 10 == 0:
            run.finish_early()
        if run.step == a.pause_at:
            stop.append(True)
        bar.show(run.progress(), run.seconds, f"step {run.step}  {run.clips / run.seconds:.1f} clips/s  "
                 f"loss {run.loss:.3f}  right {run.right:.3f}")  # fmt: skip
        if run.step % 50 == 0 or done:
            values = {"minutes": f"{run.seconds / 60:.2f}", "step": run.step, "clips": run.clips,
                      "loss": f"{run.loss:.4f}", "accuracy": f"{run.right:.4f}",
                      "alpha": f"{run.model.mone.alpha.mean().item():.4f}" if run.config["E"] > 1 else ""}  # fmt: skip
            if held_out and now - evaluated > 60 * a.evaluate_minutes:
                table = accuracy_table(run.averaged(), held_out, [1.0, 0.25] if run.config["E"] > 1 else [1.0])
                values |= {f"held_out_{row['budget']:g}": row["accuracy"] for row in table}
                evaluated = last = time.monotonic()
            curves.row(**values)
        if now - saved > 60 * a.checkpoint_minutes or done or stop:
            run.save()
            curves.draw()
            saved = last = time.monotonic()
        if stop and not done:
            print(f"\nstopped at step {run.step}; the same command goes on from here", flush=True)
        if stop or done:
            return done


def report(run: Run, test: list) -> None:
    """Accuracy by budget as a table and as evaluation.json, and whether the exported file is sound."""
    a, model, tables, budgets = run.a, run.averaged(), {}, table_budgets(run.config)
    if not a.data or a.actors > 0:
        for clutter in (0.3, 1.0):
            clips = held_out_clips(run.config, a.library, a.held_out, clutter)
            tables[f"rendered, clutter {clutter}"] = accuracy_table(model, clips, budgets, True)
    if test:
        tables["test clips"] = footage_table(model, test)
        for label, (right, count) in tables["test clips"][0]["by_label"].items():
            low, high = wilson(right, count)
            print(f"{label:<20} {right} of {count} test clips  [{low:.2f}, {high:.2f}]")
    (a.run / "evaluation.json").write_text(json.dumps(tables, indent=1) + "\n")
    print("\nbudget " + "".join(f"{budget:>8g}" for budget in budgets))
    for name, rows in tables.items():
        print(f"{name}\n       " + "".join(f"{row['accuracy']:>8.3f}" for row in rows))
    mone = real.find_mone()
    if shutil.which(mone):
        done = subprocess.run([mone, "model", "verify", a.out], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{a.out} does not pass `mone model verify`:\n{done.stdout}{done.stderr}")
        print(f"{a.out}: verified")
    else:
        print(f"{a.out}: NOT verified, {mone} is not here; `mone model verify {a.out}` tells whether the engine takes it")
    print(f"try it: gst-launch-1.0 v4l2src ! decodebin ! videoconvert ! moneclassify model={a.out} ! moneoverlay ! "
          "videoconvert ! autovideosink")  # fmt: skip


def main() -> None:
    a = parse_arguments()
    torch.set_num_threads(a.threads)
    settle_start(a)
    clips, test, labels = read_footage(a)
    run = Run(a, labels, real.digest_of(clips))
    settle_actors(run)
    rgb = run.config["planes"] == "rgb"
    check_denied(a, clips, run.config["labels"])
    test = of_taught_labels(test, run.config["labels"])
    for label, _ in a.often:
        if label not in {c.label for c in clips}:
            raise SystemExit(f"--often {label}: no clip to train on is of it; there are {', '.join(sorted({c.label for c in clips})) or 'none'}")
    real.decode_all(clips + test, a.cache, rgb)
    if run.progress() >= 1:
        print(f"{a.run} has been trained to its end, {run.step} steps: nothing is left to do but the table. (More --steps or --minutes go on; "
              "delete it to begin anew.)", flush=True)  # fmt: skip
    elif not train(run, clips):
        return
    report(run, test)


if __name__ == "__main__":
    main()
