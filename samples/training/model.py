"""MoNE-ViViT in PyTorch: plain and with nested experts, factorised encoder (FE) and joint.

Written for reading and for training; it is independent of the C++ engine and is where the golden values come from.
Parameter names are the tensor names of the model file. Shapes use: S row sets (FE: batch x temporal index, joint:
batch), R rows per set (class token first, if there is one), D width, E experts (0 = smallest).
Sources: ViViT (arXiv:2103.15691) models 1 and 2, MoNE (arXiv:2407.19985).
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from routing import assign_experts, token_counts


@dataclass
class Sampling:
    """Which rows run at which width, shared by all layers. Rows are in the order the encoder sees them."""

    segments: list[tuple[int, int, int]] | None  # (first row, one past the last row, width), every set alike
    keep: torch.Tensor | None                    # [S, R, D] 1 inside a row's width, 0 outside; instead of segments
    gate: torch.Tensor | None                    # [S, R, 1] probability of the row's expert; 0 where not gated


@dataclass
class Routing:
    """What the router decided, in the order of the rows in the picture (class token left out if not routed)."""

    probs: torch.Tensor | None = None   # [S, rows, E]
    assign: torch.Tensor | None = None  # [S, rows] expert per row
    counts: list[int] | None = None     # rows per expert, smallest first


class NestedIn(nn.Linear):
    """Projection into the full width that reads the first d features of a row; the whole bias."""

    def forward(self, x, rows: Sampling | None):
        if rows is None:
            return super().forward(x)
        if rows.segments is None:
            return super().forward(x * rows.keep)
        return torch.cat([F.linear(x[:, a:b, :d], self.weight[:, :d], self.bias) for a, b, d in rows.segments], 1)


class NestedOut(nn.Linear):
    """Projection that writes the first d features of a row; the others are 0 (also the bias)."""

    def forward(self, x, rows: Sampling | None):
        if rows is None:
            return super().forward(x)
        if rows.segments is None:
            return super().forward(x) * rows.keep
        parts = [F.linear(x[:, a:b], self.weight[:d], self.bias[:d]) for a, b, d in rows.segments]
        return torch.cat([F.pad(y, (0, self.out_features - y.shape[-1])) for y in parts], 1)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.qkv = NestedIn(width, 3 * width)
        self.proj = NestedOut(width, width)
        self.heads = heads

    def forward(self, x, rows):
        sets, count, width = x.shape
        q, k, v = self.qkv(x, rows).view(sets, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)  # keeps no scores: of a joint model they would be gigabytes a clip
        return self.proj(y.transpose(1, 2).reshape(sets, count, width), rows)


class Mlp(nn.Module):
    def __init__(self, width: int, act: str):
        super().__init__()
        self.fc1 = NestedIn(width, 4 * width)
        self.fc2 = NestedOut(4 * width, width)
        self.approximate = {"gelu_tanh": "tanh", "gelu_erf": "none"}[act]

    def forward(self, x, rows):
        return self.fc2(F.gelu(self.fc1(x, rows), approximate=self.approximate), rows)


class Block(nn.Module):
    """Pre-norm block. The norms see all D features; only the projections are nested."""

    def __init__(self, c: dict):
        super().__init__()
        self.norm1 = nn.LayerNorm(c["D"], eps=c["ln_eps"])
        self.attn = Attention(c["D"], c["H"])
        self.norm2 = nn.LayerNorm(c["D"], eps=c["ln_eps"])
        self.mlp = Mlp(c["D"], c["act"])

    def forward(self, x, rows=None, alpha=None):
        x = x + self.attn(self.norm1(x), rows)
        y = self.mlp(self.norm2(x), rows)
        if alpha is not None:
            y = (1 + alpha * rows.gate) * y
        return x + y


class Encoder(nn.Module):
    """Class token (unless gap), positions, blocks and the last norm."""

    def __init__(self, c: dict, tokens: int, depth: int):
        super().__init__()
        self.has_cls = c["classifier"] == "token"
        if self.has_cls:
            self.cls_token = nn.Parameter(torch.zeros(c["D"]))
        self.pos_embed = nn.Parameter(torch.zeros(tokens + self.has_cls, c["D"]))
        self.blocks = nn.ModuleList(Block(c) for _ in range(depth))
        self.norm = nn.LayerNorm(c["D"], eps=c["ln_eps"])

    def embed(self, tokens, chosen=None):
        """chosen: i64 [S, tokens], the places of the tokens given, where training leaves some out."""
        places = self.pos_embed[self.has_cls :]
        tokens = tokens + (places if chosen is None else places[chosen])
        if self.has_cls:
            tokens = torch.cat([(self.cls_token + self.pos_embed[0]).expand(len(tokens), 1, -1), tokens], 1)
        return tokens

    def read_out(self, x):
        """[S, R, D] after the last norm -> [S, D]."""
        return x[:, 0] if self.has_cls else x.mean(1)

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.read_out(self.norm(x))


class Router(nn.Module):
    """Holds the `mone.*` tensors; absent in plain models."""

    def __init__(self, c: dict):
        super().__init__()
        self.router = nn.Linear(c["D"], c["E"])
        self.alpha = nn.Parameter(torch.zeros(1))
        nn.init.normal_(self.router.weight, std=0.02)
        nn.init.zeros_(self.router.bias)


class TubeletEmbedding(nn.Module):
    """The 3-D convolution with kernel = stride, as one matrix product over cut tubelets."""

    def __init__(self, c: dict):
        super().__init__()
        self.tubelet = nn.Conv3d(3, c["D"], tuple(c["tubelet"]), tuple(c["tubelet"]))

    def forward(self, cut):
        """cut: [..., 3 * pt * ph * pw] normalised pixels, channel first."""
        return F.linear(cut, self.tubelet.weight.flatten(1), self.tubelet.bias)


class MoneVivit(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        c = self.config = config
        (pt, ph, pw), (height, width) = c["tubelet"], c["image"]
        self.nt, self.ns = c["frames"] // pt, (height // ph) * (width // pw)
        self.is_fe = c["variant"] == "fe"
        self.embed = TubeletEmbedding(c)
        if self.is_fe:
            self.spatial = Encoder(c, self.ns, c["L"])
            self.temporal = Encoder(c, self.nt, c["Lt"])
        else:
            self.encoder = Encoder(c, self.nt * self.ns, c["L"])
        self.head = nn.Linear(c["D"], c["C"])
        if c["E"] > 1:
            self.mone = Router(c)

    # -- pixels to tokens

    @property
    def routed(self) -> Encoder:
        """The encoder whose tokens the router distributes."""
        return self.spatial if self.is_fe else self.encoder

    def row_sets(self, x):
        """[B, nt, tokens, ...] -> [S, rows, ...]: the tokens that attend to each other and share a budget."""
        return x.flatten(0, 1) if self.is_fe else x.flatten(1, 2)

    def places(self, chosen):
        """chosen: i64 [B, nt, tokens], places in a tubelet -> [S, rows], places among the routed encoder's positions."""
        if not self.is_fe:
            chosen = chosen + self.ns * torch.arange(self.nt, device=chosen.device)[:, None]
        return self.row_sets(chosen)

    def cut(self, clip: torch.Tensor) -> torch.Tensor:
        """u8 [B, frames, height, width, 3] -> normalised f32 [B, frames / pt, Ns, 3 * pt * ph * pw]."""
        c = self.config
        (pt, ph, pw), (batch, frames, height, width, _) = c["tubelet"], clip.shape
        mean, std = (torch.tensor(c["input"][k], device=clip.device) for k in ("mean", "std"))
        x = (clip.float() * c["input"]["scale"] - mean) / std
        x = x.view(batch, frames // pt, pt, height // ph, ph, width // pw, pw, 3)
        return x.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(batch, frames // pt, self.ns, -1)

    # -- the nested encoder

    def route(self, encoder: Encoder, x, budget: float, forced=None) -> Routing:
        """Decides the expert of every routed row from the encoder's input rows (embedding plus position)."""
        c = self.config
        rows = x if self.routes_cls() else x[:, 1:]
        if c["router_input"] == "ln1":
            rows = encoder.blocks[0].norm1(rows)
        with torch.autocast(rows.device.type, enabled=False):  # spec section 7: the router is f32 whatever the rest is
            probs = F.linear(rows.float(), self.mone.router.weight, self.mone.router.bias).softmax(-1)
        counts = token_counts(budget, rows.shape[1], c["E"], w_form=c["w_form"], beta=c["beta"], delta=c["delta"])
        assign = assign_experts(probs, counts) if forced is None else forced
        return Routing(probs, assign, counts)

    def routes_cls(self) -> bool:
        return self.config["classifier"] == "gap" or self.config["cls_policy"] == "routed"

    def with_cls(self, routing: Routing):
        """Adds the class token, always of the largest expert and not gated: ([S, R] expert, [S, R, 1] gate)."""
        assign = routing.assign
        gate = routing.probs.gather(-1, assign[..., None])
        if not self.routes_cls():
            assign = F.pad(assign, (1, 0), value=self.config["E"] - 1)
            gate = F.pad(gate, (0, 0, 1, 0))
        return assign, gate

    def encode(self, encoder: Encoder, tokens, budget: float = 1.0, forced=None, sort: bool = False, chosen=None):
        """tokens [S, R', D] -> ([S, D], Routing).

        forced: [S, rows] experts to use instead of the router's choice. chosen: see Encoder.embed. sort: put rows of one expert beside each
        other and run each group at its own width, which is what training does for speed (same values but rounding).
        """
        x = encoder.embed(tokens, chosen)
        if self.config["E"] == 1:
            return self.run_blocks(encoder, x, None, None), Routing()
        routing = self.route(encoder, x, budget, forced)
        assign, gate = self.with_cls(routing)
        widths = [self.config["D"] >> k for k in range(self.config["E"] - 1, -1, -1)]
        cls_row = None
        if sort:
            counts = None if forced is not None else self.counts_with_cls(routing)
            x, rows, cls_row = self.sorted_rows(x, assign, gate, widths, counts)
        else:
            width = torch.tensor(widths, device=x.device)[assign]
            keep = torch.arange(self.config["D"], device=x.device) < width[..., None]
            rows = Sampling(None, keep.to(x.dtype), gate)
        return self.run_blocks(encoder, x, rows, cls_row), routing

    def counts_with_cls(self, routing: Routing) -> list[int]:
        """Rows per expert, the class token's among them: known without asking the device."""
        return routing.counts if self.routes_cls() else [*routing.counts[:-1], routing.counts[-1] + 1]

    def sorted_rows(self, x, assign, gate, widths, counts=None):
        order = assign.sort(dim=1, descending=True, stable=True).indices
        counts = counts or assign[0].bincount(minlength=len(widths)).tolist()
        segments, first = [], 0
        for expert in range(len(widths) - 1, -1, -1):
            if counts[expert]:
                segments.append((first, first + counts[expert], widths[expert]))
                first += counts[expert]
        cls_row = (order == 0).int().argmax(1)
        x = x.gather(1, order[..., None].expand_as(x))
        return x, Sampling(segments, None, gate.gather(1, order[..., None])), cls_row

    def run_blocks(self, encoder, x, rows, cls_row):
        alpha = self.mone.alpha if rows is not None and self.config["gate"] == "on" else None
        for i, block in enumerate(encoder.blocks):
            x = block(x, rows, None if alpha is None else alpha[i if len(alpha) > 1 else 0])
        if cls_row is None or not encoder.has_cls:
            return encoder.read_out(encoder.norm(x))
        return encoder.norm(x[torch.arange(len(x), device=x.device), cls_row])

    # -- the whole model

    def classify(self, z, clips: int):
        """z [S, D], what the routed encoder says of every set -> (logits [B, C], h [B, nt, D] by tubelet; joint: None)."""
        if not self.is_fe:
            return self.head(z), None
        h = z.view(clips, -1, z.shape[-1])
        return self.head(self.temporal(h)), h

    def forward_tokens(self, cut, budget: float = 1.0, forced=None, sort: bool = False, chosen=None):
        """cut [B, nt, Ns, pixels] -> (logits [B, C], h [B, nt, D] or None, Routing).

        chosen: i64 [B, nt, tokens], the places of the tokens given where training leaves some out; cut has only those.
        """
        places = None if chosen is None else self.places(chosen)
        z, routing = self.encode(self.routed, self.row_sets(self.embed(cut)), budget, forced, sort, places)
        return *self.classify(z, len(cut)), routing

    def forward(self, clip, budget: float = 1.0, forced=None):
        """clip: u8 [B, frames, height, width, 3] -> logits [B, C]."""
        return self.forward_tokens(self.cut(clip), budget, forced)[0]
