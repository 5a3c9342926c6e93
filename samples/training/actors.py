"""The procedural actors (`elements/actors/mone_actors.h`) through ctypes: labelled clips and live scenes."""
import ctypes as ct
import os
from pathlib import Path

import numpy as np

JOINTS, PERSONS, ABSENT = 13, 2, -9.0
UNKNOWN = -99.0  # of all joints of a clip nobody knows where they are: far outside, too, but no proof that nobody is there
GRAY8 = 3


class ClipOptions(ct.Structure):
    _fields_ = [
        ("struct_size", ct.c_uint32), ("width", ct.c_int32), ("height", ct.c_int32), ("frames", ct.c_int32),
        ("fps", ct.c_float), ("clutter", ct.c_float), ("difficulty", ct.c_float), ("live_share", ct.c_float),
        ("rgb", ct.c_int32), ("letterbox", ct.c_int32), ("threads", ct.c_int32), ("history", ct.c_int32),
        ("crossing_share", ct.c_float),
    ]  # fmt: skip


class SceneOptions(ct.Structure):
    _fields_ = [
        ("struct_size", ct.c_uint32), ("script", ct.c_char_p), ("seed", ct.c_uint64), ("width", ct.c_int32),
        ("height", ct.c_int32), ("pixel_aspect", ct.c_float), ("clutter", ct.c_float), ("format", ct.c_int),
        ("bt709", ct.c_int32),
    ]  # fmt: skip


class Truth(ct.Structure):
    _fields_ = [
        ("label", ct.c_int32), ("in_transition", ct.c_int32), ("phase", ct.c_float), ("persons", ct.c_int32),
        ("x", ct.c_float), ("y", ct.c_float), ("width", ct.c_float), ("height", ct.c_float), ("entry", ct.c_int32),
    ]  # fmt: skip


def find_library() -> str:
    """$MONE_ACTORS, else the newest `libmone-actors.so` in a build folder of this tree, else the system's."""
    if "MONE_ACTORS" in os.environ:
        return os.environ["MONE_ACTORS"]
    root = Path(__file__).resolve().parents[2]
    built = sorted(root.glob("build*/elements/**/libmone-actors.so"), key=lambda p: p.stat().st_mtime)
    return str(built[-1]) if built else "libmone-actors.so"


def open_library(path: str | None = None):
    lib = ct.CDLL(path or find_library())
    lib.mone_actors_label.restype = ct.c_char_p
    lib.mone_actors_error.restype = ct.c_char_p
    lib.mone_actors_scene_new.restype = ct.c_void_p
    lib.mone_actors_scene_new.argtypes = [ct.POINTER(SceneOptions)]
    lib.mone_actors_scene_free.argtypes = [ct.c_void_p]
    lib.mone_actors_scene_duration.argtypes = [ct.c_void_p]
    lib.mone_actors_scene_duration.restype = ct.c_double
    lib.mone_actors_scene_render.argtypes = [ct.c_void_p, ct.c_double, ct.POINTER(ct.c_void_p), ct.POINTER(ct.c_int32)]
    lib.mone_actors_scene_render.restype = None
    lib.mone_actors_scene_truth.argtypes = [ct.c_void_p, ct.c_double, ct.POINTER(Truth)]
    lib.mone_actors_scene_truth.restype = None
    lib.mone_actors_render_clips.argtypes = [
        ct.c_uint64, ct.c_int, ct.c_void_p, ct.POINTER(ClipOptions), ct.c_void_p, ct.c_void_p, ct.c_void_p, ct.c_void_p,
    ]  # fmt: skip
    return lib


class Actors:
    """Renders labelled clips."""

    def __init__(self, path: str | None = None):
        self.lib = open_library(path)
        self.labels = [self.lib.mone_actors_label(i).decode() for i in range(self.lib.mone_actors_label_count())]

    def clips(self, seed: int, labels: np.ndarray, **options):
        """labels: int [n], -1 = drawn. options: fields of ClipOptions.

        Returns luma u8 [n, history + frames, height, width] (with rgb=1 one more axis of 3), joints f32 [n, history + frames, 2, 13, 2],
        labels i32 [n] and the span of the action f32 [n, 2].
        """
        o = ClipOptions()
        self.lib.mone_actors_clip_options_init(ct.byref(o))
        for name, value in options.items():
            setattr(o, name, value)
        labels = np.ascontiguousarray(labels, np.int32)
        n = len(labels)
        frames = o.history + o.frames
        pixels = np.empty((n, frames, o.height, o.width) + ((3,) if o.rgb else ()), np.uint8)
        joints = np.empty((n, frames, PERSONS, JOINTS, 2), np.float32)
        drawn, span = np.empty(n, np.int32), np.empty((n, 2), np.float32)
        if self.lib.mone_actors_render_clips(seed, n, labels.ctypes.data, ct.byref(o), pixels.ctypes.data,
                                             joints.ctypes.data, drawn.ctypes.data, span.ctypes.data):  # fmt: skip
            raise ValueError(self.lib.mone_actors_error().decode())
        return pixels, joints, drawn, span


class Scene:
    """A person who performs a script: what `actiontestsrc` shows. One scene per thread."""

    def __init__(self, lib, script: str, seed: int, width: int, height: int, clutter: float):
        o = SceneOptions()
        lib.mone_actors_scene_options_init(ct.byref(o))
        o.script, o.seed, o.width, o.height, o.clutter, o.format = script.encode(), seed, width, height, clutter, GRAY8
        self.lib, self.size = lib, (height, width)
        self.handle = lib.mone_actors_scene_new(ct.byref(o))
        if not self.handle:
            raise ValueError(lib.mone_actors_error().decode())

    def __del__(self):
        if getattr(self, "handle", None):
            self.lib.mone_actors_scene_free(self.handle)

    def duration(self) -> float:
        return self.lib.mone_actors_scene_duration(self.handle)

    def luma(self, time: float) -> np.ndarray:
        """u8 [height, width], full range."""
        picture = np.empty(self.size, np.uint8)
        planes, strides = (ct.c_void_p * 3)(picture.ctypes.data), (ct.c_int32 * 3)(self.size[1])
        self.lib.mone_actors_scene_render(self.handle, time, planes, strides)
        return picture

    def truth(self, time: float) -> Truth:
        t = Truth()
        self.lib.mone_actors_scene_truth(self.handle, time, ct.byref(t))
        return t
