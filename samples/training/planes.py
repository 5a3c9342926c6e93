"""The planes `luma-motion` and their cut into tubelets, in the integer arithmetic `monetubelet` uses (engine/planes.h)."""
import numpy as np


def luma_motion(luma: np.ndarray, first: int = 0) -> np.ndarray:
    """luma u8 [n, frames, height, width] -> u8 [n, frames - first, height, width, 3].

    Planes: luma; 128 + 2 (y - y[-1]); 128 + (y - y[-4]); both clamped to u8. The `first` frames are history only.
    Where history is missing the oldest frame stands in.
    """
    index = np.arange(first, luma.shape[1])
    y = luma.astype(np.int16)
    now = y[:, index]
    out = np.empty((*now.shape, 3), np.uint8)
    out[..., 0] = now
    out[..., 1] = (128 + 2 * (now - y[:, np.maximum(index - 1, 0)])).clip(0, 255)
    out[..., 2] = (128 + now - y[:, np.maximum(index - 4, 0)]).clip(0, 255)
    return out


def cut(planes: np.ndarray, tubelet=(2, 16, 16)) -> np.ndarray:
    """u8 [n, frames, h, w, 3] -> u8 [n, frames / pt, tokens, 3 * pt * ph * pw], channel first as the embedding wants."""
    (pt, ph, pw), (n, frames, height, width, _) = tubelet, planes.shape
    x = planes.reshape(n, frames // pt, pt, height // ph, ph, width // pw, pw, 3).transpose(0, 1, 3, 5, 7, 2, 4, 6)
    return np.ascontiguousarray(x).reshape(n, frames // pt, (height // ph) * (width // pw), -1)
