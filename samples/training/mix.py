"""Training batches of real clips, varied, and mixed with rendered ones."""
import re

import numpy as np
import torch

from actors import JOINTS, PERSONS, UNKNOWN, Actors
from clips import Batch, motion, rendered
from cutter import Cutter
from footage import Clip, window_nearest, windows_inside

TRIES = 200  # clips drawn before a manifest is said to hold none that is long enough
LEAVING = 0.3  # share of the clips of walk, run, nothing, !fall and !stand_up that are cut where somebody passes
WARMING = 0.3  # share of windows that begin as a stream does, with a tubelet that is repeated


SIDES = {"left": "right", "right": "left"}


def mirrored_label(label: str, labels: list[str]) -> str | None:
    """What a clip of the label shows in a mirror: of swipe_left (swipeLeft) swipe_right, or None where nobody taught that; else the label.
    Of a label such as `bright` it is None, too: then its clips are not mirrored, which is never wrong."""
    other = re.sub("left|right", lambda side: SIDES[side[0]], label.lower())
    return label if other == label.lower() else next((name for name in labels if name.lower() == other), None)


def excerpt(clip: Clip, window: float, tempo: float, rng: np.random.Generator) -> slice:
    """Which frames of a clip are cut. Crop and planes have seen more or less before the windows of it. Of a part: with room for the longest window about some
    moment of it. window: seconds, of the longest."""
    count, rate = len(clip.times), clip.fps * tempo
    most, room = max(2, round(max(3, 2 * window) * rate)), round(window * rate)
    if clip.whole:
        spare = count - most if count > most else count // 6
        first = int(rng.integers(max(1, spare)))
    else:
        moment = rng.uniform(*np.clip((clip.start, clip.end), clip.times[0], clip.times[-1]))
        first = int(np.searchsorted(clip.times, moment)) - room // 2 - int(rng.integers(most - room))
        first = max(0, min(first, count - most))
    return slice(first, first + most)


