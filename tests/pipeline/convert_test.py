#!/usr/bin/env python3
"""Random weights in the original classes against `mone` on what it loads or what convert.py makes. Exit 77 = skipped.

    convert_test.py MONE

Hugging Face: transformers' own classes. TAdaConv's FactorizedTransformer and scenic's SpaceTimeViViT and ViViT are
restated here from their definitions, in plain functions over the checkpoint's own names and shapes.
"""
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TRAINING = Path(__file__).resolve().parents[2] / "samples" / "training"
FRAMES, SIDE, PATCH, WIDTH, HEADS, DEPTH, DEPTH_TEMP, LABELS = 6, 32, (2, 8, 8), 32, 4, 2, 2, 7
NT, NS = FRAMES // PATCH[0], (SIDE // PATCH[1]) ** 2

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    print(f"skipped: needs Python's {missing.name} (samples/training/requirements.txt)")
    sys.exit(77)
sys.path.insert(0, str(TRAINING))
import convert as converter  # noqa: E402
from model_file import read_tensors  # noqa: E402


def random(*shape, std=None, mean=0.0):
    """Weights large enough that every part of the model shows in the logits."""
    return mean + (std or shape[-1] ** -0.5) * torch.randn(*shape)


class Mone:
    def __init__(self, program: str, folder: Path):
        self.program, self.folder = program, folder
        self.clip = torch.randint(0, 256, (FRAMES, SIDE, SIDE, 3), dtype=torch.uint8)
        np.save(folder / "clip.npy", self.clip.numpy())

    def logits(self, model: Path, *options: str) -> torch.Tensor:
        run = subprocess.run([self.program, "model", "run", model, "--clip", self.folder / "clip.npy", *options],
                             stdout=subprocess.PIPE, check=True)  # fmt: skip
        return torch.tensor(json.loads(run.stdout)["logits"])

    def expect(self, what: str, model: Path, expected: torch.Tensor, *options: str) -> None:
        """Spec section 8: 1e-4 in f32; 0.1 and a cosine of 0.9995 in bf16."""
        f32, bf16 = (self.logits(model, "--dtype", dtype, *options) for dtype in ("f32", "bf16"))
        off, cosine = (f32 - expected).abs().max().item(), F.cosine_similarity(bf16, expected, dim=0).item()
        print(f"{what}: f32 off by {off:.1e}, bf16 by {(bf16 - expected).abs().max():.1e}, cosine {cosine:.6f}, "
              f"logits std {expected.std():.2f}")  # fmt: skip
        assert off <= 1e-4 and (bf16 - expected).abs().max() <= 0.1 and cosine >= 0.9995, what


def convert(source: Path, out: Path, *options: str) -> Path:
    assert converter.main([str(source), "--out", str(out), *options]) == 0
    return out


def refused(source: Path, *options: str) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert converter.main([str(source), "--out", str(source.parent / "no"), *options]) == 1
    assert not (source.parent / "no").exists()
    return said.getvalue()


# -- Hugging Face


@torch.no_grad()
def test_huggingface(mone: Mone) -> None:
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from transformers import VivitConfig, VivitForVideoClassification

    for qkv_bias in (True, False):
        config = VivitConfig(
            image_size=SIDE, num_frames=FRAMES, tubelet_size=list(PATCH), hidden_size=WIDTH, num_hidden_layers=DEPTH,
            num_attention_heads=HEADS, intermediate_size=4 * WIDTH, num_labels=LABELS, qkv_bias=qkv_bias)  # fmt: skip
        model = VivitForVideoClassification(config).eval()
        for name, value in model.named_parameters():
            norm = "layernorm" in name and name.endswith("weight")
            value.data = random(*value.shape, std=0.2 if value.dim() < 2 else value[0].numel() ** -0.5, mean=float(norm))
        pixels = mone.clip.permute(0, 3, 1, 2)[None].float()
        trained, compat = (model(pixel_values=p).logits[0] for p in (pixels / 127.5 - 1, pixels / 63.75 - 3))

        folder = mone.folder / f"hf{qkv_bias}"
        model.save_pretrained(folder)
        (folder / "preprocessor_config.json").write_text(json.dumps(
            {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}))  # fmt: skip
        mone.expect(f"Hugging Face folder, qkv_bias {qkv_bias}", folder, trained)
        mone.expect("with --hf-compat", folder, compat, "--hf-compat")

        model.half().save_pretrained(folder)  # f16 on disk
        halves = model.float()(pixel_values=pixels / 127.5 - 1).logits[0]
        mone.expect("saved as f16", folder, halves)

        binary = mone.folder / f"bin{qkv_bias}"
        binary.mkdir()
        torch.save(model.state_dict(), binary / "pytorch_model.bin")
        for name in ("config.json", "preprocessor_config.json"):
            (binary / name).write_bytes((folder / name).read_bytes())
        mone.expect("pytorch_model.bin converted", convert(binary, mone.folder / "bin.safetensors"), halves)
        halves = model(pixel_values=pixels / 63.75 - 3).logits[0]
        mone.expect("and with --hf-compat", convert(binary, mone.folder / "compat.safetensors", "--hf-compat"), halves)
    test_huggingface_odd(mone)
    refuse_huggingface(mone, folder)


