"""Weights of other libraries as the tensors of our model file: Hugging Face ViViT, TAdaConv's factorised ViViT and
scenic's ViViT (flax). Each reader returns (tensors, what the tensors and configs say about the model).

Nothing here runs code from the files: .bin and .pyth are read with weights_only, flax checkpoints are plain msgpack.
"""
import json
from pathlib import Path

import torch

from model_file import read_tensors


class Refused(Exception):
    """A file that is not what it should be; the text names it and the tensor or key."""


def take(tensors: dict, name: str, source) -> torch.Tensor:
    if name not in tensors:
        raise Refused(f"{source}: tensor {name} is missing")
    return tensors.pop(name)


def nothing_left(tensors: dict, source, ignored: tuple[str, ...] = ()) -> None:
    left = [name for name in tensors if not name.startswith(ignored)]
    if left:
        raise Refused(f"{source}: tensor {left[0]} ({len(left)} such) is not part of the model that can be run")


def load_pickle(path) -> dict:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever unpickling raises
        raise Refused(f"{path}: cannot be read without running code from it (weights_only): {error}") from error


def read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise Refused(f"{path}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refused(f"{path}: must be an object")
    return value


def depth_of(tensors: dict, pattern: str) -> int:
    """How many layers there are, given the name of a tensor of one with {} for its number."""
    depth = 0
    while pattern.format(depth) in tensors:
        depth += 1
    return depth


# -- Hugging Face

HF_LAYER = {  # ours: (transformers 4, transformers 5)
    "norm1": ("layernorm_before", "layernorm_before"), "norm2": ("layernorm_after", "layernorm_after"),
    "attn.proj": ("attention.output.dense", "attention.o_proj"),
    "mlp.fc1": ("intermediate.dense", "mlp.fc1"), "mlp.fc2": ("output.dense", "mlp.fc2"),
}  # fmt: skip
HF_QKV = (("attention.attention.query", "attention.attention.key", "attention.attention.value"),
          ("attention.q_proj", "attention.k_proj", "attention.v_proj"))  # fmt: skip
HF_ACT = {"gelu_fast": "gelu_tanh", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu_erf",
          "gelu_python": "gelu_erf"}  # fmt: skip


def read_hf_folder(folder: Path) -> dict[str, torch.Tensor]:
    for name, read in (("model.safetensors", lambda path: read_tensors(path)[0]), ("pytorch_model.bin", load_pickle)):
        if (folder / name).exists():
            return dict(read(folder / name))
        index = folder / f"{name}.index.json"
        if index.exists():
            tensors = {}
            for part in sorted(set(read_json(index)["weight_map"].values())):
                if "/" in part or part.startswith("."):
                    raise Refused(f"{index}: names a file outside the folder: {part}")
                tensors |= read(folder / part)
            return tensors
    raise Refused(f"{folder}: has neither model.safetensors nor pytorch_model.bin, whole or in shards")


def read_huggingface(folder: Path, follow_preprocessor: bool) -> tuple[dict, dict]:
    config = read_json(folder / "config.json")
    if config.get("model_type") != "vivit":
        raise Refused(f"{folder}/config.json: model_type is {config.get('model_type')!r}; only vivit can be converted")
    tensors = read_hf_folder(folder)
    new = "vivit.layers.0.layernorm_before.weight" in tensors
    layers = "vivit.layers" if new else "vivit.encoder.layer"
    depth, width = config.get("num_hidden_layers", 12), config.get("hidden_size", 768)
    act = config.get("hidden_act", "gelu_fast")
    if act not in HF_ACT:
        raise Refused(f"{folder}/config.json: hidden_act is {act!r}; known are {', '.join(HF_ACT)}")
    out = {"encoder.cls_token": take(tensors, "vivit.embeddings.cls_token", folder).flatten(),
           "encoder.pos_embed": take(tensors, "vivit.embeddings.position_embeddings", folder)[0]}  # fmt: skip
    for kind in ("weight", "bias"):
        out[f"embed.tubelet.{kind}"] = take(tensors, f"vivit.embeddings.patch_embeddings.projection.{kind}", folder)
        out[f"encoder.norm.{kind}"] = take(tensors, f"vivit.layernorm.{kind}", folder)
        out[f"head.{kind}"] = take(tensors, f"classifier.{kind}", folder)
        for i in range(depth):
            block = f"encoder.blocks.{i}"
            if kind == "bias" and not config.get("qkv_bias", True):
                out[f"{block}.attn.qkv.bias"] = torch.zeros(3 * width)
            else:
                parts = [take(tensors, f"{layers}.{i}.{name}.{kind}", folder) for name in HF_QKV[new]]
                out[f"{block}.attn.qkv.{kind}"] = torch.cat(parts)
            for ours, theirs in HF_LAYER.items():
                out[f"{block}.{ours}.{kind}"] = take(tensors, f"{layers}.{i}.{theirs[new]}.{kind}", folder)
    nothing_left(tensors, folder, ("vivit.pooler.",))
    size = config.get("image_size", 224)
    labels = config.get("id2label")
    about = {"variant": "joint", "H": config.get("num_attention_heads", 12), "act": HF_ACT[act],
             "ln_eps": config.get("layer_norm_eps", 1e-6), "frames": config.get("num_frames", 32),
             "image": [size, size] if isinstance(size, int) else list(size)}  # fmt: skip
    if labels:
        missing = [str(i) for i in range(len(labels)) if str(i) not in labels]
        if missing:
            raise Refused(f"{folder}/config.json: id2label has no \"{missing[0]}\"")
        about["labels"] = [labels[str(i)] for i in range(len(labels))]
    if follow_preprocessor:
        about |= hf_input(read_json(folder / "preprocessor_config.json"), about["image"])
    return out, about


def hf_input(p: dict, image: list[int]) -> dict:
    """What VivitImageProcessor does with these settings: ((u8 * factor - offset) - mean) / std, of the middle.

    Refuses what the engine refuses too (engine/huggingface_config.cc).
    """

    def need(holds: bool, what: str) -> None:
        if not holds:
            raise Refused(f"preprocessor_config.json: {what}")

    kind = p.get("image_processor_type", p.get("feature_extractor_type", "VivitImageProcessor"))
    need(kind in ("VivitImageProcessor", "VivitImageProcessorFast", "VivitFeatureExtractor"),
         f"image_processor_type is {kind!r}; only VivitImageProcessor can be followed")  # fmt: skip
    need(p.get("do_resize", True) and p.get("do_center_crop", True), "do_resize or do_center_crop is off; neither can be")
    need(p.get("resample", 2) == 2, f"resample is {p.get('resample')!r}; only 2, bilinear, can be followed")
    size = p.get("size", {"shortest_edge": 256})
    need("shortest_edge" in size, "size has no shortest_edge; other resizing cannot be followed")
    crop = p.get("crop_size", {"height": 224, "width": 224})
    need([crop["height"], crop["width"]] == image, f"crop_size is {crop}, the model's picture {image[0]}x{image[1]}")
    need(size["shortest_edge"] >= max(image), "size has a shortest_edge smaller than the crop")
    rescale, normalize = p.get("do_rescale", True), p.get("do_normalize", True)
    offset = 1.0 if rescale and p.get("offset", True) else 0.0
    mean, std = (p.get("image_mean", [0.5] * 3), p.get("image_std", [0.5] * 3)) if normalize else ([0.0] * 3, [1.0] * 3)
    about = {"input": {"scale": p.get("rescale_factor", 1 / 127.5) if rescale else 1.0,
                       "mean": [offset + value for value in mean], "std": list(std)}}  # fmt: skip
    return about | {"resize_short": size["shortest_edge"]}


# -- TAdaConv (PyTorch): models/base/transformer.py, FactorizedTransformer, with TransformerHead

TADACONV_LAYER = {"norm1": "norm", "attn.qkv": "attn.to_qkv", "attn.proj": "attn.proj", "norm2": "norm_ffn",
                  "mlp.fc1": "ffn.net.0", "mlp.fc2": "ffn.net.3"}  # fmt: skip


def read_tadaconv(path: Path) -> tuple[dict, dict]:
    checkpoint = load_pickle(path)
    tensors = dict(checkpoint.get("model_state", checkpoint))
    out = {}
    sides = {"spatial": ("layers", "cls_token", "pos_embd", "norm"),
             "temporal": ("layers_temporal", "cls_token_out", "temp_embd", "norm_out")}  # fmt: skip
    for ours, (layers, cls, positions, norm) in sides.items():
        out[f"{ours}.cls_token"] = take(tensors, f"backbone.{cls}", path).flatten()
        out[f"{ours}.pos_embed"] = take(tensors, f"backbone.{positions}", path)[0]
        depth = depth_of(tensors, f"backbone.{layers}.{{}}.norm.weight")
        for kind in ("weight", "bias"):
            out[f"{ours}.norm.{kind}"] = take(tensors, f"backbone.{norm}.{kind}", path)
            for i in range(depth):
                for part, theirs in TADACONV_LAYER.items():
                    name = f"backbone.{layers}.{i}.{theirs}.{kind}"
                    out[f"{ours}.blocks.{i}.{part}.{kind}"] = take(tensors, name, path)
    for kind in ("weight", "bias"):
        out[f"embed.tubelet.{kind}"] = take(tensors, f"backbone.stem.conv1.{kind}", path)
        out[f"head.{kind}"] = take(tensors, f"head.linear.{kind}", path)
    nothing_left(tensors, path)
    normal = {"scale": 1 / 255, "mean": [0.45] * 3, "std": [0.225] * 3}
    return out, {"variant": "fe", "H": None, "act": "gelu_erf", "ln_eps": 1e-6, "input": normal}


# -- scenic (flax): projects/vivit/model.py, SpaceTimeViViT and ViViT


def flax_array(code: int, data: bytes) -> torch.Tensor | None:
    import msgpack

    if code != 1:  # numpy scalars, complex numbers: a train state's counters, never weights
        return None
    shape, dtype, values = msgpack.unpackb(data, raw=False)
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "int32": torch.int32,
             "int64": torch.int64, "uint32": torch.int32, "float64": torch.float64, "bool": torch.bool}  # fmt: skip
    if dtype not in known:
        return None
    if not values:
        return torch.zeros(shape, dtype=known[dtype])
    return torch.frombuffer(bytearray(values), dtype=known[dtype]).reshape(shape)


