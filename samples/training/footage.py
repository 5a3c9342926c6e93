"""Labelled videos of real people: read from folders or a CSV, decoded by `mone frames`, kept in a cache."""
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEAD, TAIL = 2.0, 1.0  # seconds before and after a part of a longer video that crop, planes and windows look at, as live
VIDEO = {".avi", ".mp4", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".3gp", ".ogv", ".flv", ".y4m", ".wmv", ".asf", ".m2ts", ".mts", ".vob", ".gif"}


def label_and_number(text: str) -> tuple[str, float]:
    """LABEL=X, as --raise and --often take it."""
    label, _, number = text.rpartition("=")
    return label, float(number)


@dataclass
class Clip:
    path: Path
    label: str                   # or !LABEL: whatever it shows is not that (to learn from only)
    subject: str = ""
    split: str = ""
    start: float = 0.0           # seconds
    end: float = float("inf")
    dataset: str = ""
    pixels: np.ndarray | None = None  # u8 [frames, h, w] luma, or [frames, h, w, 3]; of a part with what comes before and after
    times: np.ndarray | None = None  # f64 [frames] seconds
    fps: float = 0.0

    @property
    def whole(self) -> bool:
        """Not a part of a longer video."""
        return self.start <= 0 and self.end == float("inf")

    @property
    def denies(self) -> bool:
        """Says what it does not show."""
        return self.label.startswith("!")

    @property
    def name(self) -> str:
        """The label that it shows, or denies."""
        return self.label.removeprefix("!")


def find_mone() -> str:
    """$MONE, else the newest `mone` in a build folder of this tree, else the one on the path."""
    if "MONE" in os.environ:
        return os.environ["MONE"]
    root = Path(__file__).resolve().parents[2]
    built = sorted((p for p in root.glob("build*/pipeline/mone") if p.is_file()), key=lambda p: p.stat().st_mtime)
    return str(built[-1]) if built else "mone"


def read_manifest(path: Path) -> list[Clip]:
    """A folder with one folder a label, or a CSV with the columns path, label and if wanted start, end (seconds),
    subject, split, dataset; common_label goes before label. Paths are relative to the CSV. A label !LABEL denies one."""
    if path.is_dir():
        clips = [Clip(p, p.parent.name) for p in sorted(path.glob("*/*")) if p.suffix.lower() in VIDEO and p.name[0] != "."]
        if not clips:
            raise SystemExit(f"{path}: no videos in folders by label ({path}/LABEL/clip.mp4)")
        return clips
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from error
    if not rows or "path" not in rows[0][1] or not {"label", "common_label"} & set(rows[0][1]):
        raise SystemExit(f"{path}: needs the columns path and label (or common_label)")
    clips = []
    for line, row in rows:
        label = row.get("common_label") or row.get("label")
        if not row["path"] or not (label or "").removeprefix("!"):
            raise SystemExit(f"{path}: line {line} has no {'label' if row['path'] else 'path'}")
        try:
            start, end = float(row.get("start") or 0), float(row.get("end") or "inf")
        except ValueError:
            start, end = float("nan"), 0.0
        if not 0 <= start <= end:
            raise SystemExit(f"{path}: line {line} has start {row.get('start')!r} and end {row.get('end')!r}, which are not seconds from start to end")
        clips.append(Clip(path.parent / row["path"], label, (row.get("subject") or "").strip(), (row.get("split") or "").strip(), start, end,
                          row.get("dataset") or ""))  # fmt: skip
    return clips


def digest_of(clips: list[Clip]) -> str:
    """Of which clips there are and in which order, not of their pixels or place: what a run that goes on must find as it was."""
    rows = [(c.path.name, c.path.stat().st_size, c.label, c.start, c.end) for c in clips]
    return hashlib.sha1(repr(rows).encode(errors="surrogateescape")).hexdigest()


def held_out(clips: list[Clip], share: float) -> list[Clip]:
    """Clips to test on: all clips of some of the people where three or more are known, those with the fewest clips first, as many as make the
    share (also those that deny a label, which nobody may learn from then; not those of a label that nobody else shows); else that share of each
    label's clips."""
    denying, clips = [c for c in clips if c.denies], [c for c in clips if not c.denies]
    if share <= 0:
        return []
    many = Counter(c.subject for c in clips if c.subject)
    people = sorted(many, key=lambda person: (many[person], person))
    if len(people) > 2:
        left: set[str] = set()
        for person in people:
            if sum(c.subject in left for c in clips) < share * len(clips):
                left.add(person)
        taught = {c.label for c in clips if c.subject not in left}
        return [c for c in clips if c.subject in left and c.label in taught] + [c for c in denying if c.subject in left]
    chosen = []
    for label in sorted({c.label for c in clips}):
        alike = [c for c in clips if c.label == label]
        chosen += [c for i, c in enumerate(alike) if int((i + 1) * share + 1e-9) > int(i * share + 1e-9)]
    return chosen


