"""Accuracy by budget on clips of unseen seeds, with experts given at random as the control for the router."""
import numpy as np
import torch

from actors import Actors
from clips import Batch, make_batch, shared_labels
from cutter import Cutter
from routing import random_experts

HELD_OUT_SEED = 1 << 62  # far from any training seed


def held_out_clips(config: dict, library: str | None, count: int, clutter: float, seed: int = HELD_OUT_SEED,
                   live_share: float = 1.0) -> Batch:  # fmt: skip
    """The labels that the renderer has in equal shares, all clips as the live scene shows them."""
    actors, cutter = Actors(library), Cutter(config)
    known = shared_labels(actors, config)
    labels = np.array([drawn for drawn, _ in known])[np.arange(count) % len(known)]
    batch = make_batch(actors, cutter, seed, labels, config["frames"], 12, clutter=clutter, difficulty=1.0,
                       live_share=live_share)  # fmt: skip
    batch.labels = torch.tensor([own for _, own in known])[torch.arange(count) % len(known)]
    return batch


def normalised(model, tubelets: torch.Tensor) -> torch.Tensor:
    """u8 [..., pixels], channel first -> f32 as the embedding takes them."""
    mean, std = (torch.tensor(model.config["input"][k]).repeat_interleave(tubelets.shape[-1] // 3)
                 for k in ("mean", "std"))  # fmt: skip
    return (tubelets.float() * model.config["input"]["scale"] - mean) / std


@torch.no_grad()
def predict(model, tubelets: torch.Tensor, budget: float, shuffle: bool = False, chunk: int = 32) -> torch.Tensor:
    """tubelets u8 [n, nt, tokens, pixels] -> logits f32 [n, C]. shuffle: the same counts, experts at random."""
    generator, found = torch.Generator().manual_seed(0), []
    for part in tubelets.split(chunk):
        x = normalised(model, part)
        n, nt, tokens, _ = part.shape
        forced = random_experts(budget, n * nt, tokens, model.config["E"], generator) if shuffle else None
        with torch.autocast("cpu", torch.bfloat16):
            found.append(model.forward_tokens(x, budget, forced, sort=True)[0].float())
    return torch.cat(found)


def accuracy_table(model, clips: Batch, budgets: list[float], control: bool = False) -> list[dict]:
    rows = []
    for budget in budgets:
        right = predict(model, clips.tubelets, budget).argmax(1) == clips.labels
        row = {"budget": budget, "accuracy": round(right.float().mean().item(), 4)}
        if control:
            shuffled = predict(model, clips.tubelets, budget, True).argmax(1) == clips.labels
            row["random_router"] = round(shuffled.float().mean().item(), 4)
            row["by_label"] = {model.config["labels"][k]: round(right[clips.labels == k].float().mean().item(), 3)
                               for k in clips.labels.unique().tolist()}  # fmt: skip
        rows.append(row)
    return rows
