"""The code that live video goes through (`engine/mone_cutter.h`) through ctypes: sampling, crop, planes, cut."""
import ctypes as ct
import json
import os
from pathlib import Path

import numpy as np


def find_library() -> str:
    """$MONE_LIBRARY, else the newest `libmone.so` in a build folder of this tree, else the system's."""
    if "MONE_LIBRARY" in os.environ:
        return os.environ["MONE_LIBRARY"]
    root = Path(__file__).resolve().parents[2]
    built = sorted(root.glob("build*/engine/libmone.so"), key=lambda p: p.stat().st_mtime)
    return str(built[-1]) if built else "libmone.so"


class Cutter:
    """Makes tubelets as a model's config asks for them."""

    def __init__(self, config: dict):
        self.lib = ct.CDLL(find_library())
        self.lib.mone_cutter_new.restype = ct.c_void_p
        self.lib.mone_cutter_new.argtypes = [ct.c_char_p]
        self.lib.mone_cutter_error.restype = ct.c_char_p
        self.lib.mone_cutter_free.argtypes = [ct.c_void_p]
        self.lib.mone_cutter_clips.argtypes = [ct.c_void_p] + 5 * [ct.c_int] + [ct.c_void_p, ct.c_int] + 2 * [ct.c_void_p]
        self.lib.mone_cutter_video.argtypes = [
            ct.c_void_p, ct.c_int, ct.c_int, ct.c_int, ct.c_void_p, ct.c_void_p, ct.c_double, ct.c_int, ct.c_int,
            ct.c_void_p, ct.c_void_p, ct.c_void_p,
        ]  # fmt: skip
        self.handle = self.lib.mone_cutter_new(json.dumps(config).encode())
        if not self.handle:
            raise ValueError(self.lib.mone_cutter_error().decode())
        self.rgb = config["planes"] == "rgb"
        self.pt, ph, pw = config["tubelet"]
        self.nt = config["frames"] // self.pt  # tubelets of a window
        self.slowest = config["rate"]["min"]  # tubelets a second
        # The whole picture inside a square image: what place_in_crop() is made for.
        self.whole_in_square = config["fit"] == "pad" and config["image"][0] == config["image"][1]
        self.tokens = (config["image"][0] // ph) * (config["image"][1] // pw)
        self.pixels = 3 * self.pt * ph * pw

    def __del__(self):
        if getattr(self, "handle", None):
            self.lib.mone_cutter_free(self.handle)

    def clips(self, luma: np.ndarray, history: int, threads: int = 1):
        """luma u8 [n, history + steps, h, w] (with the planes rgb one more axis of 3), every picture one time step.

        Returns tubelets u8 [n, steps / pt, tokens, pixels], channel first, and what each shows, f32 [n, steps / pt, 4]:
        left, top, width, height as shares of the frame fitted to the image.
        """
        luma = np.ascontiguousarray(luma)
        n, total, height, width = luma.shape[:4]
        nt = (total - history) // self.pt
        tubelets = np.empty((n, nt, self.tokens, self.pixels), np.uint8)
        boxes = np.empty((n, nt, 4), np.float32)
        if self.lib.mone_cutter_clips(self.handle, n, total - history, history, height, width, luma.ctypes.data, threads,
                                      tubelets.ctypes.data, boxes.ctypes.data):  # fmt: skip
            raise ValueError(self.lib.mone_cutter_error().decode())
        return tubelets, boxes

    def video(self, luma: np.ndarray, times: np.ndarray, fps: float, stride: int = 0):
        """luma u8 [frames, h, w] or [frames, h, w, 3], times in seconds -> tubelets [n, tokens, pixels], time of each one's last frame [n],
        what each shows [n, 4]; n as live would make of it."""
        luma, times = np.ascontiguousarray(luma), np.ascontiguousarray(times, np.float64)
        frames, height, width = luma.shape[:3]
        most = frames + 1  # a gap can make a tubelet of every frame, by repeats
        tubelets = np.empty((most, self.tokens, self.pixels), np.uint8)
        ends, boxes = np.empty(most), np.empty((most, 4), np.float32)
        n = self.lib.mone_cutter_video(self.handle, frames, height, width, luma.ctypes.data, times.ctypes.data, fps, stride,
                                       most, tubelets.ctypes.data, ends.ctypes.data, boxes.ctypes.data)  # fmt: skip
        if n < 0:
            raise ValueError(self.lib.mone_cutter_error().decode())
        return tubelets[:n], ends[:n], boxes[:n]


def place_in_crop(joints: np.ndarray, boxes: np.ndarray, aspect: float, pt: int) -> np.ndarray:
    """joints f32 [n, frames, ...people, joints, 2], shares of a picture `aspect` times as wide as high, to shares of
    what the tubelet of their frame shows. Only where Cutter.whole_in_square."""
    size = np.array([min(1.0, aspect), min(1.0, 1 / aspect)], np.float32)
    box = np.repeat(boxes, pt, axis=1).reshape(*joints.shape[:2], *(1,) * (joints.ndim - 3), 4)
    fitted = (1 - size) / 2 + joints * size
    return np.where(joints < -5, joints, (fitted - box[..., :2]) / box[..., 2:])