def test_huggingface_odd(mone: Mone) -> None:
    """The fields of the config that change numbers and names, none at its default; weights in shards."""
    from transformers import VivitConfig, VivitForVideoClassification

    names = {i: f"label {i}" for i in range(12)}  # 10 stands before 2 in the JSON
    config = VivitConfig(
        image_size=[SIDE, SIDE + 16], num_frames=FRAMES, tubelet_size=[3, 8, 16], hidden_size=WIDTH, num_hidden_layers=DEPTH,
        num_attention_heads=HEADS, intermediate_size=4 * WIDTH, id2label=names, hidden_act="gelu", layer_norm_eps=0.1)  # fmt: skip
    model = VivitForVideoClassification(config).eval()
    for name, value in model.named_parameters():
        norm = "layernorm" in name and name.endswith("weight")
        value.data = random(*value.shape, std=0.2 if value.dim() < 2 else value[0].numel() ** -0.5, mean=float(norm))
    clip = torch.randint(0, 256, (FRAMES, SIDE, SIDE + 16, 3), dtype=torch.uint8)
    np.save(mone.folder / "clip.npy", clip.numpy())
    expected = model(pixel_values=clip.permute(0, 3, 1, 2)[None].float() / 127.5 - 1).logits[0]
    folder, shards = mone.folder / "odd", mone.folder / "shards"
    model.save_pretrained(folder)
    mone.expect("Hugging Face, odd config", folder, expected)
    model.save_pretrained(shards, max_shard_size="40KB")
    assert len(list(shards.glob("model-*.safetensors"))) > 1
    mone.expect("and converted from shards", convert(shards, mone.folder / "odd.safetensors"), expected)
    for part in sorted(shards.glob("model-*.safetensors")):
        torch.save(read_tensors(part)[0], shards / f"{part.stem}.bin")
        part.unlink()
    index = (shards / "model.safetensors.index.json").read_text().replace(".safetensors", ".bin")
    (shards / "model.safetensors.index.json").unlink()
    (shards / "pytorch_model.bin.index.json").write_text(index)
    out = convert(shards, mone.folder / "odd.safetensors")
    mone.expect("and from .bin in shards", out, expected)
    for model in (folder, out):
        shown = subprocess.run([mone.program, "model", "show", model, "--json"], stdout=subprocess.PIPE, check=True)
        assert json.loads(shown.stdout)["labels"] == list(names.values()), shown.stdout
    np.save(mone.folder / "clip.npy", mone.clip.numpy())


def refuse_huggingface(mone: Mone, folder: Path) -> None:
    """What `mone` refuses is not converted either, and is named."""
    texts = {name: json.loads((folder / name).read_text()) for name in ("config.json", "preprocessor_config.json")}
    for name, key, value, says in (
        ("config.json", "num_frames", 7, "frames is 7, not a multiple of 2"),
        ("config.json", "num_attention_heads", 3, "D is 32, not a multiple of 3"),
        ("config.json", "layer_norm_eps", 5, "ln_eps is 5"),
        ("config.json", "id2label", {str(i): i for i in range(LABELS)}, "a label is not a string"),
        ("config.json", "id2label", {str(i): "x" for i in range(1, LABELS + 1)}, 'id2label has no "0"'),
        ("preprocessor_config.json", "image_processor_type", "VideoMAEImageProcessor", "only VivitImageProcessor"),
        ("preprocessor_config.json", "do_resize", False, "do_resize"),
        ("preprocessor_config.json", "resample", 3, "bilinear"),
        ("preprocessor_config.json", "crop_size", {"height": 16, "width": 16}, "crop_size"),
        ("preprocessor_config.json", "size", {"shortest_edge": 16}, "smaller than the crop"),
        ("preprocessor_config.json", "size", 32, "is not what it should be"),
        ("preprocessor_config.json", "image_std", [0, 1, 1], "input.std"),
        ("preprocessor_config.json", "rescale_factor", None, "input.scale"),
    ):
        (folder / name).write_text(json.dumps(texts[name] | {key: value}))
        said = refused(folder, "--hf-compat")
        assert says in said, (key, value, said)
        run = subprocess.run([mone.program, "model", "show", folder, "--hf-compat"], capture_output=True)
        assert run.returncode == 1, (key, value, run)
        (folder / name).write_text(json.dumps(texts[name]))
    (folder / "config.json").write_text("[]")
    assert "config.json: must be an object" in refused(folder)
    (folder / "config.json").write_text("{")
    assert "config.json: is not JSON" in refused(folder)
    (folder / "config.json").write_text(json.dumps(texts["config.json"]))
    weights = (folder / "model.safetensors").read_bytes()
    for broken in (weights[:-100], b"", b"\2\0\0\0\0\0\0\0[]", weights.replace(b'"data_offsets":[0,', b'"data_offsets":[2,', 1)):
        (folder / "model.safetensors").write_bytes(broken)
        assert "is not what it should be" in refused(folder), broken[:100]


