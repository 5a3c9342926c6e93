#!/usr/bin/env python3
"""Makes the tiny models and expected tensors under data/, from the PyTorch module in samples/training.

Run without arguments to write them, with --check to compare what is there with what would be written.
The layout of the files is described in README.md.
"""
import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "samples" / "training"))
from foreign import HF_LAYER  # noqa: E402
from model import MoneVivit  # noqa: E402
from model_file import load_model, read_tensors, save_model, write_tensors  # noqa: E402
from routing import token_counts  # noqa: E402

BUDGETS = [1.0, 0.75, 0.5, 0.4, 0.25, 0.15, 0.0625]
BASE = {
    "variant": "fe", "D": 16, "H": 2, "L": 2, "Lt": 1, "E": 4, "C": 5, "image": [16, 20], "frames": 6,
    "tubelet": [2, 4, 4], "rate": {"min": 4.0, "nominal": 6.25, "max": 12.5}, "resize_short": 18, "fit": "crop",
    "crop": "full", "planes": "rgb", "act": "gelu_tanh", "ln_eps": 1e-6, "classifier": "token", "cls_policy": "full",
    "router_input": "raw", "gate": "on", "w_form": "prod", "beta": 10.0, "delta": 2.0, "train_ec": [0.15, 1.0],
    "input": {"scale": 1 / 255, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "labels": ["walk", "run", "wave", "clap", "nothing"],
}  # fmt: skip
JOINT = {"variant": "joint", "Lt": 0, "image": [16, 16]}
LUMA = {"planes": "luma-motion", "fit": "pad", "input": {
    "scale": 1 / 255, "mean": [0.45, 128 / 255, 128 / 255], "std": [0.3, 0.15, 0.2]}}  # fmt: skip

# name: (what differs from BASE, storage dtype, alpha)
FIXTURES = {
    "fe_token": ({}, torch.float32, [0.5]),
    "fe_bf16": ({}, torch.bfloat16, [0.5]),
    "fe_plain": ({"E": 1}, torch.bfloat16, None),
    "fe_alpha_zero": ({}, torch.bfloat16, [0.0]),
    "fe_alpha_per_layer": ({}, torch.bfloat16, [0.25, 0.75]),
    "fe_gap": ({"classifier": "gap"}, torch.bfloat16, [0.5]),
    "fe_cls_routed": ({"cls_policy": "routed"}, torch.bfloat16, [0.5]),
    "fe_router_ln1": ({"router_input": "ln1"}, torch.bfloat16, [0.5]),
    "fe_gelu_erf": ({"act": "gelu_erf"}, torch.bfloat16, [0.5]),
    "fe_gate_off": ({"gate": "off"}, torch.bfloat16, [0.5]),
    "fe_w_frac": ({"w_form": "frac"}, torch.bfloat16, [0.5]),
    "fe_e2": ({"E": 2}, torch.bfloat16, [0.5]),
    "fe_e3": ({"E": 3, "delta": 3.0, "beta": 5.0}, torch.bfloat16, [0.5]),
    "fe_e5": ({"E": 5}, torch.bfloat16, [0.5]),
    "fe_luma_motion": (LUMA, torch.bfloat16, [0.5]),
    "fe_tubelet_1": ({"tubelet": [1, 8, 4], "frames": 4}, torch.bfloat16, [0.5]),
    "joint_plain": (JOINT | {"E": 1}, torch.float32, None),
    "joint_mone": (JOINT, torch.bfloat16, [0.5]),
    "joint_gap": (JOINT | {"classifier": "gap"}, torch.bfloat16, [0.5]),
}


def randomise(model: MoneVivit, alpha: list[float] | None, generator: torch.Generator) -> None:
    """Weights large enough that every part of the model shows in the logits."""

    def normal(tensor, std, mean=0.0):
        tensor.data = mean + std * torch.randn(tensor.shape, generator=generator)

    for name, value in model.named_parameters():
        if name == "mone.alpha":
            value.data = torch.tensor(alpha)
        elif ".norm" in name and name.endswith("weight"):
            normal(value, 0.2, 1.0)
        elif name.endswith("bias"):
            normal(value, 0.2)
        elif name.endswith(("cls_token", "pos_embed")):
            normal(value, 0.4)
        elif name == "mone.router.weight":
            normal(value, 0.6)
        else:
            normal(value, value[0].numel() ** -0.5 * (1.5 if name.startswith("head") else 1.0))


def smooth_clip(config: dict, generator: torch.Generator) -> torch.Tensor:
    """Noise with large patches, so tokens differ in brightness as well as in texture. u8 [frames, h, w, 3]."""
    height, width = config["image"]
    coarse = torch.rand(1, 3, config["frames"] // 2, 4, 5, generator=generator)
    video = torch.nn.functional.interpolate(coarse, (config["frames"], height, width), mode="trilinear")[0]
    video = video + 0.15 * torch.randn(video.shape, generator=generator)
    return (255 * video.clamp(0, 1)).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous()


def smallest_margin(probs: torch.Tensor, assign: torch.Tensor) -> float:
    """How near any routing decision came to a tie: chosen rows against those the same pass left."""
    margins = [1.0]
    for p, m in zip(probs, assign):
        for expert in range(1, probs.shape[-1]):
            chosen, left = p[m == expert, expert], p[m < expert, expert]
            if len(chosen) and len(left):
                margins.append((chosen.min() - left.max()).item())
    return min(margins)


@torch.no_grad()
def golden(model: MoneVivit, clip: torch.Tensor, generator: torch.Generator) -> tuple[dict, float]:
    """Expected tensors and the smallest routing margin over the budgets."""
    cut = model.cut(clip[None])
    budgets = torch.tensor(BUDGETS if model.config["E"] > 1 else [1.0])  # f32; counts follow from these exact values
    out = {"clip": clip, "budgets": budgets}
    results = [model.forward_tokens(cut, budget) for budget in budgets.double().tolist()]
    out["logits"] = torch.cat([logits for logits, _, _ in results])
    if model.is_fe:
        out["h"] = torch.cat([h for _, h, _ in results])
    if model.config["E"] == 1:
        return out, 1.0
    routings = [routing for _, _, routing in results]
    sets = len(routings[0].probs)
    out["counts"] = torch.tensor([[r.counts] * sets for r in routings], dtype=torch.int32)
    out["assign"] = torch.stack([r.assign for r in routings]).to(torch.uint8)
    out["probs"] = routings[0].probs
    forced = torch.randint(model.config["E"], routings[0].assign.shape, generator=generator)
    out["forced_assign"] = forced.to(torch.uint8)
    out["forced_logits"] = model.forward_tokens(cut, 1.0, forced)[0][0]
    return out, min(smallest_margin(r.probs, r.assign) for r in routings)


def write_fixture(folder: Path, index: int, name: str) -> None:
    changes, dtype, alpha = FIXTURES[name]
    config = BASE | changes | {"provenance": {"name": name, "trained_on": "nothing, random weights", "terms": "CC0"}}
    for attempt in range(100):  # another seed until no routing decision is near a tie
        generator = torch.Generator().manual_seed(1000 * index + attempt)
        model = MoneVivit(config)
        randomise(model, alpha, generator)
        save_model(folder / f"{name}.safetensors", config, model.state_dict(), dtype)
        model = load_model(folder / f"{name}.safetensors")  # the stored, rounded weights
        tensors, margin = golden(model, smooth_clip(config, generator), generator)
        if margin > 2e-5:
            break
    else:
        raise RuntimeError(f"{name}: every seed gave routing decisions near a tie")
    write_tensors(folder / f"{name}.golden.safetensors", tensors)
    print(f"{name}: smallest routing margin {margin:.1e}, logits std {tensors['logits'].std():.2f}")


# -- Hugging Face


def to_hf(state: dict[str, torch.Tensor], depth: int, new: bool) -> dict[str, torch.Tensor]:
    """Our joint tensors under the names of transformers' ViViT, new (5.x) or old spelling."""
    layers, attention = ("vivit.layers", "attention.{}_proj") if new else (
        "vivit.encoder.layer", "attention.attention.{}")  # fmt: skip
    qkv = "qkv" if new else ("query", "key", "value")
    out = {
        "vivit.embeddings.cls_token": state["encoder.cls_token"][None, None],
        "vivit.embeddings.position_embeddings": state["encoder.pos_embed"][None],
    }
    for kind in ("weight", "bias"):
        out[f"vivit.embeddings.patch_embeddings.projection.{kind}"] = state[f"embed.tubelet.{kind}"]
        out[f"vivit.layernorm.{kind}"] = state[f"encoder.norm.{kind}"]
        out[f"classifier.{kind}"] = state[f"head.{kind}"]
        for i in range(depth):
            block = f"encoder.blocks.{i}"
            for part, value in zip(qkv, state[f"{block}.attn.qkv.{kind}"].chunk(3)):
                out[f"{layers}.{i}.{attention.format(part)}.{kind}"] = value
            for ours, theirs in HF_LAYER.items():
                out[f"{layers}.{i}.{theirs[new]}.{kind}"] = state[f"{block}.{ours}.{kind}"]
    return out


@torch.no_grad()
def write_hf(folder: Path) -> None:
    """The weights of joint_plain as transformers folders (both spellings) and the logits transformers gives."""
    from transformers import VivitConfig, VivitForVideoClassification

    model = load_model(folder / "joint_plain.safetensors")
    c, state = model.config, model.state_dict()
    hf_config = VivitConfig(
        image_size=c["image"][0], num_frames=c["frames"], tubelet_size=c["tubelet"], hidden_size=c["D"],
        num_hidden_layers=c["L"], num_attention_heads=c["H"], intermediate_size=4 * c["D"], hidden_act="gelu_fast",
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=c["ln_eps"],
        id2label=dict(enumerate(c["labels"])), label2id={v: k for k, v in enumerate(c["labels"])})  # fmt: skip
    peer = VivitForVideoClassification(hf_config).eval()
    new_names = "layers.0.attention.q_proj.weight" in peer.vivit.state_dict()
    missing = peer.load_state_dict(to_hf(state, c["L"], new_names), strict=False)
    assert not missing.missing_keys and not missing.unexpected_keys, missing
    clip = read_tensors(folder / "joint_plain.golden.safetensors")[0]["clip"]
    pixels = clip[None].permute(0, 1, 4, 2, 3).float() / 127.5 - 1
    logits = peer(pixels).logits
    ours = model(clip[None])
    assert (logits - ours).abs().max() < 2e-5, (logits, ours)
    print(f"hf: transformers and ours differ by {(logits - ours).abs().max():.1e}")
    text = {"architectures": ["VivitForVideoClassification"], "model_type": "vivit"} | {
        key: value for key, value in hf_config.to_dict().items() if key in (
            "image_size", "num_frames", "tubelet_size", "num_channels", "hidden_size", "num_hidden_layers",
            "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps", "qkv_bias", "id2label",
            "label2id")}  # fmt: skip
    for name, new in (("hf_joint_v4", False), ("hf_joint_v5", True)):
        (folder / name).mkdir(exist_ok=True)
        write_tensors(folder / name / "model.safetensors", to_hf(state, c["L"], new), {"format": "pt"})
        (folder / name / "config.json").write_text(json.dumps(text, indent=2) + "\n")
    write_tensors(folder / "hf_joint.golden.safetensors",
                  {"clip": clip, "budgets": torch.ones(1), "logits": logits})  # fmt: skip


def write_capacities(folder: Path) -> None:
    """Token counts for many (budget, tokens, experts), as JSON rows [budget, tokens, w_form, counts]."""
    rows = []
    for experts in range(1, 6):
        for tokens in (1, 3, 49, 196, 197, 256, 3136):
            for budget in (0.0, 0.0625, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.55, 0.75, 0.85, 0.95, 1.0):
                for form in ("prod", "frac"):
                    rows.append([budget, tokens, form, token_counts(budget, tokens, experts, w_form=form)])
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (folder / "capacities.json").write_text(f"[\n{text}\n]\n")


def write_all(folder: Path) -> None:
    torch.set_num_threads(1)
    for index, name in enumerate(FIXTURES):
        write_fixture(folder, index, name)
    write_hf(folder)
    write_capacities(folder)


def same(a: Path, b: Path) -> bool:
    if a.suffix != ".safetensors":
        return a.read_bytes() == b.read_bytes()
    left, right = read_tensors(a)[0], read_tensors(b)[0]
    return left.keys() == right.keys() and all(
        torch.allclose(left[k].float(), right[k].float(), atol=2e-5, rtol=0) for k in left)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files instead of writing")
    data = HERE / "data"
    if not parser.parse_args().check:
        data.mkdir(exist_ok=True)
        write_all(data)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        write_all(Path(temporary))
        made = [p.relative_to(temporary) for p in Path(temporary).rglob("*") if p.is_file()]
        wrong = [str(p) for p in made if not (data / p).exists() or not same(Path(temporary) / p, data / p)]
    print(f"{len(made)} files, {len(wrong)} differ", *wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    sys.exit(main())
