"""Training aids that never reach the exported file: dense targets, the start of the router, averaged weights."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from actors import JOINTS, PERSONS, UNKNOWN


class Helpers(nn.Module):
    """Reads joints out of a tubelet's class token, and which joints lie in a cell out of a patch token.

    Dense targets teach the spatial encoder from every tubelet, where the label speaks once per window.
    """

    def __init__(self, width: int, frames_per_tubelet: int):
        super().__init__()
        self.frames = frames_per_tubelet
        self.joints = nn.Linear(width, frames_per_tubelet * PERSONS * JOINTS * 2)
        self.cells = nn.Linear(width, JOINTS)

    def joint_loss(self, h, joints):
        """h [n, nt, D]; joints [n, frames, 2, 13, 2] in shares of the picture, far outside where absent."""
        target = joints.reshape(h.shape[0], h.shape[1], self.frames, PERSONS, JOINTS, 2) - 0.5
        seen = (target.abs().amax(-1, keepdim=True) < 0.75).float()
        error = F.smooth_l1_loss(0.3 * self.joints(h).float().view(target.shape), target, reduction="none", beta=0.05)
        return (error * seen).sum() / (2 * seen.sum().clamp_min(1))

    def cell_loss(self, patches, chosen, joints, grid: tuple[int, int]):
        """patches [n * nt, tokens, D]; chosen [n * nt, tokens] their places. Clips whose joints are UNKNOWN teach nothing here."""
        known = (joints.flatten(1) != UNKNOWN).any(1).repeat_interleave(len(patches) // len(joints))
        present = joint_cells(joints, self.frames, grid).flatten(0, 1)
        target = present.gather(1, chosen[..., None].expand(-1, -1, JOINTS))
        logits = self.cells(patches).float() - 2.5  # a joint is rarely there
        loss = F.binary_cross_entropy_with_logits(logits, target, pos_weight=torch.tensor(3.0, device=logits.device), reduction="none")
        return (loss.mean((1, 2)) * known).sum() / known.sum().clamp_min(1)


def joint_cells(joints, frames: int, grid: tuple[int, int]):
    """f32 [n, nt, tokens, 13]: 1 where anyone's joint lies in the cell in any frame of the tubelet."""
    rows, columns = grid
    n, total = joints.shape[:2]
    x, y = (joints[..., 0] * columns).floor().long(), (joints[..., 1] * rows).floor().long()
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    cell = torch.where(inside, y * columns + x, rows * columns)
    out = torch.zeros(n, total // frames, rows * columns + 1, JOINTS, device=joints.device)
    index = cell.view(n, total // frames, frames * PERSONS, JOINTS)
    return out.scatter_(2, index, 1.0)[:, :, :-1]


def mean_ranks(values):
    """Of each value in its row, from 0; those that are alike share the mean of theirs. f32 [rows, n]"""
    values, ordered = values.contiguous(), values.sort(-1).values
    return (torch.searchsorted(ordered, values) + torch.searchsorted(ordered, values, right=True) - 1) / 2


def router_start_loss(probs, importance):
    """Asks that every expert but the smallest likes a token the more, the more important it is.

    Equal wishes of the larger experts make Expert Preferred Routing hand out widths in the order of importance: the
    largest takes the first tokens, the next the following ones. (Asking for quarters instead, one per expert, would
    let a small budget pass over all important tokens but the few that the largest expert takes.)
    """
    experts = probs.shape[-1]
    rank = mean_ranks(importance.flatten(0, -2)).view(probs.shape[:-1])
    wish = ((rank + 0.5)[..., None] / importance.shape[-1]) ** 3
    target = torch.cat([1 - wish, (wish / (experts - 1)).expand(*wish.shape[:-1], experts - 1)], -1)
    return -(target * probs.clamp_min(1e-6).log()).sum(-1).mean()


def fit_router(router, rows, importance, steps: int = 400) -> float:
    """Starts the router by regression on rows [sets, tokens, D] as it will see them; returns the loss reached."""
    drawn = max(1, 6272 // rows.shape[1])  # 128 sets of 49 tokens, or as many tokens
    rate = 0.02 * min(1, 128 / rows.shape[2])  # a step moves the answer by the sum over the width: 768 at .02 ends far above chance
    optimizer = torch.optim.Adam(router.parameters(), lr=rate)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        some = torch.randint(len(rows), (drawn,))
        loss = router_start_loss(router(rows[some]).softmax(-1), importance[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def importance_of(motion, someone):
    """Motion of a token, raised where somebody of the action is (1 in `someone`). Both f32 [sets, tokens]."""
    return motion / motion.amax(-1, keepdim=True).clamp_min(1e-3) + 0.7 * someone


def start_positions(model) -> None:
    """Sine-cosine positions, scaled by a half; learned from there."""

    def waves(places, width):
        rate = 1.5 * torch.exp(-math.log(30.0) * torch.arange(width // 2) / (width // 2))
        angle = places[:, None] * rate
        return torch.cat([angle.sin(), angle.cos()], 1)

    c = model.config
    rows, columns = (s // p for s, p in zip(c["image"], c["tubelet"][1:]))
    y, x = waves(torch.arange(rows).float(), c["D"] // 2), waves(torch.arange(columns).float(), c["D"] // 2)
    places = torch.cat([y[:, None].expand(-1, columns, -1), x[None].expand(rows, -1, -1)], 2).flatten(0, 1)
    first = int(c["classifier"] == "token")
    model.spatial.pos_embed.data[first:] = 0.5 * places
    model.temporal.pos_embed.data[first:] = 0.5 * waves(torch.arange(model.nt).float(), c["D"])
    for name, value in model.named_parameters():
        if name.endswith("weight") and value.ndim > 1 and not name.startswith("mone."):
            nn.init.trunc_normal_(value, std=0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(value)
        elif name.endswith("cls_token"):
            nn.init.normal_(value, std=0.02)


class Average:
    """Exponential mean of the weights; what gets exported."""

    def __init__(self, model, decay: float):
        self.decay, self.steps = decay, 0
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model) -> None:
        self.steps += 1
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        values = model.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [values[name] for name in self.weights], share)


def make_optimizers(model, helpers, lr: float, matrix_lr: float, decay: float = 0.05):
    """Muon for the blocks' matrices, AdamW for the rest (and for everything where torch has no Muon)."""
    named = list(model.named_parameters()) + list(helpers.named_parameters())
    use_muon = hasattr(torch.optim, "Muon") and matrix_lr > 0
    matrices = [p for name, p in named if use_muon and p.ndim == 2 and ".blocks." in name]
    taken = {id(p) for p in matrices}
    rest = [p for _, p in named if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim > 1 and p.numel() > 4096], "weight_decay": decay},
              {"params": [p for p in rest if not (p.ndim > 1 and p.numel() > 4096)], "weight_decay": 0.0}]  # fmt: skip
    found = [torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=True)]
    if matrices:
        from muon import muon  # needs a PyTorch that has one

        found.append(muon(matrices, matrix_lr, decay))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["first_lr"] = group["lr"]
    return found


def label_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of logits f32 [n, C] and labels i64 [n]: cross-entropy, and where the label is ~k, minus the logarithm of all that is not given to
    label k (complementary labels, Ishida et al. 2017, in the form of negative learning, Kim et al. 2019)."""
    denied = labels < 0
    named = torch.where(denied, ~labels, labels)
    shown = F.cross_entropy(logits, named, label_smoothing=0.05, reduction="none")
    others = logits.scatter(1, named[:, None], float("-inf")).logsumexp(-1)
    return torch.where(denied, logits.logsumexp(-1) - others, shown).mean()


def are_right(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """bool [n]: the best label is the one shown, or another one than is denied."""
    best = logits.argmax(-1)
    return torch.where(labels < 0, best != ~labels, best == labels)