# -- TAdaConv


def tadaconv_state() -> dict[str, torch.Tensor]:
    state = {
        "backbone.stem.conv1.weight": random(WIDTH, 3, *PATCH, std=(3 * 128) ** -0.5),
        "backbone.stem.conv1.bias": random(WIDTH, std=0.2),
        "backbone.cls_token": random(1, 1, WIDTH, std=0.4), "backbone.cls_token_out": random(1, 1, WIDTH, std=0.4),
        "backbone.pos_embd": random(1, NS + 1, WIDTH, std=0.4), "backbone.temp_embd": random(1, NT + 1, WIDTH, std=0.4),
        "head.linear.weight": random(LABELS, WIDTH), "head.linear.bias": random(LABELS, std=0.2),
    }  # fmt: skip
    norms = ["norm", "norm_out"]
    for layers, depth in (("layers", DEPTH), ("layers_temporal", DEPTH_TEMP)):
        for i in range(depth):
            block = f"{layers}.{i}"
            norms += [f"{block}.norm", f"{block}.norm_ffn"]
            for name, out, inner in (("attn.to_qkv", 3 * WIDTH, WIDTH), ("attn.proj", WIDTH, WIDTH),
                                     ("ffn.net.0", 4 * WIDTH, WIDTH), ("ffn.net.3", WIDTH, 4 * WIDTH)):  # fmt: skip
                state[f"backbone.{block}.{name}.weight"] = random(out, inner)
                state[f"backbone.{block}.{name}.bias"] = random(out, std=0.2)
    for norm in norms:
        state[f"backbone.{norm}.weight"] = random(WIDTH, std=0.2, mean=1.0)
        state[f"backbone.{norm}.bias"] = random(WIDTH, std=0.2)
    return state


