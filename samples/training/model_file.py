"""Reader and writer of the model file: safetensors with the config as JSON in its metadata.

The format is small enough to write here, which also keeps the training code free of a dependency:
u64 length, JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {...}}, tensor bytes.
"""
import json
import struct

import numpy as np
import torch

FORMAT = "mone-vivit/1"
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16, "U8": torch.uint8, "I32": torch.int32}
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
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        tensors[name] = body[first:last].clone().view(DTYPES[entry["dtype"]]).view(entry["shape"])
    return tensors, metadata


def save_model(path, config: dict, state: dict[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> None:
    """state: the parameters of model.MoneVivit by name; dtype: how matrices are stored."""
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
