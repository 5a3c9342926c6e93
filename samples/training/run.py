"""One training run: the model, its optimisers, the two kinds of step, and what a checkpoint holds."""
import hashlib
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

from actors import Actors
from helpers import (Average, Helpers, are_right, fit_router, importance_of, joint_cells, label_loss, make_optimizers,
                     router_start_loss, start_positions)  # fmt: skip
from model import MoneVivit, Sampling
from model_file import load_model, save_model
from precision import autocast

BUDGETS = [0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0]


def new_config(a, labels: list[str]) -> dict:
    return {
        "variant": "fe", "D": a.width, "H": a.heads, "L": a.depth, "Lt": 2, "E": a.experts, "C": len(labels),
        "image": [112, 112], "frames": 16, "tubelet": [2, 16, 16], "rate": {"min": 4.0, "nominal": 7.5, "max": 12.5},
        "resize_short": 112, "fit": "pad", "crop": a.crop or "motion", "planes": "luma-motion", "act": "gelu_tanh",
        "ln_eps": 1e-6, "classifier": "token", "cls_policy": "full", "router_input": "ln1", "gate": "on",
        "w_form": "prod", "beta": 10.0, "delta": 2.0, "train_ec": [min(a.budgets), max(a.budgets)],
        # Still pixels are exactly 0 in the motion planes; the spreads are about those of moving people.
        "input": {"scale": 1 / 255, "mean": [0.45, 128 / 255, 128 / 255], "std": [0.25, 0.12, 0.2]},
        "labels": labels,
    }  # fmt: skip


def start_model(a, labels: list[str] | None) -> tuple[MoneVivit, bool]:
    """The model to train and whether it has been trained as it is, router and all.

    labels: those of the data; None = the renderer's, which a new model has too if clips are rendered. A model to start from keeps its own labels in front and gets new
    ones behind them; a plain one (E = 1) becomes nested, unless --experts 1 asks for a plain one.
    """
    given = load_model(a.init) if a.init else None
    if given is None:
        first = Actors(a.library).labels if labels is None or a.actors > 0 else []
        model = MoneVivit(new_config(a, first + [name for name in labels or [] if name not in first]))
        start_positions(model)
        return model, False
    config = dict(given.config)
    config.pop("provenance", None)
    config["labels"] = config["labels"] + [name for name in labels or [] if name not in config["labels"]]
    config["C"], config["crop"] = len(config["labels"]), a.crop or config["crop"]
    plain = config["E"] == 1
    if plain and a.experts > 1:
        config |= {"E": a.experts, "router_input": "ln1", "gate": "on", "w_form": "prod", "beta": 10.0, "delta": 2.0}
    if config["E"] > 1:
        config["train_ec"] = [min(a.budgets), max(a.budgets)]
    model = MoneVivit(config)
    own, theirs = model.state_dict(), given.state_dict()
    for name, value in theirs.items():
        if name in own and own[name].shape == value.shape:
            own[name] = value
        elif name.startswith("head."):  # new labels begin near nothing
            own[name] = torch.cat([value, 0.01 * torch.randn(own[name].shape[0] - len(value), *value.shape[1:])])
    if "mone.alpha" in theirs:
        model.mone.alpha.data = torch.zeros_like(theirs["mone.alpha"])
    model.load_state_dict(own)
    return model, not plain or a.experts == 1


