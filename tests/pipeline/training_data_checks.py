"""What the trainer reads and makes clips of, checked piece by piece; called by training_smoke.py."""
import argparse
import json
import os
import subprocess
from pathlib import Path


def write_clip(path: Path, across: bool, shift: int, frames: int = 30) -> None:
    """Two seconds of a square that goes across or up and down."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"YUV4MPEG2 W64 H48 F15:1 Ip A1:1 Cmono\n")
        for i in range(frames):
            frame = np.full((48, 64), 60, np.uint8)
            at = 4 + abs((2 * i + shift) % 60 - 30)
            frame[(slice(20, 30), slice(at, at + 10)) if across else (slice(at, at + 10), slice(26, 36))] = 220
            file.write(b"FRAME\n" + frame.tobytes())


def check_footage(model) -> None:
    """Clips that are awkward: too short, with gaps, shown in part."""
    import numpy as np

    import footage
    from actors import UNKNOWN, Actors
    from clips import make_batch
    from cutter import Cutter
    from mix import Footage, mirrored_label

    cutter, frames = Cutter(model.config), np.full((12, 48, 64), 90, np.uint8)
    clip = footage.Clip(Path("short"), "walk", pixels=frames[:1], times=np.zeros(1), fps=15.0)
    assert footage.answer(footage.windows_of(model, footage.tubelets_of(cutter, clip)), model.config["labels"]) is None
    # A manifest of nothing but such clips says so instead of drawing for ever.
    try:
        Footage([clip], model.config).batch(np.random.default_rng(1), 2)
    except ValueError as error:
        assert "too short" in str(error), error
    else:
        raise AssertionError("a window was made of one frame")
    # In a mirror left is right; where nobody taught the other side, a clip is not mirrored.
    clip = footage.Clip(Path("long"), "swipe_left", pixels=np.repeat(frames, 3, 0), times=np.arange(36) / 15, fps=15.0)
    sides = {"swipeLeft": "swipeRight", "swipeRight": "swipeLeft", "turnright": None, "walk": "walk"}
    assert {name: mirrored_label(name, list(sides)) for name in sides} == sides
    for names, shown in ((["swipe_left", "swipe_right"], {0, 1}), (["swipe_left", "walk"], {0}), (["walk", "swipe_left"], {1})):
        drawn = Footage([clip], model.config | {"labels": names, "C": len(names)}).batch(np.random.default_rng(1), 32)[1]
        assert set(drawn.tolist()) == shown, (names, drawn)
        denying = footage.Clip(clip.path, "!swipe_left", pixels=clip.pixels, times=clip.times, fps=clip.fps)
        drawn = Footage([denying], model.config | {"labels": names, "C": len(names)}).batch(np.random.default_rng(1), 32)[1]
        assert set(drawn.tolist()) == {~k for k in shown}, (names, drawn)
    # A label as often as asked for: three times as often as the other, whose clips are as many.
    pair = [footage.Clip(clip.path, label, pixels=clip.pixels, times=clip.times, fps=clip.fps) for label in ("nothing", "!nothing")]
    for often, share in (({}, 0.5), ({"nothing": 3.0}, 0.75), ({"!nothing": 3.0}, 0.25)):
        config = model.config | {"labels": ["walk", "nothing"], "C": 2}
        drawn = Footage(pair, config, often).batch(np.random.default_rng(1), 256)[1]
        assert abs((drawn == 1).mean() - share) < 0.09, (often, (drawn == 1).mean())
    # Every second frame is missing: repeats make nearly as many tubelets as there are frames.
    tubelets, ends, boxes = cutter.video(frames, np.arange(12) * 0.1, 20.0)
    assert len(tubelets) == len(ends) == len(boxes) == 11, (len(tubelets), len(ends))
    # Joints are placed where the whole picture is seen; where its middle is cut out there are none.
    for fit in ("pad", "crop"):
        config = model.config | {"fit": fit, "crop": "full"}
        batch = make_batch(Actors(), Cutter(config), 1, np.array([0]), config["frames"], 4)
        assert bool((batch.joints == UNKNOWN).all()) == (fit == "crop"), fit


def check_parts(model, file: Path, here: Path) -> None:
    """Parts of a longer video are seen as live sees them, and what lies between them can have a label."""
    import numpy as np

    import footage
    import model_file
    import train
    from cutter import Cutter
    from mix import Footage

    write_clip(here / "long.y4m", True, 0, frames=120)  # 8 s
    (here / "parts.csv").write_text("path,label,start,end,subject\nlong.y4m,across,2,4,anna\nlong.y4m,across,6.5,,anna\n")
    parts, cutter = footage.read_manifest(here / "parts.csv"), Cutter(model.config)
    cache, nt = here / "cache", cutter.nt
    whole = footage.decode(footage.Clip(here / "long.y4m", "across"), cache)
    latin = here / os.fsdecode(b"caf\xe9.y4m")  # a name that is no UTF-8
    latin.write_bytes((here / "long.y4m").read_bytes())
    assert np.array_equal(footage.decode(footage.Clip(latin, "across"), cache).pixels, whole.pixels)
    all_tubelets, ends, _ = cutter.video(whole.pixels, whole.times, whole.fps)
    assert len(footage.windows_inside(cutter, ends, 0, 100)) == len(ends) - nt + 1
    part = footage.decode(parts[0], cache)
    assert part.times[0] == 0 and abs(part.times[-1] - 5) < 0.1, "with what comes before and after"
    # The windows in the middle of the part, bit for bit those of the whole video: crop and planes have the same past.
    inside = footage.windows_inside(cutter, ends, part.start, part.end)
    seen = footage.tubelets_of(cutter, part).numpy()
    assert len(seen) == len(inside) + nt - 1, (len(seen), len(inside))
    assert np.array_equal(seen, all_tubelets[inside[0] : inside[-1] + nt])
    # mone eval counts the same windows.
    done = subprocess.run([os.environ["MONE"], "eval", here / "parts.csv", "--model", file, "--budgets", "1", "--controls", "none", "--json"],
                          check=True, capture_output=True, text=True)  # fmt: skip
    (point,) = json.loads(done.stdout)["sets"][0]["points"]
    counted = len(inside) + len(footage.windows_inside(cutter, ends, parts[1].start, parts[1].end))
    assert point["windows"]["of"] == counted, (point["windows"], counted)
    for window in Footage([part], model.config | {"labels": ["across"], "C": 1}).windows(np.random.default_rng(1))[0]:
        assert window.shape == seen[:nt].shape
    found = footage.gaps(parts, "nothing", cache)
    assert [(g.start, g.end, g.label, g.subject) for g in found] == [(0, 2, "nothing", "anna"), (4, 6.5, "nothing", "anna")], found
    assert footage.gaps([footage.Clip(here / "long.y4m", "across")], "nothing", cache) == [], "a whole clip has no gaps"
    # A video is decoded once, however many of its parts are asked for, and nothing but the result is left behind.
    mone, calls = os.environ["MONE"], here / "calls"
    (here / "mone").write_text(f'#!/bin/sh\necho >> "{calls}"\nexec "{mone}" "$@"\n')
    (here / "mone").chmod(0o755)
    os.environ["MONE"] = str(here / "mone")
    footage.decode_all(parts * 4, here / "another cache")
    assert calls.read_text() == "\n" and len(list((here / "another cache").iterdir())) == 2, calls.read_text()
    # What is between the parts is looked for in the pixels that the model to start from takes.
    model_file.save_model(here / "rgb.safetensors", model.config | {"planes": "rgb"}, model.state_dict())
    a = argparse.Namespace(data=here / "parts.csv", gaps="nothing", init=here / "rgb.safetensors", cache=here / "third cache", leave_out="", hold_out=0)
    footage.decode_all(train.read_footage(a)[0], a.cache, rgb=True)
    os.environ["MONE"] = mone
    assert calls.read_text() == "\n\n", "decoded once for the gaps and once more to train"


def check_held_out(here: Path) -> None:
    from footage import Clip, held_out
    from train import read_footage

    for name in [f"{letter}.mp4" for letter in "abcdx"] + [f"{who}{i}.mp4" for who in ("ann", "ben", "cem") for i in range(3)]:
        (here / name).touch()
    rows = ["a.mp4,walk,Test", "b.mp4,walk,train", "c.mp4,!walk,test ", "d.mp4,!walk,"]
    (here / "split.csv").write_text("\n".join(["path,label,split", *rows]) + "\n")
    a = argparse.Namespace(data=here / "split.csv", gaps=None, leave_out="", hold_out=0.2)
    learned, tested, labels = read_footage(a)
    assert ([c.path.name for c in learned], [c.path.name for c in tested], labels) == (["b.mp4", "d.mp4"], ["a.mp4"], ["walk"])

    clips = [Clip(Path(f"{label}{i}"), label) for label in "ab" for i in range(10)]
    assert [c.path.name for c in held_out(clips, 0.2)] == ["a4", "a9", "b4", "b9"]
    assert held_out(clips, 0) == []
    for share, count in ((0.4, 8), (0.9, 18), (0.1, 2)):
        assert len(held_out(clips, share)) == count, share
    assert held_out([Clip(Path(f"not a {i}"), "!a") for i in range(10)], 0.2) == [], "nothing would be right about them"
    for i, clip in enumerate(clips):
        clip.subject = ["ann", "ben", "cem", "dan", "eva"][i % 5]
    assert {c.subject for c in held_out(clips, 0.2)} == {"ann"}, "whole people, as many as make the share"
    assert {c.subject for c in held_out([*clips, *[Clip(Path(f"more{i}"), "a", "ann") for i in range(20)]], 0.1)} == {"ben"}, "fewest clips first"
    clips.append(Clip(Path("only"), "c", "ben"))
    clips.append(Clip(Path("most"), "a", "ann"))
    assert "c" not in {c.label for c in held_out(clips, 0.2)}, "nobody else shows it"

    # Nobody may learn what a person left out does not do, either.
    rows = [f"{who}{i}.mp4,{label},{who}" for who in ("ann", "ben", "cem") for i, label in enumerate(("a", "b", "!a"))]
    (here / "people.csv").write_text("\ufeffpath,label,subject\n" + "\n".join(rows) + "\n", encoding="utf-8")  # as Excel writes it
    a = argparse.Namespace(data=here / "people.csv", gaps=None, leave_out="", hold_out=0.3)
    learned, tested, _ = read_footage(a)
    assert {c.subject for c in learned} == {"ben", "cem"} and {c.label for c in tested} == {"a", "b"}, (learned, tested)
    for row, said in (("x.mp4,,ann", "label"), ("x.mp4,!,ann", "label"), ("x.mp4", "label"), (",a,ann", "path")):
        (here / "people.csv").write_text("path,label,subject\n" + "\n".join([*rows, row]) + "\n")
        try:
            read_footage(a)
        except SystemExit as error:
            assert f"people.csv: line 11 has no {said}" in str(error), error
        else:
            raise AssertionError(f"{row} was taken")


def check_manifests(here: Path) -> None:
    """What is wrong with a manifest is said with its line, before anything is decoded."""
    import footage
    from train import read_footage

    def refused(call) -> str:
        try:
            call()
        except SystemExit as error:
            return str(error)
        raise AssertionError("was taken")

    for row, says in (("a.mp4,walk,0:01,2", "line 3 has start '0:01'"), ("a.mp4,walk,3,2", "line 3 has start '3'"),
                      ("a.mp4,walk,-1,2", "line 3")):  # fmt: skip
        (here / "bad.csv").write_text(f"path,label,start,end\nb.mp4,walk,,\n{row}\n")
        assert says in refused(lambda: footage.read_manifest(here / "bad.csv")), row
    assert "No such file" in refused(lambda: footage.read_manifest(here / "nowhere.csv"))
    (here / "bad.csv").write_text("path,label\na.mp4,walk\nno.mp4,walk\n")
    assert len(footage.read_manifest(here / "bad.csv")) == 2, "an evaluation may ask for other rows"
    a = argparse.Namespace(data=here / "bad.csv", gaps=None, leave_out="", hold_out=0.2)
    assert "there is no file" in refused(lambda: read_footage(a))
    (here / "bad.csv").write_text("path,label,subject,split\na.mp4,walk,ann,\nb.mp4,wave,ben,\n")
    a = argparse.Namespace(data=here / "bad.csv", gaps=None, leave_out="ann, ben", hold_out=0.2)
    assert "no clip is left to train on" in refused(lambda: read_footage(a))
    a.leave_out = "bob"
    assert "--leave-out bob" in refused(lambda: read_footage(a))
    a.leave_out = ""
    (here / "bad.csv").write_text("path,label,split\na.mp4,walk,testing\n")
    assert "'testing' of a.mp4" in refused(lambda: read_footage(a))
    (here / "clips" / "across" / "._0.y4m").write_text("as macOS leaves it")
    assert all(c.path.name[0] != "." for c in footage.read_manifest(here / "clips"))
    (here / "clips" / "across" / "._0.y4m").unlink()


def check_moments(model, here: Path) -> None:
    """A part of no length is learned from, too: the window about it."""
    import numpy as np

    import footage
    from mix import Footage

    (here / "moments.csv").write_text("path,label,start,end\nlong.y4m,across,3.01,3.01\n")
    (moment,) = footage.decode_all(footage.read_manifest(here / "moments.csv"), here / "cache")
    windows, _ = Footage([moment], model.config | {"labels": ["across"], "C": 1}).windows(np.random.default_rng(1))
    assert len(windows) == 2
    cutter_ends = np.arange(40) * 0.1
    class Cut:
        nt, pt = 8, 2
    (near,) = footage.window_nearest(Cut, cutter_ends, 2.0)
    # From 0.05 s before the first tubelet's last frame to the last one's: 0.325 s from it to the middle.
    assert abs(cutter_ends[near] + 0.325 - 2.0) <= 0.05 + 1e-9, near
    assert len(footage.window_nearest(Cut, cutter_ends[:5], 0.2)) == 0


def check_unknown_joints() -> None:
    """Of a clip of which nobody knows where people are, no patch is taught that nobody is there."""
    import torch
    from actors import ABSENT, JOINTS, PERSONS, UNKNOWN
    from helpers import Helpers

    helpers, patches, chosen = Helpers(16, 2), torch.randn(2 * 3, 4, 16, requires_grad=True), torch.arange(4).expand(6, 4)
    joints = torch.full((2, 6, PERSONS, JOINTS, 2), ABSENT)
    joints[1] = UNKNOWN
    helpers.cell_loss(patches, chosen, joints, (2, 2)).backward()
    assert patches.grad[:3].abs().sum() > 0 and not patches.grad[3:].any()
    assert helpers.cell_loss(patches, chosen, torch.full_like(joints, UNKNOWN), (2, 2)) == 0


def check_left_to_right() -> None:
    """Two persons of whom one comes late are in the order in which both are seen; one alone stays first."""
    import numpy as np
    from clips import left_to_right

    joints = np.full((3, 4, 2, 13, 2), -9, np.float32)
    joints[:, :, 0] = 0.6
    joints[0, 2:, 1] = 0.2  # to the left of the first, once there
    joints[1, 2:, 1] = 0.8
    out = left_to_right(joints.copy())
    assert (out[0, :, 1] == joints[0, :, 0]).all() and (out[0, :, 0] == joints[0, :, 1]).all()
    assert (out[1:] == joints[1:]).all()


def check_motion(config: dict) -> None:
    """The token that changes from picture to picture is the one that moves, whatever the planes; a bright one that stays is not."""
    import numpy as np

    from clips import motion
    from cutter import Cutter

    cutter = Cutter(config | {"planes": "rgb"})
    tubelets = np.full((1, 4, 49, 3, cutter.pt, 256), 40, np.uint8)
    tubelets[:, :, 7] = 255
    tubelets[:, 1::2, 20] = 90  # from one tubelet to the next
    tubelets[:, :, 30, :, 1] = 90  # inside of one
    moved = motion(tubelets.reshape(1, 4, 49, -1), cutter)[0]
    assert (moved[:, 7] == 0).all() and (moved[1:, 20] > 0).all() and (moved[:, 30] > 0).all(), moved
