#!/usr/bin/env python3
"""Accuracy by budget on rendered clips of unseen seeds, with experts given at random as the control for the router.

    python evaluate.py MODEL.safetensors [...] --clips 1440 --clutter 0.3 --budgets 1,0.5,0.25

Every model sees the same clips. Beside each share its 95 % Wilson interval; for the second model and those behind it also the difference from the first,
whose interval is that of a paired comparison. Clips of one seed of training: how much another seed would change is not in the intervals.
"""
import argparse
import math
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np  # noqa: E402
import torch  # noqa: E402

from actors import Actors
from clips import Batch, make_batch, shared_labels
from cutter import Cutter
from precision import autocast
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
    """u8 [..., pixels], channel first -> f32 as the embedding takes them, on the model's device."""
    device, config = model.head.weight.device, model.config["input"]
    mean, std = (torch.tensor(config[k], device=device).repeat_interleave(tubelets.shape[-1] // 3) for k in ("mean", "std"))
    return (tubelets.to(device).float() * config["scale"] - mean) / std


def at_random(model, budget: float, sets: int, rows: int, generator: torch.Generator) -> torch.Tensor:
    """The control: as many rows of each expert as the router gives, but any. rows: without the class token. int64 [sets, rows or, where the class
    token is routed, too, rows + 1]."""
    c = model.config
    rows += c["classifier"] == "token" and c["cls_policy"] == "routed"
    return random_experts(budget, sets, rows, c["E"], generator, w_form=c["w_form"], beta=c["beta"], delta=c["delta"])


@torch.no_grad()
def predict(model, tubelets: torch.Tensor, budget: float, shuffle: bool = False) -> torch.Tensor:
    """tubelets u8 [n, nt, tokens, pixels] -> logits f32 [n, C]. shuffle: the same counts, experts at random."""
    generator, found = torch.Generator().manual_seed(0), []
    for part in tubelets.split(32 if model.is_fe else 4):
        x = normalised(model, part)
        sets, rows = model.row_sets(part).shape[:2]
        forced = at_random(model, budget, sets, rows, generator).to(x.device) if shuffle else None
        with autocast(x.device):
            found.append(model.forward_tokens(x, budget, forced, sort=True)[0].float().cpu())
    return torch.cat(found)


@torch.no_grad()
def windows(model, tubelets: torch.Tensor, budget: float, shuffle: bool = False) -> torch.Tensor:
    """Logits of every full window of a stream, f32 [n - nt + 1, C]; tubelets u8 [n, tokens, pixels]. A factorised encoder sees each tubelet
    once, as live; a joint one sees it in every window."""
    if not model.is_fe:
        return predict(model, tubelets.unfold(0, model.nt, 1).movedim(-1, 1), budget, shuffle)
    generator, found = torch.Generator().manual_seed(1), []
    with autocast(model.head.weight.device):
        for part in tubelets.split(256):
            x = normalised(model, part)
            forced = at_random(model, budget, *part.shape[:2], generator).to(x.device) if shuffle else None
            found.append(model.encode(model.spatial, model.embed(x), budget, forced, sort=True)[0].float())
        return model.head(model.temporal(torch.cat(found).unfold(0, model.nt, 1).transpose(1, 2))).float().cpu()


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


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    p, d = right / n, 1 + z * z / n
    middle, half = (p + z * z / (2 * n)) / d, z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
    return max(0.0, middle - half), min(1.0, middle + half)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", type=Path, nargs="+")
    p.add_argument("--clips", type=int, default=1440)
    p.add_argument("--clutter", type=float, default=0.3)
    p.add_argument("--budgets", default="1,0.5,0.25")
    p.add_argument("--library", help="path of libmone-actors.so (default: $MONE_ACTORS or the build folder's)")
    a = p.parse_args()
    from model_file import load_model

    torch.set_num_threads(1)
    models = [load_model(path) for path in a.models]
    for key in ("labels", "image", "frames", "tubelet", "fit", "planes", "crop"):
        if any(model.config[key] != models[0].config[key] for model in models):
            p.error(f"they differ in {key} and cannot be shown the same clips")
    clips, first = held_out_clips(models[0].config, a.library, a.clips, a.clutter), {}
    for path, model in zip(a.models, models):
        for budget in (float(b) for b in a.budgets.split(",")):
            if model.config["E"] == 1 and budget < 1:
                continue
            right = (predict(model, clips.tubelets, budget).argmax(1) == clips.labels).double()
            low, high = wilson(int(right.sum()), len(right))
            line = f"budget {budget:<5g} {path.name:<28} {right.mean():.3f} [{low:.3f}, {high:.3f}] of {len(right)}"
            if budget in first:
                difference = right - first[budget]
                half = 1.96 * difference.std().item() / math.sqrt(len(right))
                line += f"  {difference.mean():+.3f} +-{half:.3f} from the first"
            first.setdefault(budget, right)
            print(line, flush=True)


if __name__ == "__main__":
    main()