def framed(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Most of the picture."""
    height, width = frames.shape[1:3]
    share = rng.uniform(0.75, 1.0)
    h, w = max(16, int(height * share)), max(16, int(width * min(1.0, share * rng.uniform(0.9, 1.1))))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    return frames[:, top : top + h, left : left + w]


def cut_in_passing(frames: np.ndarray, moment: int, rng: np.random.Generator) -> np.ndarray:
    """The part of the picture on one side of what moves at the moment: who passes there leaves it, or comes in."""
    before, after = (frames[max(0, min(moment + k, len(frames) - 1)), ::4, ::4].astype(np.int16) for k in (-1, 1))
    moved = np.abs(after - before).reshape(*before.shape[:2], -1).max(-1).astype(np.float64)
    moved = np.maximum(moved - 2 * np.median(moved) - 4, 0) ** 2 + 1e-9
    row, column = (4 * at for at in divmod(int(rng.choice(moved.size, p=(moved / moved.sum()).ravel())), moved.shape[1]))
    height, width = frames.shape[1:3]
    h, w = int(height * rng.uniform(0.45, 0.8)), int(width * rng.uniform(0.45, 0.8))
    if row > 0.4 * height and rng.random() < 0.25:  # what moves is at the lower edge of the part
        top, left = row - h, column - int(rng.integers(w))
    else:  # at its right one or its left one, whichever leaves enough of the picture
        top, left = row - int(rng.integers(h)), column - w if column > width * rng.uniform(0.3, 0.7) else column
    bottom, right = top + h, left + w
    top, left = (max(0, min(at, size - 16)) for at, size in ((top, height), (left, width)))  # 16 rows and columns at least, where there are such
    return frames[:, top : max(bottom, top + 16), left : max(right, left + 16)]


def varied(clip: Clip, rng: np.random.Generator, may_mirror: bool, window: float, leaves: bool = False):
    """Another person could have been filmed like this: mirrored, framed and lit otherwise, faster or slower. window: see excerpt(); leaves: framed so that who
    passes leaves the picture or comes in. (frames, times, fps, whether mirrored, tempo)"""
    tempo = np.exp(rng.uniform(-0.25, 0.25))
    shown = excerpt(clip, window, tempo, rng)
    frames, times = clip.frames()[shown], clip.times[shown]
    if leaves:
        first, last = (times[0], times[-1]) if clip.whole else np.clip((clip.start, clip.end), times[0], times[-1])
        frames = cut_in_passing(frames, int(np.searchsorted(times, rng.uniform(first, last))), rng)
    else:
        frames = framed(frames, rng)
    h, w = frames.shape[1:3]
    if w > 200 and rng.random() < 0.7:  # from farther away, or by a lesser camera; and cut in a third of the time
        rows = frames[:, : h // 2 * 2].astype(np.uint16)
        rows = rows[:, ::2] + rows[:, 1::2]
        frames = ((rows[:, :, : w // 2 * 2 : 2] + rows[:, :, 1 : w // 2 * 2 : 2]) >> 2).astype(np.uint8)
    mirrored = may_mirror and rng.random() < 0.5
    if mirrored:
        frames = frames[:, :, ::-1]
    gamma, gain, offset = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.2)), rng.normal(0, 12)
    table = (255 * (np.arange(256) / 255) ** gamma * gain + offset).clip(0, 255).astype(np.uint8)
    frames = table[frames]
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(1, 5), (2, *frames.shape[1:])).astype(np.int16)
        frames = (frames + noise[np.arange(len(frames)) % 2]).clip(0, 255).astype(np.uint8)
    return frames, times / tempo, clip.fps * tempo, mirrored, tempo


def two_of(starts: np.ndarray, padding: int, rng: np.random.Generator) -> list[int]:
    """Windows by their first tubelet: full ones, WARMING of them such as begin in the padding; whichever there are."""
    warming, full = starts[starts < padding], starts[starts >= padding]
    return [int(rng.choice(warming if not len(full) or len(warming) and rng.random() < WARMING else full)) for _ in range(2)]


class Footage:
    """Draws windows of real clips: every label about as often, those of `often` (label to factor; also !label) so many times as often."""

    def __init__(self, clips: list[Clip], config: dict, often: dict[str, float] = {}):
        self.cutter = Cutter(config)
        self.longest = self.cutter.nt / self.cutter.slowest  # seconds of a window
        names = config["labels"]
        # What is left of who leaves sinks, and who comes in rises: of them it is said that they do not fall, or do not stand up; nothing stays nothing.
        denied = [~names.index(name) for name in ("fall", "stand_up") if name in names]
        self.of_leaving = {k: denied for k, name in enumerate(names) if name in ("walk", "run") and denied}  # label to those of clips so cut
        self.of_leaving |= {k: [k] for k in denied + [names.index(name) for name in names if name == "nothing"]}
        self.in_mirror = {k: names.index(other) if (other := mirrored_label(name, names)) else None for k, name in enumerate(names)}
        self.in_mirror |= {~k: None if other is None else ~other for k, other in self.in_mirror.items()}
        self.groups: dict[int, list[Clip]] = {}  # ~k: clips that deny label k, see label_loss
        for clip in clips:
            shown = names.index(clip.name)
            self.groups.setdefault(~shown if clip.denies else shown, []).append(clip)
        self.labels = sorted(self.groups)
        # A label with many clips comes a little more often: by the fourth root of their number.
        factors = [often.get(names[k] if k >= 0 else f"!{names[~k]}", 1.0) for k in self.labels]
        self.weights = np.array([len(self.groups[k]) ** 0.25 for k in self.labels]) * factors
        self.weights /= self.weights.sum()

    def windows(self, rng: np.random.Generator):
        """Two windows of one clip: (tubelets u8 [2, nt, tokens, pixels], label)."""
        for _ in range(TRIES):
            label = self.labels[rng.choice(len(self.labels), p=self.weights)]
            clip = self.groups[label][rng.integers(len(self.groups[label]))]
            leaves = label in self.of_leaving and rng.random() < LEAVING
            frames, times, fps, mirrored, tempo = varied(clip, rng, self.in_mirror[label] is not None, self.longest, leaves)
            label = int(rng.choice(self.of_leaving[label])) if leaves else self.in_mirror[label] if mirrored else label
            tubelets, ends, _ = self.cutter.video(frames, times, fps)
            if not len(tubelets):
                continue
            # A window that is still filling repeats its oldest tubelet. Half a window of it is enough to learn from.
            nt = self.cutter.nt
            padding = max(nt // 2, nt - len(tubelets))
            padded = np.concatenate([np.repeat(tubelets[:1], padding, 0), tubelets])
            starts = np.arange(len(padded) - nt + 1)
            if not clip.whole:
                ends = np.concatenate([np.repeat(ends[:1], padding), ends])
                starts = windows_inside(self.cutter, ends, clip.start / tempo, clip.end / tempo)
                if not len(starts):  # a moment, or less than a hop
                    starts = window_nearest(self.cutter, ends, clip.middle / tempo)
            if len(starts):
                break
        else:
            raise ValueError(f"{TRIES} clips drawn in a row were too short for one tubelet, the last {clip.path} "
                             f"({len(clip.times)} frames): give clips of a second or more")  # fmt: skip
        return np.stack([padded[s : s + nt] for s in two_of(starts, padding, rng)]), label

    def batch(self, rng: np.random.Generator, count: int):
        drawn = [self.windows(rng) for _ in range(-(-count // 2))]
        labels = np.repeat([label for _, label in drawn], 2)
        return np.concatenate([w for w, _ in drawn])[:count], labels[:count]


class Mixed(torch.utils.data.IterableDataset):
    """Batches of `size` clips, `actors` (a share) of them rendered. Batch i depends on (seed, i) and `level(i)` only."""

    def __init__(self, config: dict, seed: int, first: int, size: int, level, library: str | None,
                 footage: list[Clip] = (), actors: float = 1.0, often: dict[str, float] = {}):  # fmt: skip
        self.config, self.seed, self.first, self.size, self.level = config, seed, first, size, level
        self.library, self.footage, self.often = library, list(footage), often
        self.rendered = round(size * actors) if self.footage else size

    def __iter__(self):
        footage = Footage(self.footage, self.config, self.often) if self.footage else None
        actors = Actors(self.library) if self.rendered else None
        cutter, frames = Cutter(self.config), self.config["frames"]
        worker = torch.utils.data.get_worker_info()  # the loader takes from its workers in turn
        index = self.first + (worker.id if worker else 0)
        while True:
            rng = np.random.default_rng([self.seed, index])
            parts = []
            if actors:
                parts.append(rendered(actors, cutter, self.config, rng, (self.seed << 40) + index * 4096, self.rendered,
                                      self.level(index)))  # fmt: skip
            if footage and self.size > self.rendered:
                tubelets, labels = footage.batch(rng, self.size - self.rendered)
                joints = np.full((len(labels), frames, PERSONS, JOINTS, 2), UNKNOWN, np.float32)
                parts.append(Batch(*map(torch.from_numpy, (tubelets, labels, joints, motion(tubelets, cutter)))))
            yield Batch(*(torch.cat([getattr(part, name) for part in parts]) for name in Batch.__dataclass_fields__))
            index += worker.num_workers if worker else 1
