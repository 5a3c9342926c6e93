"""Labelled videos of real people: read from folders or a CSV, decoded by `mone frames`, kept in a cache."""
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np

from progress import Bar

NEAR = 0.5  # seconds from a part to the next frame, if the video has a hole where the part is
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
    # Of the whole video, also where the clip is a part of it: crop, planes and windows see what comes before and after, as live.
    pixels: np.ndarray | Path | None = None  # see frames()
    times: np.ndarray | None = None  # f64 [frames] seconds
    fps: float = 0.0

    def frames(self) -> np.ndarray:
        """u8 [frames, h, w] luma, or [frames, h, w, 3]."""
        return mapped(self.pixels) if isinstance(self.pixels, Path) else self.pixels

    @property
    def whole(self) -> bool:
        """Not a part of a longer video."""
        return self.start <= 0 and self.end == float("inf")

    @property
    def middle(self) -> float:
        """Of a part, seconds."""
        return (self.start + min(self.end, float(self.times[-1]))) / 2

    @property
    def denies(self) -> bool:
        """Says what it does not show."""
        return self.label.startswith("!")

    @property
    def name(self) -> str:
        """The label that it shows, or denies."""
        return self.label.removeprefix("!")


@lru_cache(maxsize=16)
def mapped(array: Path) -> np.ndarray:
    """A decoded video. Every mapping holds a file open, and a process may have about a thousand, so those used last are kept."""
    return np.load(array, mmap_mode="r")


def find_mone() -> str:
    """$MONE, else the newest `mone` in a build folder of this tree, else the one on the path."""
    if "MONE" in os.environ:
        return os.environ["MONE"]
    root = Path(__file__).resolve().parents[2]
    built = sorted((p for p in root.glob("build*/pipeline/mone") if p.is_file()), key=lambda p: p.stat().st_mtime)
    return str(built[-1]) if built else "mone"


def spelt(label: str) -> str:
    """Without spaces about it, and with every accented letter as one character: a Mac takes the names of its folders apart."""
    name = unicodedata.normalize("NFC", label.strip())
    return "!" + name[1:].strip() if name.startswith("!") else name


def read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Of a CSV: (line, {column in small letters: cell}). Ends the program if it has not the columns of a manifest."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = [name.strip() for name in reader.fieldnames or []]
            known = {name.lower() for name in columns}
            if "path" not in known or not {"label", "common_label"} & known:
                hint = "; columns are parted by commas, not by `;`" if any(";" in name for name in columns) else ""
                raise SystemExit(f"{path}: needs the columns path and label (or common_label), it has {', '.join(columns) or 'none'}{hint}")
            rows = []
            for row in reader:
                if any((cell or "").strip() for cell in row.get(None, [])):
                    raise SystemExit(f"{path}: line {reader.line_num} has {len(columns) + len(row[None])} cells, the header {len(columns)}; "
                                     "a cell with a comma in it stands in quotes, seconds have a point")  # fmt: skip
                cells = {name.strip().lower(): (cell or "").strip() for name, cell in row.items() if name}
                if any(cells.values()):  # not a row of blank cells
                    rows.append((reader.line_num, cells))
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SystemExit(f"{path}: is not UTF-8; save it as `CSV UTF-8`") from error
    except csv.Error as error:
        raise SystemExit(f"{path}: {error}") from error
    if not rows:
        raise SystemExit(f"{path}: has no rows")
    return rows