class Run:
    """Everything that a checkpoint holds."""

    def __init__(self, a, labels: list[str] | None, digest: str = ""):
        """labels: those of the data, see start_model(); digest: of what clips there are."""
        self.a = a
        a.run.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(a.seed)
        self.device = torch.device(a.device)
        self.model, trained = start_model(a, labels)
        self.model.to(self.device)
        self.config = self.model.config
        if a.tokens is None:
            a.tokens = max(1, round(self.model.ns * 10 / 49))
        a.tokens = min(a.tokens, self.model.ns)
        # Widths again only where the model is new: a nested one goes on with its experts.
        self.nested = (0.0 if trained else 0.6) if a.nested is None else a.nested
        self.router_started = trained or self.config["E"] == 1
        self.budgets = a.budgets if self.config["E"] > 1 else [1.0]
        self.helpers = Helpers(self.config["D"], self.config["tubelet"][0]).to(self.device)
        self.optimizers = make_optimizers(self.model, self.helpers, a.lr, a.matrix_lr)
        self.average = Average(self.model, 0.998 if not a.steps else min(0.998, max(0, 1 - 4 / a.steps)))
        self.rng = np.random.default_rng(a.seed)
        self.step = self.clips = self.batches = 0
        self.seconds = 0.0
        self.loss = self.right = math.nan  # running means of both, as the bar and the curves show them
        self.cut: tuple[int, int, int] | None = None  # (step at which the end was asked for, the last step, --steps)
        self.grid = tuple(s // p for s, p in zip(self.config["image"], self.config["tubelet"][1:]))
        pixels = int(np.prod(self.config["tubelet"]))
        mean, std = (torch.tensor(self.config["input"][k], device=self.device).repeat_interleave(pixels) for k in ("mean", "std"))
        self.scale, self.shift = self.config["input"]["scale"] / std, -mean / std
        # What a checkpoint must have been trained on to go on from it.
        self.origin = {"labels": self.config["labels"], "seed": a.seed, "start": hashlib.sha1(a.init.read_bytes()).hexdigest() if a.init else "", "clips": digest,
                       "lr": a.lr, "matrix-lr": a.matrix_lr}  # fmt: skip
        if (a.run / "checkpoint.pt").exists():
            self.load()

    def progress(self) -> float:
        if self.cut:
            at, last, _ = self.cut
            done = at / self.a.steps
            return min(1.0, done + (1 - done) * (self.step - at) / max(1, last - at))
        done = self.step / self.a.steps if self.a.steps else self.seconds / (60 * self.a.minutes)
        return min(1.0, done)

    def finish_early(self) -> None:
        """FILE.run/finish asks for the end: what is left of the schedule is walked through in as many steps as the file
        says, or a quarter of those done, so that the rate still comes down."""
        asked = self.a.run / "finish"
        if not asked.exists() or not self.a.steps or self.cut:
            return
        text = asked.read_text().strip()
        more = int(text) if text.isdigit() else self.step // 4
        self.cut = self.step, min(self.a.steps, self.step + max(1, more)), self.a.steps
        self.save()
        asked.unlink()
        print(f"asked to finish: the last step is {self.cut[1]}", flush=True)

    def averaged(self) -> MoneVivit:
        with torch.random.fork_rng(devices=[]):  # evaluations come by the clock; what training draws must not depend on them
            model = MoneVivit(self.config)
        if self.config["E"] > 1:
            model.mone.alpha.data = torch.zeros_like(self.model.mone.alpha)
        model.load_state_dict(self.average.weights)
        return model.to(self.device).eval()

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(), "helpers": self.helpers.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers], "average": self.average.weights,
            "average_steps": self.average.steps, "numpy": self.rng.bit_generator.state,
            "torch": torch.get_rng_state(), "step": self.step, "clips": self.clips, "batches": self.batches, "seconds": self.seconds,
            "router_started": self.router_started, "cut": self.cut, "loss": self.loss, "right": self.right, "origin": self.origin,
        }  # fmt: skip
        self.export()  # first: killed after it, the last steps are done again; before it, the file would stay behind
        torch.save(state, self.a.run / "checkpoint.new")
        os.replace(self.a.run / "checkpoint.new", self.a.run / "checkpoint.pt")

    def load(self) -> None:
        state = torch.load(self.a.run / "checkpoint.pt", map_location="cpu", weights_only=False)
        if "origin" not in state:
            raise SystemExit(f"{self.a.run}: is of an older version, which does not say what it was trained on; delete it, or choose another --out")
        before = self.origin | state["origin"]  # of an older version: without the rates
        other = [f"{name} ({before[name]})" if isinstance(value, float) else name for name, value in self.origin.items() if before[name] != value]
        if other:
            raise SystemExit(f"{self.a.run}: was trained with other {', '.join(other)}; delete it to begin anew, or choose another --out")
        self.model.load_state_dict(state["model"])
        self.helpers.load_state_dict(state["helpers"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self.average.weights = {name: value.to(self.device) for name, value in state["average"].items()}
        self.average.steps = state["average_steps"]
        self.rng.bit_generator.state = state["numpy"]
        torch.set_rng_state(state["torch"])
        self.step, self.clips, self.seconds = state["step"], state["clips"], state["seconds"]
        self.batches, self.router_started = state["batches"], state["router_started"]
        asked = state["cut"] and (*state["cut"], self.a.steps)[:3]  # of an older version without --steps
        self.cut = asked if asked and asked[2] == self.a.steps else None  # other --steps or --minutes go on
        self.loss, self.right = state["loss"], state["right"]

    def export(self) -> None:
        """The averaged weights as a model file that the engine loads."""
        a = self.a
        what = [f"{a.data.name} ({1 - a.actors:.0%} of the clips)"] if a.data else []
        what += ["procedural actors (libmone-actors)"] if not a.data or a.actors > 0 else []
        start = f"; from {a.init.name}" if a.init else ""
        trained_on = (f"{a.trained_on or ' and '.join(what)}, seed {a.seed}, {self.clips} clips, {self.step} steps, "
                      f"{self.seconds / 60:.0f} min{start}")  # fmt: skip
        provenance = {"name": a.name or a.out.stem, "trained_on": trained_on, "terms": a.terms}
        new = a.out.with_name(a.out.name + ".new")
        weights = {name: value.cpu() for name, value in self.average.weights.items()}
        save_model(new, self.config | {"provenance": provenance}, weights, torch.bfloat16)
        os.replace(new, a.out)

    # -- one step

    def pixels(self, tubelets):
        return tubelets.float() * self.scale + self.shift

    def nested_step(self, batch):
        """First phase: one uniform width per step (the whole one in four of ten), moving tokens only."""
        a, experts, whole = self.a, self.config["E"], self.config["D"]
        width = whole if self.rng.random() < 0.4 or experts == 1 else whole >> int(self.rng.integers(1, experts))
        count = int(self.rng.choice([max(1, a.tokens * 3 // 4), a.tokens, a.tokens, a.tokens * 3 // 2]))
        if self.rng.random() < 0.02:
            count = self.model.ns
        count, model, encoder = min(count, self.model.ns), self.model, self.model.routed
        tubelets, chosen = some_tokens(batch, count, 0)
        x = encoder.embed(model.row_sets(model.embed(self.pixels(tubelets))), model.places(chosen))
        cls = int(encoder.has_cls)
        rows = None if width == whole else Sampling([(0, cls, whole), (cls, x.shape[1], width)], None, None)
        for block in encoder.blocks:
            x = block(x, rows)
        x = encoder.norm(x)
        logits, h = model.classify(encoder.read_out(x), len(batch.labels))
        patches = x[:, cls:].reshape(-1, count, whole)
        cells = self.helpers.cell_loss(patches, chosen.flatten(0, 1), batch.joints, self.grid)
        return logits, 0.5 * cells + 10 * self.joint_loss(h, batch)

    def joint_loss(self, h, batch):
        """Of what the encoder says of each tubelet; a joint model says nothing of one by itself."""
        return 0 if h is None else self.helpers.joint_loss(h, batch.joints)

    def importance(self, batch):
        """Of the tokens that share a budget, f32 [S, rows]."""
        someone = joint_cells(batch.joints, self.config["tubelet"][0], self.grid).amax(-1)
        return importance_of(self.model.row_sets(batch.importance), self.model.row_sets(someone))

    def start_router(self, batches) -> None:
        """Between the phases. Without it, alpha = 0 gives the router no gradient, and an untrained one throws moving
        tokens away."""
        model, encoder, rows, importance = self.model, self.model.routed, [], []
        with torch.no_grad():
            for batch in (batch.to(self.device) for batch in batches):
                x = encoder.embed(model.row_sets(model.embed(self.pixels(batch.tubelets))))[:, int(encoder.has_cls) :]
                rows.append(encoder.blocks[0].norm1(x) if self.config["router_input"] == "ln1" else x)
                importance.append(self.importance(batch))
        loss = fit_router(model.mone.router, torch.cat(rows), torch.cat(importance))
        for name, value in model.mone.router.named_parameters():
            self.average.weights[f"mone.router.{name}"].copy_(value.detach())
        self.router_started = True
        print(f"router started, loss {loss:.3f}", flush=True)

    def routed_step(self, batch, share: float):
        """Second phase: the router's experts at one drawn budget; share 0..1 of the phase that has passed.

        In most steps of the first half a random part of the still tokens is left out, for speed. The whole width
        sees the same clips and tells the narrower ones what it thinks (distillation).
        """
        budget = float(self.rng.choice(self.budgets))
        few = self.a.tokens if self.rng.random() < 1.5 * (1 - share) ** 2 else self.model.ns
        tubelets, chosen = some_tokens(batch, few, min(few + few // 2, self.model.ns - few))
        pixels = self.pixels(tubelets)
        logits, h, routing = self.model.forward_tokens(pixels, budget, sort=True, chosen=chosen)
        extra = 10 * (1 - share) * self.joint_loss(h, batch)
        start = max(0.0, 1 - share / 0.6) if self.nested > 0 else 0.0
        if start > 0 and routing.probs is not None:
            importance = self.importance(batch).gather(1, self.model.places(chosen))
            probs = routing.probs[:, -importance.shape[1] :]  # without the class token's
            extra = extra + start * router_start_loss(probs, importance)
        if budget < 1:
            whole = self.model.forward_tokens(pixels, 1.0, sort=True, chosen=chosen)[0]
            told = F.kl_div(logits.float().log_softmax(-1), whole.detach().float().softmax(-1), reduction="batchmean")
            extra = extra + told + label_loss(whole.float(), batch.labels)
        return logits, extra

    def train_step(self, batch) -> None:
        progress, nested = self.progress(), self.nested
        rate = min(1, (self.step + 1) / 100) * (0.02 + 0.98 * min(1, 1.6 * (0.5 + 0.5 * math.cos(math.pi * progress))))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["first_lr"]
        batch = batch.to(self.device)
        with autocast(self.device):
            if progress < nested:
                logits, extra = self.nested_step(batch)
            else:
                logits, extra = self.routed_step(batch, (progress - nested) / (1 - nested))
            loss = label_loss(logits.float(), batch.labels)
        (loss + extra).backward()
        parameters = [p for g in self.optimizers for group in g.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if self.config["E"] > 1:
            with torch.no_grad():
                self.model.mone.alpha.clamp_(0, 0.999)
        self.average.update(self.model)
        self.step += 1
        self.clips += len(batch.labels)
        self.loss = running_mean(self.loss, loss.item())
        self.right = running_mean(self.right, are_right(logits, batch.labels).float().mean().item())


def running_mean(mean: float, value: float) -> float:
    return value if math.isnan(mean) else 0.98 * mean + 0.02 * value


def some_tokens(batch, moving: int, others: int):
    """The tokens of each tubelet that move most and some drawn from the rest: (u8 [n, nt, k, pixels], places)."""
    chosen = batch.importance.topk(moving, -1).indices
    if others > 0:
        # Drawn by the processor, whatever the rest runs on: the same numbers everywhere.
        rest = torch.rand(batch.importance.shape).to(chosen.device).scatter_(-1, chosen, -1.0)
        chosen = torch.cat([chosen, rest.topk(others, -1).indices], -1)
    return batch.tubelets.gather(2, chosen[..., None].expand(-1, -1, -1, batch.tubelets.shape[-1])), chosen