def whole_arrays(node):
    """flax cuts arrays beyond 1 GiB into chunks."""
    if not isinstance(node, dict):
        return node
    if "__msgpack_chunked_array__" in node:
        shape, chunks = ([node[key][str(i)] for i in range(len(node[key]))] for key in ("shape", "chunks"))
        return torch.cat([chunk.flatten() for chunk in chunks]).reshape(shape)
    return {key: whole_arrays(value) for key, value in node.items()}


def flat(node: dict, prefix: str = "") -> dict[str, torch.Tensor]:
    out = {}
    for key, value in node.items():
        out |= flat(value, f"{prefix}{key}/") if isinstance(value, dict) else {prefix + key: value}
    return out


def flax_params(path: Path) -> dict[str, torch.Tensor]:
    import msgpack

    try:
        tree = msgpack.unpackb(Path(path).read_bytes(), ext_hook=flax_array, raw=False, strict_map_key=False)
    except Exception as error:
        raise Refused(f"{path}: is no flax checkpoint: {error}") from error
    # Older train states keep the parameters in the optimizer, beside momenta of the same names.
    for keys in (("optimizer", "target", "params"), ("optimizer", "target"), ("params", "params"), ("params",), ()):
        node = tree
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict) and "embedding" in node:
            params = flat(whole_arrays(node))
            for name, value in params.items():
                if not isinstance(value, torch.Tensor):
                    raise Refused(f"{path}: {name} is no array of numbers that a weight can be")
            return params
    raise Refused(f"{path}: has no params with an \"embedding\" in them")


