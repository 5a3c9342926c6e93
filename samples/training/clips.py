"""Batches of rendered clips, cut by the code that live video goes through."""
from dataclasses import dataclass

import numpy as np
import torch

from actors import UNKNOWN, Actors
from cutter import Cutter, place_in_crop

# Sizes of the rendered picture: small sources, the usual shapes, now and then upright.
SIZES = [(160, 120), (160, 120), (192, 144), (128, 96), (192, 108), (192, 108), (160, 90), (128, 128), (108, 144)]
HISTORY = [4, 4, 4, 8, 12, 20]  # steps that crop and planes may look back to
WALKS = 1 / 10  # share of clips drawn as "walk" beside its turn: people who leave the picture are many of them
CROSSING = 0.7  # share of the wide walks and runs that leave the picture or come into it
GONE = 1 / 4  # of whom is out of the picture for more than this share of a clip, only what is not done is said
NOTHING = 1 / 7  # share of clips drawn as "nothing", beside its turn among the labels: it is as varied as all the others


@dataclass
class Batch:
    tubelets: torch.Tensor    # u8 [n, nt, tokens, 1536]
    labels: torch.Tensor      # i64 [n]; ~k (negative): anything but label k
    joints: torch.Tensor      # f32 [n, frames, 2, 13, 2] shares of what is shown, or all UNKNOWN; persons from left to right
    importance: torch.Tensor  # f32 [n, nt, tokens] motion, for choosing tokens and starting the router

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, name).to(device) for name in Batch.__dataclass_fields__))


def left_to_right(joints: np.ndarray) -> np.ndarray:
    """Which of two persons acts cannot be seen at once; the order in the picture can."""
    both = (joints[..., 0] > -5).all(axis=(2, 3))  # [n, frames]: one of the two may come or go
    middle = (joints[..., 0].mean(axis=3) * both[:, :, None]).sum(axis=1)  # [n, persons]
    swap = middle[:, 0] > middle[:, 1]
    joints[swap] = joints[swap][:, :, ::-1]
    return joints


MIRRORED_JOINTS = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11]  # head, then pairs of left and right


