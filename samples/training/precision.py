"""What matrix products are computed in: bf16 where the machine has instructions for it, else f32."""
from functools import cache
from pathlib import Path

import torch

BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, x86, Arm: as /proc/cpuinfo spells them


@cache
def has_bf16(kind: str = "cpu", cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the device ("cpu", "cuda") computes in bf16 itself. Where PyTorch has to imitate it, a product of a
    processor takes 40 times as long as in f32 (measured with AVX2)."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    about = cpuinfo.read_text() if cpuinfo.exists() else ""
    flags = {flag for line in about.splitlines() if line.lower().startswith(("flags", "features")) for flag in line.split()}
    return bool(BF16 & flags)


def autocast(device: torch.device | str = "cpu") -> torch.autocast:
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=has_bf16(kind))