def read_manifest(path: Path) -> list[Clip]:
    """A folder with one folder a label, or a CSV with the columns path, label and if wanted start, end (seconds),
    subject, split, dataset; common_label goes before label. Paths are relative to the CSV. A label !LABEL denies one. Splits are in small letters."""
    if path.is_dir():
        clips = [Clip(p, spelt(p.parent.name)) for p in sorted(path.glob("*/*"))
                 if p.suffix.lower() in VIDEO and "." not in (p.name[0], p.parent.name[0])]  # fmt: skip
        if not clips:
            raise SystemExit(f"{path}: no videos in folders by label ({path}/LABEL/clip.mp4)")
        return clips
    clips: list[Clip] = []
    first_spelt: dict[str, Path] = {}  # one video, however its path is spelt
    for line, row in read_rows(path):
        label = spelt(row.get("common_label") or row.get("label") or "")
        if not row["path"] or not label.removeprefix("!"):
            raise SystemExit(f"{path}: line {line} has no {'label' if row['path'] else 'path'}")
        try:
            start, end = float(row.get("start") or 0), float(row.get("end") or "inf")
        except ValueError:
            start, end = float("nan"), 0.0
        if not 0 <= start <= end:
            raise SystemExit(f"{path}: line {line} has start {row.get('start')!r} and end {row.get('end')!r}, which are not seconds from start to end")
        place = path.parent / row["path"]
        clips.append(Clip(first_spelt.setdefault(os.path.abspath(place), place), label, row.get("subject") or "", (row.get("split") or "").lower(), start, end,
                          row.get("dataset") or ""))  # fmt: skip
    return clips


def digest_of(clips: list[Clip]) -> str:
    """Of which clips there are and in which order, not of their pixels or place: what a run that goes on must find as it was."""
    rows = [(c.path.name, c.path.stat().st_size, c.label, c.start, c.end) for c in clips]
    return hashlib.sha1(repr(rows).encode(errors="surrogateescape")).hexdigest()


def held_out(clips: list[Clip], share: float) -> list[Clip]:
    """Clips to test on: all clips of some of the people where three or more are known, else of some of the files, as many as come near the share.
    Also those that deny a label, which nobody may learn from then; not those of a label that nobody else shows."""
    showing = [c for c in clips if not c.denies]
    if share <= 0:
        return []
    if len({c.subject for c in showing} - {""}) > 2:
        left = held_out_people(showing, share)
        taught = {c.label for c in showing if c.subject not in left}
        return [c for c in clips if c.subject in left and (c.denies or c.label in taught)]
    files = held_out_files(showing, share)
    return [c for c in clips if c.path in files]


def held_out_people(clips: list[Clip], share: float) -> set[str]:
    """Those with the fewest clips first; one at least, and nobody by whom the share would be missed by more than it is without."""
    many, out = Counter(c.subject for c in clips if c.subject), 0
    left: set[str] = set()
    for person in sorted(many, key=lambda person: (many[person], person))[:-1]:
        missing = share * len(clips) - out
        if missing <= 0 or left and many[person] > 2 * missing:
            break
        left.add(person)
        out += many[person]
    return left


def held_out_files(clips: list[Clip], share: float) -> set[Path]:
    """In the order of the clips: a file whenever at least half of its clips are due, each label's by the share of those so far; none that alone shows
    a label."""
    by_file: dict[Path, Counter] = {}
    for clip in clips:
        by_file.setdefault(clip.path, Counter())[clip.label] += 1
    total, seen, out = Counter(c.label for c in clips), Counter(), Counter()
    files = set()
    for path, labels in by_file.items():
        seen.update(labels)
        due = sum(min(count, max(0, int(seen[label] * share + 1e-9) - out[label])) for label, count in labels.items())
        if 2 * due >= labels.total() and all(out[label] + count < total[label] for label, count in labels.items()):
            files.add(path)
            out.update(labels)
    return files