def scenic_encoder(p: dict, theirs: str, ours: str, path) -> tuple[dict, int | None]:
    out, heads = {}, None
    cls = "cls" if theirs == "Transformer" else f"cls_{theirs}"
    if cls in p:
        out[f"{ours}.cls_token"] = take(p, cls, path).flatten()
    out[f"{ours}.pos_embed"] = take(p, f"{theirs}/posembed_input/pos_embedding", path)[0]

    def norm(name: str, block: str) -> None:
        out[f"{block}.weight"] = take(p, f"{theirs}/{name}/scale", path)
        out[f"{block}.bias"] = take(p, f"{theirs}/{name}/bias", path)

    norm("encoder_norm", f"{ours}.norm")
    for i in range(depth_of(p, f"{theirs}/encoderblock_{{}}/LayerNorm_0/scale")):
        layer, block = f"encoderblock_{i}", f"{ours}.blocks.{i}"
        norm(f"{layer}/LayerNorm_0", f"{block}.norm1")
        norm(f"{layer}/LayerNorm_1", f"{block}.norm2")
        attention = f"{theirs}/{layer}/MultiHeadDotProductAttention_0"
        kernels = [take(p, f"{attention}/{name}/kernel", path) for name in ("query", "key", "value")]  # [in, H, dh]
        heads = kernels[0].shape[1]
        out[f"{block}.attn.qkv.weight"] = torch.cat([k.flatten(1).T for k in kernels])
        biases = [take(p, f"{attention}/{name}/bias", path) for name in ("query", "key", "value")]  # [H, dh]
        out[f"{block}.attn.qkv.bias"] = torch.cat([b.flatten() for b in biases])
        out[f"{block}.attn.proj.weight"] = take(p, f"{attention}/out/kernel", path).flatten(0, 1).T  # [H, dh, out]
        out[f"{block}.attn.proj.bias"] = take(p, f"{attention}/out/bias", path)
        for number, part in enumerate(("fc1", "fc2")):
            dense = f"{theirs}/{layer}/MlpBlock_0/Dense_{number}"
            out[f"{block}.mlp.{part}.weight"] = take(p, f"{dense}/kernel", path).T
            out[f"{block}.mlp.{part}.bias"] = take(p, f"{dense}/bias", path)
    return out, heads


def read_scenic(path: Path) -> tuple[dict, dict]:
    p = flax_params(path)
    factorised = any(name.startswith("SpatialTransformer/") for name in p)
    sides = {"SpatialTransformer": "spatial", "TemporalTransformer": "temporal"} if factorised else {"Transformer": "encoder"}
    out = {"embed.tubelet.weight": take(p, "embedding/kernel", path).permute(4, 3, 0, 1, 2),  # [t, h, w, c, o]
           "embed.tubelet.bias": take(p, "embedding/bias", path),
           "head.weight": take(p, "output_projection/kernel", path).T,
           "head.bias": take(p, "output_projection/bias", path)}  # fmt: skip
    for theirs, ours in sides.items():
        tensors, heads = scenic_encoder(p, theirs, ours, path)
        out |= tensors
    nothing_left(p, path)
    return out, {"variant": "fe" if factorised else "joint", "H": heads, "act": "gelu_tanh", "ln_eps": 1e-6}
