"""An endless stream of training batches, rendered as they are asked for."""
from dataclasses import dataclass

import numpy as np
import torch

from actors import Actors
from planes import cut, luma_motion

HISTORY = 4  # frames the planes look back


@dataclass
class Batch:
    tubelets: torch.Tensor    # u8 [n, nt, tokens, 1536]
    labels: torch.Tensor      # i64 [n]
    joints: torch.Tensor      # f32 [n, frames, 2, 13, 2] shares of the picture; persons from left to right
    importance: torch.Tensor  # f32 [n, nt, tokens] motion, for choosing tokens and starting the router


def left_to_right(joints: np.ndarray) -> np.ndarray:
    """Which of two persons acts cannot be seen at once; the order in the picture can."""
    middle = joints[..., 0].mean(axis=(1, 3))  # [n, persons]
    swap = (middle[:, 0] > middle[:, 1]) & (middle[:, 1] > -5)
    joints[swap] = joints[swap][:, :, ::-1]
    return joints


def motion(tubelets: np.ndarray) -> np.ndarray:
    """Mean absolute motion per token, plus a share of the token's mean over the clip. f32 [n, nt, tokens]."""
    n, nt, tokens, _ = tubelets.shape
    x = tubelets.reshape(n, nt, tokens, 3, -1)[:, :, :, 1:, ::4]
    moved = np.abs(x.astype(np.int16) - 128).mean((3, 4), dtype=np.float32)
    return moved + 0.3 * moved.mean(1, keepdims=True)


def make_batch(actors: Actors, seed: int, labels: np.ndarray, frames: int, reset: bool, **options) -> Batch:
    """reset: the stream has just begun, so the planes have no history before the first frame."""
    history = 0 if reset else HISTORY
    luma, joints, drawn, _ = actors.clips(seed, labels, frames=frames + history, **options)
    tubelets = cut(luma_motion(luma, history))
    return Batch(torch.from_numpy(tubelets), torch.from_numpy(drawn).long(),
                 torch.from_numpy(left_to_right(joints[:, history:].copy())), torch.from_numpy(motion(tubelets)))  # fmt: skip


class Clips(torch.utils.data.IterableDataset):
    """Batch `i` depends on (seed, i) and the difficulty of the moment only, so a resumed run goes on where it was."""

    def __init__(self, seed: int, first: int, size: int, frames: int, level, library: str | None, classes: int):
        """level: shared f64 value 0..1, how hard clips are; it is read for every batch."""
        self.seed, self.first, self.size, self.frames, self.level = seed, first, size, frames, level
        self.library, self.classes = library, classes

    def __iter__(self):
        actors = Actors(self.library)
        index = self.first
        while True:
            rng = np.random.default_rng([self.seed, index])
            labels = rng.permutation(-(-self.size // self.classes) * self.classes)[: self.size] % self.classes
            labels[0] = self.classes - 1  # "nothing" is as varied as all the others, so it is shown more often
            hard = self.level.value
            yield make_batch(actors, (self.seed << 40) + index * 4096, labels, self.frames, rng.random() < 0.1,
                             clutter=float(rng.random() * hard * 0.8), difficulty=float(hard * rng.random() ** 0.5),
                             live_share=0.55 + 0.25 * hard)  # fmt: skip
            index += 1
