"""Reader and writer of the model file: safetensors with the config as JSON in its metadata.

The format is small enough to write here, which also keeps the training code free of a dependency:
u64 length, JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {...}}, tensor bytes.
"""
import json
import struct

import numpy as np
import torch

FORMAT = "mone-vivit/1"
DTYPES = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16, "I64": torch.int64,
          "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def stays_f32(name: str) -> bool:
    """Norms, biases, position tables and the router keep f32 in a bf16 file."""
    return name.startswith("mone.") or name.endswith((".bias", ".pos_embed")) or ".norm" in name


def write_tensors(path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    header, blobs, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        blob = tensor.view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensor data starts at a multiple of 8
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_tensors(path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    data = np.fromfile(path, np.uint8)
    (length,) = struct.unpack("<Q", data[:8].tobytes())
    header = json.loads(data[8 : 8 + length].tobytes())
    metadata = header.pop("__metadata__", {})
    body = torch.from_numpy(data[8 + length :].copy())
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        if first != end:
            raise ValueError(f"{path}: tensor {name} begins at byte {first} of the data, where the one before ends at {end}")
        end = last
        tensors[name] = body[first:last].clone().view(DTYPES[entry["dtype"]]).view(entry["shape"])
    return tensors, metadata


def check_config(c: dict) -> None:
    """What the engine asks of a config (engine/model_config.cc): no file is written that it would refuse. Raises ValueError."""

    def need(holds: bool, what: str) -> None:
        if not holds:
            raise ValueError(f"config: {what}")

    def whole(value, low: int, high: int) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    for key, low, high in (("D", 1, 8192), ("H", 1, 256), ("L", 1, 128), ("Lt", 0, 128), ("E", 1, 5), ("C", 1, 100_000),
                           ("frames", 1, 1024), ("resize_short", 1, 8192)):  # fmt: skip
        need(whole(c[key], low, high), f"{key} is {c[key]!r}; it must be a whole number from {low} to {high}")
    for key, count in (("image", 2), ("tubelet", 3)):
        need(isinstance(c[key], list) and len(c[key]) == count and all(whole(v, 1, 4096) for v in c[key]),
             f"{key} is {c[key]!r}; it must be {count} whole numbers from 1 to 4096")  # fmt: skip
    (pt, ph, pw), (height, width) = c["tubelet"], c["image"]
    for key, value, by in (("D", c["D"], c["H"]), ("D", c["D"], 2 ** (c["E"] - 1)), ("frames", c["frames"], pt),
                           ("image", height, ph), ("image", width, pw)):  # fmt: skip
        need(value % by == 0, f"{key} is {value}, not a multiple of {by}")
    need((c["Lt"] > 0) == (c["variant"] == "fe"), f"Lt is {c['Lt']} in a model that is {c['variant']!r}")
    need((height // ph) * (width // pw) * (c["frames"] // pt) <= 65536, "image and tubelet give more than 65536 tokens a window")
    need(3 * height * width * pt <= 2**28, "a tubelet is larger than 256 MiB")
    need(isinstance(c["ln_eps"], (int, float)) and 0 <= c["ln_eps"] <= 1, f"ln_eps is {c['ln_eps']!r}; it must lie in 0 to 1")
    for key, low in (("mean", -1e6), ("std", 1e-9)):
        values = c["input"][key]
        need(isinstance(values, list) and len(values) == 3 and all(isinstance(v, (int, float)) and low <= v <= 1e6 for v in values),
             f"input.{key} is {values!r}; it must be 3 numbers from {low} to 1e+06")  # fmt: skip
    scale = c["input"]["scale"]
    need(isinstance(scale, (int, float)) and 1e-9 <= scale <= 1000, f"input.scale is {scale!r}; it must lie in 1e-09 to 1000")
    rate = [c["rate"][key] for key in ("min", "nominal", "max")]
    need(0 < rate[0] <= rate[1] <= rate[2] <= 1000, f"rate is {rate}; it must be min <= nominal <= max, above 0 and up to 1000")
    need(all(isinstance(label, str) for label in c["labels"]), "a label is not a string")
    need(len(c["labels"]) == c["C"], f"labels has {len(c['labels'])} entries for C = {c['C']}")


def save_model(path, config: dict, state: dict[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> None:
    """state: the parameters of model.MoneVivit by name; dtype: how matrices are stored."""
    check_config(config)
    tensors = {name: value.float() if stays_f32(name) else value.to(dtype) for name, value in sorted(state.items())}
    write_tensors(path, tensors, {"format": FORMAT, "config": json.dumps(config, ensure_ascii=False)})


def load_model(path):
    from model import MoneVivit

    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: format is {metadata.get('format')!r}, this reads {FORMAT!r}")
    model = MoneVivit(json.loads(metadata["config"]))
    if "mone.alpha" in tensors:  # one for all layers, or one per layer
        model.mone.alpha.data = torch.zeros_like(tensors["mone.alpha"])
    model.load_state_dict({name: value.float() for name, value in tensors.items()})
    return model.eval()