def cached(path: Path, cache: Path, rgb: bool, long_side: int) -> tuple[Path, Path]:
    """Where a video's pixels and what is known of them are kept: (.npy, .json)."""
    status = path.stat()
    key = hashlib.sha1(os.fsencode(f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {long_side} {rgb}")).hexdigest()
    return cache / f"{key}.npy", cache / f"{key}.json"


def tell(note: str) -> None:
    print(note, file=sys.stderr, flush=True)


def decode(clip: Clip, cache: Path, rgb: bool = False, long_side: int = 320, note=tell) -> Clip:
    """Fills in pixels, times and fps, through the cache. note: gets what is to be said of the video, in a line or more."""
    if not clip.path.is_file():
        raise SystemExit(f"{clip.path}: there is no such file")
    array, about = cached(clip.path, cache, rgb, long_side)
    if not (array.exists() and about.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as own:  # whole or not at all: others may be decoding it, too
            made = Path(own) / "frames.npy"
            done = subprocess.run([find_mone(), "frames", "--out", made, "--long-side", str(long_side)]
                                  + ["--rgb"] * rgb + [clip.path], capture_output=True, text=True, errors="surrogateescape")  # fmt: skip
            if done.returncode:
                raise SystemExit(done.stderr.strip())
            if done.stderr:  # what is damaged, and used as far as it goes
                note(done.stderr.strip())
            (Path(own) / "about").write_text(done.stdout)
            made.replace(array)
            (Path(own) / "about").replace(about)
    facts = json.loads(about.read_text())
    clip.pixels, clip.times, clip.fps = array, np.array(facts["times"]), facts["fps"]
    check_part(clip)
    return clip


def check_part(clip: Clip) -> None:
    """Ends the program if the video shows nothing of the part: it lies behind the end or in a hole."""
    times = clip.times
    behind = clip.start > times[-1] + 1 / max(clip.fps, 1)
    if behind or not ((times >= clip.start - NEAR) & (times <= clip.end + NEAR)).any():
        raise SystemExit(f"{clip.path}: nothing between {clip.start} s and {clip.end} s")


def decode_all(clips: list[Clip], cache: Path, rgb: bool = False, workers: int = 2) -> list[Clip]:
    videos = {clip.path: clip for clip in clips}  # not once for each part of a longer one
    notes: dict[str, list[str]] = {}  # those that say the same of many videos are told once
    bar, began = Bar(patience=3, log=sys.stderr), time.monotonic()

    def one(clip: Clip) -> None:
        decode(clip, cache, rgb, note=lambda text: notes.setdefault(text.replace(str(clip.path), ""), []).append(text))

    try:
        with ThreadPoolExecutor(workers) as pool:
            for done, _ in enumerate(pool.map(one, videos.values()), 1):
                bar.show(done / len(videos), time.monotonic() - began, f"{done} of {len(videos)} videos decoded")
    finally:  # the pool has ended, so no note comes any more
        bar.end()
        for alike in notes.values():
            others = len(alike) - 1
            tell(alike[0] + f" (and so of {others} other video{'s' * (others > 1)})" * (others > 0))
    for clip in clips:
        video = videos[clip.path]
        clip.pixels, clip.times, clip.fps = video.pixels, video.times, video.fps
        check_part(clip)
    return clips


def gaps(clips: list[Clip], label: str, cache: Path, rgb: bool = False, shortest: float = 1.5) -> list[Clip]:
    """What lies between the parts of longer videos, before the first and behind the last, as clips of a label of their own.
    shortest: seconds. They have the parts' subject if that is one."""
    by_path: dict[Path, list[Clip]] = {}
    for clip in clips:
        by_path.setdefault(clip.path, []).append(clip)
    parted = {path: parts for path, parts in by_path.items() if not any(part.whole for part in parts)}
    found, videos = [], decode_all([Clip(path, label) for path in parted], cache, rgb)
    for video, (path, parts) in zip(videos, parted.items()):
        subjects = {part.subject for part in parts}
        subject = subjects.pop() if len(subjects) == 1 else ""
        times, now = video.times, 0.0
        for start, end in [*sorted((part.start, part.end) for part in parts), (float(times[-1]), float("inf"))]:
            if start - now >= shortest:
                found.append(Clip(path, label, subject, start=now, end=start, dataset=parts[0].dataset))
            now = max(now, end)
    return found


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gst-mone" / "frames"


MERGES = Path(__file__).resolve().parents[2] / "configs" / "models" / "labels.json"


def read_vocabulary(labels: list[str], path: Path = MERGES) -> dict[str, str]:
    """Other people's labels to the model's, of a JSON that `mone eval` reads too, but for those that the model has itself (labels)."""
    try:
        merges = json.loads(path.read_text(encoding="utf-8")).items()
        pairs = [(spelt(other), spelt(label)) for label, others in merges for other in list_of(others)]
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise SystemExit(f'{path}: is not a JSON file such as {{"wave": ["wave_one_hand", "wave_two_hands"]}}') from error
    twice = [other for other, count in Counter(other for other, _ in pairs).items() if count > 1]
    if twice:
        raise SystemExit(f"{path}: {twice[0]} stands under two labels")
    own = {spelt(label) for label in labels}
    return {other: label for other, label in pairs if other not in own}


def list_of(labels) -> list[str]:
    if not isinstance(labels, list):
        raise TypeError("no list")
    return labels


def windows_inside(cutter, ends: np.ndarray, start: float, end: float) -> np.ndarray:
    """The windows whose middle, half-way from their first frame to their last, lies in [start, end), as `mone eval` counts them: index of each one's
    first tubelet. ends: time of each tubelet's last frame, f64 [n]."""
    middle = middles_of(cutter, ends)
    return np.flatnonzero((middle >= start) & (middle < end))


def middles_of(cutter, ends: np.ndarray) -> np.ndarray:
    """Of each window, half-way from its first frame to its last. f64 [max(0, n - nt + 1)]"""
    nt, pt = cutter.nt, cutter.pt
    count = max(0, len(ends) - nt + 1)
    hops = np.diff(ends)
    hops = hops[hops > 0]  # not those to a tubelet that is repeated
    hop = float(np.median(hops)) if len(hops) else 0.0
    return (ends[:count] - hop * (pt - 1) / pt + ends[nt - 1 : nt - 1 + count]) / 2


def window_nearest(cutter, ends: np.ndarray, moment: float) -> np.ndarray:
    """The one window whose middle is nearest to a moment, as windows_inside() has them; none if there is no full one."""
    middles = middles_of(cutter, ends)
    return np.abs(middles - moment).argmin(keepdims=True) if len(middles) else np.zeros(0, int)


def in_turn(cutter, clips: list[Clip]):
    """(clip, its tubelets as tubelets_of() has them) of each, in the order of their files: a video is cut once for all its parts."""
    for _, parts in groupby(sorted(clips, key=lambda clip: clip.path), key=lambda clip: clip.path):
        parts = list(parts)
        cut = cut_of(cutter, parts)
        for clip in parts:
            yield clip, tubelets_of(cutter, clip, cut)


def cut_of(cutter, parts: list[Clip]):
    """What cutter.video() makes of a video that parts are asked of: from its first frame on, as live, to a window behind the last of them."""
    video = parts[0]
    slowest = min(cutter.slowest, video.fps / cutter.pt) if video.fps > 0 else cutter.slowest
    frames = np.searchsorted(video.times, max(part.end for part in parts) + cutter.nt / slowest, side="right")
    return cutter.video(video.frames()[:frames], video.times[:frames], video.fps)


def tubelets_of(cutter, clip: Clip, cut: tuple | None = None):
    """What live would cut of a clip: u8 [tubelets, tokens, pixels]; of a part of a longer video what live has when it comes to it, from the video's
    first frame on. cut: its cut_of(), where that is at hand."""
    import torch

    tubelets, ends, _ = cut or cut_of(cutter, [clip])
    return torch.from_numpy(tubelets if clip.whole else tubelets[tubelets_inside(cutter, clip, ends)])


def tubelets_inside(cutter, clip: Clip, ends: np.ndarray) -> slice:
    """Those of the full windows whose middle lies in a part, or of the last one that was still filling then, as `mone eval` has it; of a moment, or
    less than a hop, those of the window that is nearest. ends: f64 [n], of the video's tubelets."""
    nt = cutter.nt
    inside = windows_inside(cutter, np.concatenate([np.repeat(ends[:1], nt - 1), ends]), clip.start, clip.end)  # each one's last tubelet
    full = inside[inside >= nt - 1]
    if len(full):
        return slice(full[0] - nt + 1, full[-1] + 1)
    if len(inside):
        return slice(0, inside[-1] + 1)
    near = window_nearest(cutter, ends, clip.middle)
    return slice(near[0], near[0] + nt) if len(near) else slice(0, len(ends))


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