def with_mirrored(batch: Batch, config: dict) -> Batch:
    """The batch and behind it every clip mirrored, which teaches about as much as a new one and is neither rendered nor cut."""
    (height, width), (_, ph, pw) = config["image"], config["tubelet"]
    grid = batch.tubelets.shape[:2] + (height // ph, width // pw)
    joints = batch.joints.numpy()[:, :, :, MIRRORED_JOINTS].copy()
    joints[..., 0] = np.where(joints[..., 0] < -5, joints[..., 0], 1 - joints[..., 0])
    mirrored = Batch(batch.tubelets.view(*grid, -1, pw).flip(3, 5).view_as(batch.tubelets), batch.labels,
                     torch.from_numpy(left_to_right(joints)), batch.importance.view(grid).flip(3).view_as(batch.importance))  # fmt: skip
    return Batch(*(torch.cat([getattr(batch, name), getattr(mirrored, name)]) for name in Batch.__dataclass_fields__))


def motion(tubelets: np.ndarray, cutter: Cutter) -> np.ndarray:
    """How much moves in a token, plus a share of the token's mean over the clip. f32 [n, nt, tokens].

    From tubelets u8 [n, nt, tokens, 3 * pt * ph * pw]: with the planes luma-motion two of the three say it; with rgb it is how much each picture differs from
    the one before, also from the last of the tubelet before.
    """
    n, nt, tokens, _ = tubelets.shape
    x = tubelets.reshape(n, nt, tokens, 3, -1)
    if cutter.rgb:
        x = x.reshape(n, nt, tokens, 3, cutter.pt, -1)[..., ::4].astype(np.int16)
        pictures = np.moveaxis(x, 4, 2).reshape(n, nt * cutter.pt, tokens, -1)
        changes = np.abs(np.diff(pictures, axis=1, prepend=pictures[:, :1])).mean(3, dtype=np.float32)
        moved = changes.reshape(n, nt, cutter.pt, tokens).mean(2)
    else:
        moved = np.abs(x[:, :, :, 1:, ::4].astype(np.int16) - 128).mean((3, 4), dtype=np.float32)
    return moved + 0.3 * moved.mean(1, keepdims=True)


def shared_labels(actors: Actors, config: dict) -> list[tuple[int, int]]:
    """The labels that both the renderer and a model have: (the renderer's index, the model's)."""
    return [(actors.labels.index(name), own) for own, name in enumerate(config["labels"]) if name in actors.labels]


def drawn_labels(names: list[str], count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of names, i64 [count]: each about as often, "nothing" more often, whatever the batch's size."""
    drawn = rng.permutation(-(-count // len(names)) * len(names))[:count] % len(names)
    more = rng.random(count) < NOTHING
    if "nothing" in names:
        drawn[more] = names.index("nothing")
    return drawn


def out_of_picture(joints: np.ndarray) -> np.ndarray:
    """Of joints f32 [n, frames, persons, 13, 2]: the share of frames in which no joint of the first person is in the picture, f32 [n]."""
    inside = ((joints[:, :, 0] >= 0) & (joints[:, :, 0] <= 1)).all(-1).any(-1)
    return 1 - inside.mean(1, dtype=np.float32)


def make_batch(actors: Actors, cutter: Cutter, seed: int, labels: np.ndarray, frames: int, history: int,
               size: tuple[int, int] = (160, 120), **options) -> Batch:  # fmt: skip
    """history: steps before the clip, 0 = the stream has just begun; size: width and height of the picture. Labels are the renderer's; with
    `crossing_share` a walk or run out of the picture is ~fall (anything but), one that comes in late ~stand_up."""
    width, height = size
    luma, joints, drawn, _ = actors.clips(seed, labels, frames=frames, history=history, width=width, height=height,
                                          letterbox=0, rgb=int(cutter.rgb), **options)  # fmt: skip
    tubelets, boxes = cutter.clips(luma, history)
    joints = joints[:, history:].copy()
    if options.get("crossing_share"):
        # What is left of somebody who goes away sinks to the edge of the picture as somebody who falls does; who comes in may rise from it.
        away = (out_of_picture(joints) > GONE) & np.isin(drawn, [actors.labels.index("walk"), actors.labels.index("run")])
        comes = out_of_picture(joints[:, -1:]) == 0
        drawn = np.where(away, np.where(comes, ~actors.labels.index("stand_up"), ~actors.labels.index("fall")), drawn)
    joints = left_to_right(joints)
    joints = place_in_crop(joints, boxes, width / height, cutter.pt) if cutter.whole_in_square else np.full_like(joints, UNKNOWN)
    return Batch(torch.from_numpy(tubelets), torch.from_numpy(drawn).long(), torch.from_numpy(joints.astype(np.float32)),
                 torch.from_numpy(motion(tubelets, cutter)))  # fmt: skip


def rendered(actors: Actors, cutter: Cutter, config: dict, rng: np.random.Generator, seed: int, count: int,
             hard: float) -> Batch:  # fmt: skip
    """A batch of the labels that both the model and the renderer have, the second half the first mirrored. hard: 0..1."""
    whole, count = count, -(-count // 2)
    known = shared_labels(actors, config)
    names = [config["labels"][own] for _, own in known]
    drawn = drawn_labels(names, count, rng)
    if crossing := {"walk", "fall", "stand_up"} <= set(names):
        drawn[rng.random(count) < WALKS] = names.index("walk")
    batch = make_batch(actors, cutter, seed, np.array([known[k][0] for k in drawn]), config["frames"],
                       0 if rng.random() < 0.1 else int(rng.choice(HISTORY)), SIZES[rng.integers(len(SIZES))],
                       clutter=float(rng.random() * hard * 0.8), difficulty=float(hard * rng.random() ** 0.5),
                       live_share=0.35, crossing_share=CROSSING * crossing)  # fmt: skip
    own = dict(known)
    batch.labels = torch.tensor([own[k] if k >= 0 else ~own[~k] for k in batch.labels.tolist()])
    batch = with_mirrored(batch, config)
    return Batch(*(getattr(batch, name)[:whole] for name in Batch.__dataclass_fields__))