def tadaconv_logits(s: dict[str, torch.Tensor], clip: torch.Tensor) -> torch.Tensor:
    def linear(x, name):
        return F.linear(x, s[f"{name}.weight"], s[f"{name}.bias"])

    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), s[f"{name}.weight"], s[f"{name}.bias"], 1e-6)

    def layer(x, name):
        y = norm(x, f"{name}.norm")
        b, n, c = y.shape
        q, k, v = linear(y, f"{name}.attn.to_qkv").reshape(b, n, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        attention = ((q @ k.transpose(-2, -1)) * (c // HEADS) ** -0.5).softmax(-1)
        x = x + linear((attention @ v).transpose(1, 2).reshape(b, n, c), f"{name}.attn.proj")
        y = F.gelu(linear(norm(x, f"{name}.norm_ffn"), f"{name}.ffn.net.0"))
        return x + linear(y, f"{name}.ffn.net.3")

    video = ((clip.float() / 255 - 0.45) / 0.225).permute(3, 0, 1, 2)[None]
    x = F.conv3d(video, s["backbone.stem.conv1.weight"], s["backbone.stem.conv1.bias"], stride=PATCH)
    x = x.flatten(3).permute(0, 2, 3, 1).reshape(NT, NS, WIDTH)  # b (t n) c -> (b t) n c
    x = torch.cat([s["backbone.cls_token"].repeat(NT, 1, 1), x], 1) + s["backbone.pos_embd"]
    for i in range(DEPTH):
        x = layer(x, f"backbone.layers.{i}")
    x = norm(x, "backbone.norm")[:, 0][None]
    x = torch.cat([s["backbone.cls_token_out"], x], 1) + s["backbone.temp_embd"]
    for i in range(DEPTH_TEMP):
        x = layer(x, f"backbone.layers_temporal.{i}")
    return linear(norm(x, "backbone.norm_out")[:, 0], "head.linear")[0]


def test_tadaconv(mone: Mone) -> None:
    state = tadaconv_state()
    path = mone.folder / "fac.pyth"
    torch.save({"epoch": 3, "model_state": state, "optimizer_state": {"lr": 0.1}, "cfg": "VIDEO: {}"}, path)
    out = convert(path, mone.folder / "fac.safetensors", "--heads", str(HEADS))
    mone.expect("TAdaConv", out, tadaconv_logits(state, mone.clip))
    labels = mone.folder / "labels.txt"
    labels.write_text("".join(f"label {i}\n" for i in range(LABELS)))
    smaller = convert(path, mone.folder / "fac16.safetensors", "--heads", str(HEADS), "--labels", str(labels), "--dtype", "bf16")
    assert smaller.stat().st_size < 0.7 * out.stat().st_size

    torch.save({"model_state": {k: v for k, v in state.items() if "layers.1.attn.proj.bias" not in k}}, path)
    assert "backbone.layers.1.attn.proj.bias is missing" in refused(path)
    torch.save({"model_state": state | {"head.pre_logits.fc.weight": torch.zeros(2, 2)}}, path)
    assert "head.pre_logits.fc.weight" in refused(path)
    torch.save({"model_state": state, "cfg": Path("code")}, path)  # an object of a class: needs code to be read
    assert "weights_only" in refused(path)
    labels.write_text("one\n")
    torch.save([1, 2], path)
    assert "is not what it should be" in refused(path)
    torch.save({"model_state": state}, path)
    assert "--labels" in refused(path, "--labels", str(labels))


# -- scenic


def scenic_params(kind: str, classifier: str) -> dict:
    def norm():
        return {"scale": random(WIDTH, std=0.2, mean=1.0), "bias": random(WIDTH, std=0.2)}

    def dense(inner, out):
        return {"kernel": random(inner, out, std=inner**-0.5), "bias": random(out, std=0.2)}

    def encoder(places, depth):
        into = {"kernel": (WIDTH, HEADS, WIDTH // HEADS), "bias": (HEADS, WIDTH // HEADS)}
        out = {"posembed_input": {"pos_embedding": random(1, places, WIDTH, std=0.4)}, "encoder_norm": norm()}
        for i in range(depth):
            attention = {name: {key: random(*shape, std=WIDTH**-0.5) for key, shape in into.items()}
                         for name in ("query", "key", "value")}  # fmt: skip
            attention["out"] = {"kernel": random(HEADS, WIDTH // HEADS, WIDTH, std=WIDTH**-0.5), "bias": random(WIDTH, std=0.2)}
            out[f"encoderblock_{i}"] = {
                "LayerNorm_0": norm(), "MultiHeadDotProductAttention_0": attention, "LayerNorm_1": norm(),
                "MlpBlock_0": {"Dense_0": dense(WIDTH, 4 * WIDTH), "Dense_1": dense(4 * WIDTH, WIDTH)}}  # fmt: skip
        return out

    cls = classifier == "token"
    params = {"embedding": {"kernel": random(*PATCH, 3, WIDTH, std=(3 * 128) ** -0.5), "bias": random(WIDTH, std=0.2)},
              "output_projection": dense(WIDTH, LABELS)}  # fmt: skip
    sides = {"SpatialTransformer": (NS, DEPTH), "TemporalTransformer": (NT, DEPTH_TEMP)} if kind == "fe" else {
        "Transformer": (NS * NT, DEPTH)}  # fmt: skip
    for name, (places, depth) in sides.items():
        params[name] = encoder(places + cls, depth)
        if cls:
            params["cls" if kind == "joint" else f"cls_{name}"] = random(1, 1, WIDTH, std=0.4)
    return params


def scenic_logits(params: dict, clip: torch.Tensor, kind: str) -> torch.Tensor:
    def norm(x, p):
        return F.layer_norm(x, (WIDTH,), p["scale"], p["bias"], 1e-6)

    def attend(x, p):
        q, k, v = (torch.einsum("bni,ihd->bnhd", x, p[name]["kernel"]) + p[name]["bias"] for name in ("query", "key", "value"))
        weights = torch.einsum("bqhd,bkhd->bhqk", q / (WIDTH // HEADS) ** 0.5, k).softmax(-1)
        return torch.einsum("bqhd,hdo->bqo", torch.einsum("bhqk,bkhd->bqhd", weights, v), p["out"]["kernel"]) + p["out"]["bias"]

    def encoder(x, name, cls_name):
        p = params[name]
        if cls_name in params:
            x = torch.cat([params[cls_name].expand(len(x), 1, -1), x], 1)
        x = x + p["posembed_input"]["pos_embedding"]
        for i in range(sum(key.startswith("encoderblock") for key in p)):
            b = p[f"encoderblock_{i}"]
            x = x + attend(norm(x, b["LayerNorm_0"]), b["MultiHeadDotProductAttention_0"])
            y = norm(x, b["LayerNorm_1"]) @ b["MlpBlock_0"]["Dense_0"]["kernel"] + b["MlpBlock_0"]["Dense_0"]["bias"]
            x = x + F.gelu(y, approximate="tanh") @ b["MlpBlock_0"]["Dense_1"]["kernel"] + b["MlpBlock_0"]["Dense_1"]["bias"]
        x = norm(x, p["encoder_norm"])
        return x[:, 0] if cls_name in params else x.mean(1)

    video = (clip.float() / 127.5 - 1)[None].permute(0, 4, 1, 2, 3)
    x = F.conv3d(video, params["embedding"]["kernel"].permute(4, 3, 0, 1, 2), params["embedding"]["bias"], stride=PATCH)
    x = x.permute(0, 2, 3, 4, 1)  # [1, t, h, w, c]
    if kind == "joint":
        x = encoder(x.reshape(1, -1, WIDTH), "Transformer", "cls")
    else:
        x = encoder(x.reshape(NT, NS, WIDTH), "SpatialTransformer", "cls_SpatialTransformer")
        x = encoder(x[None], "TemporalTransformer", "cls_TemporalTransformer")
    return (x @ params["output_projection"]["kernel"] + params["output_projection"]["bias"])[0]


def flax_bytes(tree) -> bytes:
    """As flax.serialization writes it: arrays as msgpack extension 1 of (shape, dtype, bytes)."""
    import msgpack

    def array(value):
        values = value.numpy()
        return msgpack.ExtType(1, msgpack.packb((values.shape, values.dtype.name, values.tobytes()), use_bin_type=True))

    return msgpack.packb(tree, default=array, use_bin_type=True)


def test_scenic(mone: Mone) -> None:
    for kind, classifier in (("fe", "token"), ("fe", "gap"), ("joint", "token")):
        params = scenic_params(kind, classifier)
        momenta = scenic_params(kind, classifier)  # of the same names: must not be taken for the weights
        import msgpack

        scalar = msgpack.ExtType(3, b"an np.int32, as a train state has it")
        tree = {"global_step": scalar, "optimizer": {"state": {"param_states": momenta}, "target": params}}
        path = mone.folder / f"checkpoint_{kind}_{classifier}"
        if classifier == "gap":  # a newer train state, and an array in chunks
            kernel = params["embedding"]["kernel"]
            chunks = {str(i): part.clone() for i, part in enumerate(kernel.flatten().chunk(3))}
            cut = {"__msgpack_chunked_array__": True, "chunks": chunks, "shape": {str(i): n for i, n in enumerate(kernel.shape)}}
            tree = {"params": params | {"embedding": params["embedding"] | {"kernel": cut}}}
        path.write_bytes(flax_bytes(tree))
        size = ["--image", str(SIDE), str(SIDE)] if kind == "joint" else []
        out = convert(path, mone.folder / f"{kind}_{classifier}.safetensors", *size)
        mone.expect(f"scenic {kind}, {classifier}", out, scenic_logits(params, mone.clip, kind))
    path.write_bytes(flax_bytes({"params": params | {"embedding": {"kernel": scalar, "bias": scalar}}}))
    assert "embedding/kernel is no array" in refused(path)
    path.write_bytes(b"\x81\xa6params\x01")
    assert "no params" in refused(path)
    path.write_bytes(b"\xc1 this is not msgpack")
    assert "no flax checkpoint" in refused(path)


def main() -> int:
    torch.manual_seed(1)
    skipped = []
    with tempfile.TemporaryDirectory() as folder:
        mone = Mone(sys.argv[1], Path(folder))
        for test, module in ((test_tadaconv, None), (test_huggingface, "transformers"), (test_scenic, "msgpack")):
            try:
                if module:
                    __import__(module)
            except ImportError:
                skipped.append(f"{test.__name__} needs Python's {module}")
                continue
            test(mone)
    if skipped:
        print("skipped: " + ", ".join(skipped) + " (samples/training/requirements.txt)")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
