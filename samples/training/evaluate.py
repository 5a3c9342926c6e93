"""Accuracy by budget on clips of unseen seeds, with experts given at random as the control for the router."""
import numpy as np
import torch

from actors import Actors
from clips import Batch, make_batch
from routing import random_experts

HELD_OUT_SEED = 1 << 62  # far from any training seed


def held_out_clips(library: str | None, count: int, clutter: float, frames: int = 16, seed: int = HELD_OUT_SEED) -> Batch:
    """Labels in equal shares, all clips as the live scene shows them."""
    actors = Actors(library)
    labels = np.arange(count) % len(actors.labels)
    return make_batch(actors, seed, labels, frames, False, clutter=clutter, difficulty=1.0, live_share=1.0)


@torch.no_grad()
def predict(model, tubelets: torch.Tensor, budget: float, shuffle: bool = False, chunk: int = 32) -> torch.Tensor:
    """tubelets u8 [n, nt, tokens, pixels] -> logits f32 [n, C]. shuffle: the same counts, experts at random."""
    mean, std = (torch.tensor(model.config["input"][k]).repeat_interleave(tubelets.shape[-1] // 3)
                 for k in ("mean", "std"))  # fmt: skip
    generator, found = torch.Generator().manual_seed(0), []
    for part in tubelets.split(chunk):
        x = (part.float() * model.config["input"]["scale"] - mean) / std
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
                               for k in range(model.config["C"])}  # fmt: skip
        rows.append(row)
    return rows