def decode(clip: Clip, cache: Path, rgb: bool = False, long_side: int = 320) -> Clip:
    """Fills in pixels, times and fps, through the cache."""
    if not clip.path.is_file():
        raise SystemExit(f"{clip.path}: there is no such file")
    status = clip.path.stat()
    key = hashlib.sha1(os.fsencode(f"{clip.path.resolve()} {status.st_size} {status.st_mtime_ns} {long_side} {rgb}")).hexdigest()
    array, about = cache / f"{key}.npy", cache / f"{key}.json"
    if not about.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as own:  # whole or not at all: others may be decoding it, too
            made = Path(own) / "frames.npy"
            done = subprocess.run([find_mone(), "frames", "--out", made, "--long-side", str(long_side)]
                                  + ["--rgb"] * rgb + [clip.path], capture_output=True, text=True, errors="surrogateescape")  # fmt: skip
            if done.returncode:
                raise SystemExit(done.stderr.strip())
            if done.stderr:  # what is damaged, and used as far as it goes
                print(done.stderr.strip(), file=sys.stderr, flush=True)
            (Path(own) / "about").write_text(done.stdout)
            made.replace(array)
            (Path(own) / "about").replace(about)
    facts = json.loads(about.read_text())
    pixels_of, times = np.load(array, mmap_mode="r"), np.array(facts["times"])
    if clip.start > times[-1] + 1 / max(facts["fps"], 1) or clip.end < times[0]:
        raise SystemExit(f"{clip.path}: nothing between {clip.start} s and {clip.end} s")
    inside = np.flatnonzero((times >= clip.start - LEAD) & (times <= clip.end + TAIL))
    clip.pixels, clip.times = pixels_of[inside[0] : inside[-1] + 1], times[inside[0] : inside[-1] + 1]
    clip.fps = facts["fps"]
    return clip


def decode_all(clips: list[Clip], cache: Path, rgb: bool = False, workers: int = 2) -> list[Clip]:
    videos = {clip.path: clip for clip in clips}  # not once for each part of a longer one
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda clip: decode(clip, cache, rgb), videos.values()))
    return [decode(clip, cache, rgb) for clip in clips]


def gaps(clips: list[Clip], label: str, cache: Path, rgb: bool = False, shortest: float = 1.5) -> list[Clip]:
    """What lies between the parts of longer videos, before the first and behind the last, as clips of a label of their own.
    shortest: seconds."""
    by_path: dict[Path, list[Clip]] = {}
    for clip in clips:
        by_path.setdefault(clip.path, []).append(clip)
    found = []
    for path, parts in by_path.items():
        if any(part.whole for part in parts):
            continue
        times, now = decode(Clip(path, label), cache, rgb).times, 0.0
        for start, end in [*sorted((part.start, part.end) for part in parts), (float(times[-1]), float("inf"))]:
            if start - now >= shortest:
                found.append(Clip(path, label, parts[0].subject, parts[0].split, now, start, parts[0].dataset))
            now = max(now, end)
    return found


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gst-mone" / "frames"


def read_vocabulary(path: Path | None = None) -> dict[str, str]:
    """Other people's labels to the model's, of `configs/models/labels.json`, which `mone eval` reads too."""
    path = path or Path(__file__).resolve().parents[2] / "configs" / "models" / "labels.json"
    return {other: label for label, others in json.loads(path.read_text()).items() for other in others}


def windows_inside(cutter, ends: np.ndarray, start: float, end: float) -> np.ndarray:
    """The windows whose middle, half-way from their first frame to their last, lies in [start, end), as `mone eval` counts them: index of each one's
    first tubelet. ends: time of each tubelet's last frame, f64 [n]."""
    middle = middles_of(cutter, ends)
    return np.flatnonzero((middle >= start) & (middle < end))


def middles_of(cutter, ends: np.ndarray) -> np.ndarray:
    """Of each window, half-way from its first frame to its last. f64 [max(0, n - nt + 1)]"""
    nt, pt = cutter.nt, cutter.pt
    count = max(0, len(ends) - nt + 1)
    hop = float(np.median(np.diff(ends))) if len(ends) > 1 else 0.0
    return (ends[:count] - hop * (pt - 1) / pt + ends[nt - 1 : nt - 1 + count]) / 2


def window_nearest(cutter, ends: np.ndarray, moment: float) -> np.ndarray:
    """The one window whose middle is nearest to a moment, as windows_inside() has them; none if there is no full one."""
    middles = middles_of(cutter, ends)
    return np.abs(middles - moment).argmin(keepdims=True) if len(middles) else np.zeros(0, int)


def tubelets_of(cutter, clip: Clip):
    """What live would cut of a clip: u8 [tubelets, tokens, pixels]. Of a part of a longer video those of the windows whose middle lies in it, or,
    where none does, the tubelets that do."""
    import torch

    tubelets, ends, _ = cutter.video(clip.pixels, clip.times, clip.fps)
    if not clip.whole:
        inside = windows_inside(cutter, ends, clip.start, clip.end)
        if not len(inside) and clip.end == clip.start:
            inside = window_nearest(cutter, ends, clip.start)
        chosen = slice(inside[0], inside[-1] + cutter.nt) if len(inside) else (ends >= clip.start) & (ends <= clip.end)
        tubelets = tubelets[chosen]
    return torch.from_numpy(tubelets)


def windows_of(model, tubelets, budget: float = 1.0):
    """Logits of every full window of tubelets_of(), or of the last one of a shorter clip: f32 [n, C], as live gives them.
    None (n = 0) of a clip too short for one tubelet."""
    import torch

    from evaluate import windows

    if not len(tubelets):
        return torch.zeros(0, model.config["C"])
    missing = max(0, model.nt - len(tubelets))  # a window that is still filling repeats its oldest tubelet
    return windows(model, torch.cat([tubelets[:1].expand(missing, -1, -1), tubelets]), budget)


def answer(logits, labels: list[str]) -> str | None:
    """The label of a clip's mean logits f32 [n, len(labels)]. A clip too short for one tubelet has none, which is wrong."""
    return labels[int(logits.mean(0).argmax())] if len(logits) else None
