#!/usr/bin/env python3
"""Trains on a few made-up clips and rendered people, stops, goes on to the same numbers, makes a plain model nested, and
asks `mone model verify` about the files. Exit 77 = skipped.

    training_smoke.py LIBMONE_ACTORS LIBMONE MONE
"""
import argparse
import copy
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

TRAINING = Path(__file__).resolve().parents[2] / "samples" / "training"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "data"


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


def check_device(model: Path, out: Path) -> None:
    """Every tensor of a step is where the model is. Pretended CUDA tensors have a place and a shape and no values, so this needs no GPU."""
    import numpy as np
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    import train
    from actors import Actors
    from clips import Batch, rendered
    from cutter import Cutter
    from run import Run

    sys.argv = ["train.py", "--init", str(model), "--out", str(out), "--steps", "9", "--nested", "0.5", "--device", "cpu"]
    run = Run(train.parse_arguments(), None)
    batch = rendered(Actors(), Cutter(run.config), run.config, np.random.default_rng(1), 5, 4, 1.0)
    mode, run.device = FakeTensorMode(), torch.device("cuda")
    with mode:
        for module in [*run.model.modules(), *run.helpers.modules()]:
            for name, value in module._parameters.items():
                module._parameters[name] = torch.nn.Parameter(torch.empty(value.shape, device="cuda"))
        run.scale, run.shift = torch.empty(run.scale.shape, device="cuda"), torch.empty(run.shift.shape, device="cuda")
        batch = Batch(*(mode.from_tensor(getattr(batch, name)) for name in Batch.__dataclass_fields__)).to(run.device)
        for logits, extra in [run.nested_step(batch), *(run.routed_step(batch, share) for share in (0.0, 0.3, 0.6, 0.9))]:
            assert logits.device.type == extra.device.type == "cuda"
        run.model.forward_tokens(run.pixels(batch.tubelets), 0.5)


def check_order(model) -> None:
    """Tokens are given with their places, so their order says nothing; and a window is the same in a stream and by itself."""
    import torch

    import evaluate

    torch.manual_seed(1)
    cut = torch.randn(2, model.nt, model.ns, model.embed.tubelet.weight[0].numel())
    places = torch.rand(cut.shape[:3]).argsort(-1)
    shuffled = cut.gather(2, places[..., None].expand_as(cut))
    with torch.no_grad():
        straight, other = model.forward_tokens(cut)[0], model.forward_tokens(shuffled, chosen=places)[0]
        assert torch.allclose(straight, other, atol=1e-4), (straight - other).abs().max()
        tubelets = torch.randint(256, (model.nt + 2, *cut.shape[2:]), dtype=torch.uint8)
        seen = evaluate.windows(model, tubelets, 0.5)
        alone = torch.cat([evaluate.predict(model, tubelets[None, k : k + model.nt], 0.5) for k in range(3)])
        assert torch.allclose(seen, alone, atol=0.02 * alone.abs().max().item()), (seen - alone).abs().max()


def check_router_start(model: Path, out: Path) -> None:
    """What a token is worth is ranked among those that share its budget, a tubelet's or a clip's; the class token is not among them."""
    import numpy as np
    import torch

    import train
    from actors import ABSENT, JOINTS, PERSONS
    from clips import Batch
    from run import Run

    sys.argv = ["train.py", "--init", str(model), "--out", str(out), "--steps", "9", "--nested", "0.5", "--device", "cpu"]
    run = Run(train.parse_arguments(), None)
    model, frames = run.model, run.config["frames"]
    tubelets = torch.randint(256, (2, model.nt, model.ns, 3 * int(np.prod(run.config["tubelet"]))), dtype=torch.uint8)
    motion = torch.rand(tubelets.shape[:3])
    motion[:, 0] *= 0.01  # hardly anything moves at first
    batch = Batch(tubelets, torch.zeros(2).long(), torch.full((2, frames, PERSONS, JOINTS, 2), ABSENT), motion)
    most = run.importance(batch).view_as(motion)[:, 0].max()
    assert (most == 1) if model.is_fe else (most < 0.1), most
    before = model.mone.router.weight.clone()
    run.start_router([batch])
    assert not torch.equal(before, model.mone.router.weight)


def check_wide_router() -> None:
    """The router's start finds what can be found in wide rows, too."""
    import math

    import torch
    from helpers import fit_router

    torch.manual_seed(1)
    rows = torch.nn.functional.layer_norm(torch.randn(1, 1, 768) + torch.randn(8, 64, 768), (768,))
    loss = fit_router(torch.nn.Linear(768, 4), rows, rows[..., 0])
    assert loss < 0.8 * math.log(4), f"{loss}; chance is {math.log(4)}"


def check_muon() -> None:
    """In f32 it walks where PyTorch's walks in bf16, and one goes on from the other's state."""
    import torch

    if not hasattr(torch.optim, "Muon"):
        return
    from muon import MuonF32

    torch.manual_seed(1)
    start = [torch.randn(shape) for shape in ((16, 48), (48, 16), (32, 32))]
    theirs, ours = ([torch.nn.Parameter(w.clone()) for w in start] for _ in range(2))
    optimizers = [kind(weights, lr=0.01, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw")
                  for kind, weights in ((torch.optim.Muon, theirs), (MuonF32, ours))]  # fmt: skip
    for turn in range(6):
        if turn == 3:
            optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
        for a, b in zip(theirs, ours):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for a, b, w in zip(theirs, ours, start):
        apart = ((a - b).norm() / (a - w).norm()).item()
        assert 0 < apart < 0.03, apart


def check_precision(here: Path) -> None:
    """bf16 where the processor has instructions for it, and only there."""
    import torch
    from precision import autocast, has_bf16

    for flags, wanted in (("flags\t: fpu avx2 avx512f amx_bf16", True), ("flags\t: fpu avx2 avx512f", False), ("Features : fp asimd bf16", True),
                          ("model name : bf16\nflags : fpu", False), ("", False)):  # fmt: skip
        (here / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
        has_bf16.cache_clear()
        assert has_bf16("cpu", here / "cpuinfo") == wanted, flags
    has_bf16.cache_clear()
    assert not has_bf16("cpu", here / "no such file")
    with autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == (torch.bfloat16 if has_bf16("cpu") else torch.float32)


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


def check_control() -> None:
    """The control has as many tokens of each expert as the router gives, whatever the format's fields say."""
    import torch
    from evaluate import at_random
    from model_file import load_model

    for name in ("fe_token", "fe_cls_routed", "joint_gap"):
        model = load_model(GOLDEN / f"{name}.safetensors").eval()
        for form in ("prod", "frac"):
            model.config["w_form"] = form
            tubelets = torch.randint(0, 256, (2, model.nt, model.ns, 3 * int(torch.tensor(model.config["tubelet"]).prod())), dtype=torch.uint8)
            sets, rows = model.row_sets(tubelets).shape[:2]
            forced = at_random(model, 0.5, sets, rows, torch.Generator().manual_seed(1))
            with torch.no_grad():
                routing = model.forward_tokens(tubelets.float() / 255, 0.5)[2]
                model.forward_tokens(tubelets.float() / 255, 0.5, forced)
            assert forced.shape == routing.assign.shape, (name, forced.shape, routing.assign.shape)
            assert forced[0].bincount(minlength=model.config["E"]).tolist() == routing.counts, (name, form)


def check_router_precision(model) -> None:
    """The router is f32 also where the rest is bf16 (spec section 7)."""
    import torch

    rows = torch.randn(2, model.routed.pos_embed.shape[0], model.config["D"])
    with torch.no_grad():
        plain = model.route(model.routed, rows, 0.5).probs
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model.route(model.routed, rows, 0.5).probs
    assert mixed.dtype == torch.float32 and torch.equal(plain, mixed), (plain - mixed).abs().max()


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


def check_evaluations_leave_no_trace(model: Path, out: Path) -> None:
    """When an evaluation comes is a matter of the clock; what training draws after it is not."""
    import torch
    import train
    from run import Run

    sys.argv = ["train.py", "--init", str(model), "--out", str(out), "--steps", "9", "--device", "cpu"]
    run = Run(train.parse_arguments(), None)
    state = torch.get_rng_state()
    run.averaged()
    assert torch.equal(state, torch.get_rng_state())


def check_denial() -> None:
    """The loss of a label that is denied: what the model gives to it goes down, however sure it is, and the rest stands in its order."""
    import torch
    from helpers import are_right, label_loss

    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [40.0, 0.0, 0.0]], requires_grad=True)
    shares = logits.softmax(-1)
    shown = torch.nn.functional.cross_entropy(logits[1:2], torch.tensor([1]), label_smoothing=0.05)
    assert torch.allclose(label_loss(logits[:1], torch.tensor([~0])), -torch.log(1 - shares[0, 0]))
    both = label_loss(logits[:2], torch.tensor([~0, 1]))
    assert torch.allclose(both, (-torch.log(1 - shares[0, 0]) + shown) / 2)
    label_loss(logits[2:], torch.tensor([~0])).backward()
    assert logits.grad[2, 0] > 0.99 and logits.grad[2, 1] < 0, logits.grad
    assert are_right(logits, torch.tensor([~0, 1, ~1])).tolist() == [False, True, True]


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


def check_blend(blended: Path, halves: list[Path]) -> None:
    import torch
    from model_file import load_model

    one, other, mean = (load_model(path) for path in (*halves, blended))
    raised = torch.zeros(len(mean.config["labels"]))
    raised[mean.config["labels"].index("wave")] = 0.5
    for name, value in mean.state_dict().items():
        wanted = (one.state_dict()[name] + other.state_dict()[name]) / 2 + (raised if name == "head.bias" else 0)
        assert torch.allclose(value, wanted, rtol=2**-8, atol=1e-6), name
    assert not torch.equal(one.head.weight, other.head.weight), "two models alike show nothing"


def main() -> int:
    for module in ("numpy", "torch", "matplotlib"):
        try:
            __import__(module)
        except ImportError:
            print(f"skipped: needs Python's {module} (samples/training/requirements.txt)")
            return 77
    actors, library, mone = sys.argv[1:4]
    environment = os.environ | {"MONE_ACTORS": actors, "MONE_LIBRARY": library, "MONE": mone, "OMP_NUM_THREADS": "1"}
    sys.path.insert(0, str(TRAINING))
    import torch
    from model_file import load_model, read_tensors, save_model

    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for i in range(3):
            write_clip(here / "clips" / "across" / f"{i}.y4m", True, 7 * i)
            write_clip(here / "clips" / "up_and_down" / f"{i}.y4m", False, 7 * i)

        def train(name: str, *more: str) -> Path:
            out = here / f"{name}.safetensors"
            subprocess.run([sys.executable, TRAINING / "train.py", "--out", out, "--batch", "4", "--held-out", "18",
                            "--cache", here / "cache", *more], env=environment, check=True)  # fmt: skip
            return out

        # Rendered people only, a new model; stopped and gone on with it is the same file as in one go.
        new = ["--depth", "1", "--width", "64", "--steps", "12"]
        train("resumed", *new, "--pause-at", "6")
        curves = here / "resumed.safetensors.run" / "curves.csv"
        curves.write_text(curves.read_text() + "0.1,9,36,9.9,0,0,,\n")  # as if it had come farther before it was killed
        train("resumed", *new, "--pause-at", "10")  # behind the router's start
        resumed, straight = train("resumed", *new), train("straight", *new)
        (one, _), (other, _) = read_tensors(resumed), read_tensors(straight)
        assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one), "another result after a stop"
        written = resumed.stat().st_mtime_ns
        train("resumed", *new)
        assert resumed.stat().st_mtime_ns == written, "trained to its end, and a table is all that is left"
        text = subprocess.run([sys.executable, TRAINING / "train.py", "--out", resumed, "--seed", "2", *new], env=environment,
                              capture_output=True, text=True)  # fmt: skip
        assert text.returncode == 1 and "was trained with other seed" in text.stderr and "Traceback" not in text.stderr, text.stderr
        result = json.loads((here / "straight.safetensors.run" / "evaluation.json").read_text())
        assert [row["budget"] for row in result["rendered, clutter 0.3"]] == [1.0, 0.75, 0.5, 0.4, 0.25, 0.15], result
        assert (here / "straight.safetensors.run" / "curves.csv").read_text().splitlines()[-1].split(",")[1] == "12"
        rows = [[line.split(",")[k] for k in (1, 3, 4)] for line in curves.read_text().splitlines()]
        assert rows == [[line.split(",")[k] for k in (1, 3, 4)] for line in (here / "straight.safetensors.run" / "curves.csv").read_text().splitlines()], rows
        assert (here / "straight.safetensors.run" / "curves.png").stat().st_size > 0

        # Asked to finish: the schedule is walked through to its end in the steps asked for.
        (here / "finished.safetensors.run").mkdir()
        (here / "finished.safetensors.run" / "finish").write_text("4\n")
        train("finished", *new[:4], "--steps", "1000")
        assert (here / "finished.safetensors.run" / "curves.csv").read_text().splitlines()[-1].split(",")[1] == "14"
        assert not (here / "finished.safetensors.run" / "finish").exists()

        # SIGTERM for the whole group, as `timeout` and batch systems send it: what has been learned is saved, and every process ends.
        asked = subprocess.Popen([sys.executable, TRAINING / "train.py", "--out", here / "asked.safetensors", "--batch", "4", *new[:4], "--steps", "100000"],
                                 env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip
        for line in asked.stdout:
            if "  step " in line:
                break
        os.killpg(asked.pid, signal.SIGTERM)
        said = asked.communicate(timeout=120)[0]
        assert asked.returncode == 0 and "the same command goes on from here" in said, said
        assert load_model(here / "asked.safetensors").config["E"] == 4

        # The mean of models, tensor by tensor, with one label's scores raised.
        blend = [sys.executable, TRAINING / "blend.py", "--out", here / "blended.safetensors"]
        models = [here / f"{name}.safetensors" for name in ("straight", "finished", "resumed")]
        subprocess.run([*blend, *models, "--shares", "0.25,0.5,0.25", "--raise", "wave=0.5"], check=True)
        check_blend(here / "blended.safetensors", models[:2])

        subprocess.run([*blend, models[0], "--drop", "punch"], check=True)
        whole, less = load_model(models[0]), load_model(here / "blended.safetensors")
        at = whole.config["labels"].index("punch")
        assert less.config["labels"] == [name for name in whole.config["labels"] if name != "punch"] and less.config["C"] == len(less.head.bias)
        assert torch.allclose(less.head.bias[at:], whole.head.bias[at + 1 :], atol=1e-6)

        # A plain model; and models beside each other on the same rendered clips.
        dense = train("dense", *new[:4], "--steps", "4", "--experts", "1")
        assert load_model(dense).config["E"] == 1
        (row,) = json.loads((here / "dense.safetensors.run" / "evaluation.json").read_text())["rendered, clutter 0.3"]
        text = subprocess.run([sys.executable, TRAINING / "evaluate.py", dense, straight, "--clips", "18", "--budgets", "1,0.25"],
                              env=environment, check=True, capture_output=True, text=True).stdout  # fmt: skip
        assert [line.split()[1:3] for line in text.splitlines()] == [["1", dense.name], ["1", straight.name], ["0.25", straight.name]], text
        assert f" {row['accuracy']:.3f} [" in text.splitlines()[0] and "from the first" in text.splitlines()[1], text

        # Clips by folder, from that model; its labels stay, new ones come behind them.
        own = train("own", "--data", str(here / "clips"), "--init", str(straight), "--steps", "4")
        labels = load_model(own).config["labels"]
        assert labels[0] == "walk" and labels[-2:] == ["across", "up_and_down"], labels

        assert subprocess.run([*blend, straight, own]).returncode, "models of other labels were mixed"

        # A plain model becomes a nested one.
        plain = load_model(own)
        state = {name: value for name, value in plain.state_dict().items() if not name.startswith("mone.")}
        save_model(here / "plain.safetensors", plain.config | {"E": 1}, state)
        nested = train("nested", "--data", str(here / "clips"), "--actors", "0", "--init", str(here / "plain.safetensors"),
                       "--steps", "6", "--hold-out", "0")  # fmt: skip
        assert load_model(nested).config["E"] == 4

        # So does one of another kind of pixels: the tokens that move are found in RGB, too.
        rgb = plain.config | {"E": 1, "planes": "rgb", "input": {"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.5] * 3}}
        save_model(here / "plain_rgb.safetensors", rgb, state)
        nested_rgb = train("nested_rgb", "--data", str(here / "clips"), "--actors", "0", "--init", str(here / "plain_rgb.safetensors"),
                           "--steps", "6")  # fmt: skip
        assert load_model(nested_rgb).config["E"] == 4 and load_model(nested_rgb).config["planes"] == "rgb"

        # So does a Hugging Face folder, whose tokens attend to each other over the whole clip; rendered people beside the videos.
        nested_joint = train("nested_joint", "--data", str(here / "clips"), "--init", str(GOLDEN / "hf_joint_v5"), "--steps", "6")
        config = load_model(nested_joint).config
        assert (config["variant"], config["E"], config["labels"][-1]) == ("joint", 4, "up_and_down"), config
        text = subprocess.run([sys.executable, TRAINING / "train.py", "--init", here, "--out", here / "none.safetensors"], env=environment,
                              capture_output=True, text=True)  # fmt: skip
        assert text.returncode == 1 and "config.json" in text.stderr and "Traceback" not in text.stderr, text.stderr

        # Labels of one's own and no model to start from: with rendered people beside them the renderer's labels come first.
        mixed = train("mixed", "--data", str(here / "clips"), *new[:4], "--steps", "2")
        assert load_model(mixed).config["labels"] == labels, load_model(mixed).config["labels"]
        alone = train("alone", "--data", str(here / "clips"), "--actors", "0", *new[:4], "--steps", "2")
        assert load_model(alone).config["labels"] == ["across", "up_and_down"]
        # None of its labels can be rendered: it goes on with the videos.
        again = train("again", "--data", str(here / "clips"), "--init", str(alone), "--steps", "2")
        assert load_model(again).config["labels"] == ["across", "up_and_down"]

        # A label that is denied is none that the model gets, and must be one that it has or another clip shows.
        rows = [f"{kind}/{i}.y4m,{label}" for i in range(3) for kind, label in (("across", "across"), ("up_and_down", "!across"))]
        (here / "clips" / "denied.csv").write_text("\n".join(["path,label", *rows]) + "\n")
        denied = train("denied", "--data", str(here / "clips" / "denied.csv"), "--actors", "0", "--init", str(alone), "--steps", "4")
        assert load_model(denied).config["labels"] == ["across", "up_and_down"]
        (here / "clips" / "denied.csv").write_text("path,label\nacross/0.y4m,across\nacross/1.y4m,!acros\n")
        text = subprocess.run([sys.executable, TRAINING / "train.py", "--data", here / "clips" / "denied.csv", "--init", alone, "--actors", "0",
                               "--out", here / "none.safetensors"], env=environment, capture_output=True, text=True)  # fmt: skip
        assert text.returncode == 1 and "!acros: what is denied must be a label" in text.stderr, text.stderr
        for often, said in (("acros=2", "--often acros: no clip to train on is of it; there are across, up_and_down"), ("across=-1", "above 0")):
            text = subprocess.run([sys.executable, TRAINING / "train.py", "--data", here / "clips", "--init", alone, "--actors", "0",
                                   "--often", often, "--out", here / "none.safetensors"], env=environment, capture_output=True, text=True)  # fmt: skip
            assert text.returncode and said in text.stderr, text.stderr

        # Scripts ask for what the renderer has, and count labels by the model's numbers.
        few = load_model(own)
        kept = [len(labels) - 1, labels.index("wave")]
        state = {name: value[kept] if name.startswith("head.") else value for name, value in few.state_dict().items()}
        save_model(here / "few.safetensors", few.config | {"labels": [labels[k] for k in kept], "C": 2}, state)
        subprocess.run([sys.executable, TRAINING / "evaluate_scripts.py", here / "few.safetensors", "--scripts", "1",
                        "--clutter", "0", "--budgets", "1", "--json", here / "scripts.json"], env=environment, check=True)  # fmt: skip
        (row,) = json.loads((here / "scripts.json").read_text())[0]["rows"]
        assert list(row["by_label"]) == ["wave"] and row["by_label"]["wave"] == round(row["accuracy"], 3), row
        # The elements see and say the same; with a crop round the person it is another picture, but as many answers.
        if "GST_PLUGIN_PATH" in os.environ:
            for crop in (load_model(here / "few.safetensors").config["crop"], "region"):
                subprocess.run([sys.executable, TRAINING / "evaluate_scripts.py", here / "few.safetensors", "--scripts", "1", "--clutter", "0",
                                "--budgets", "1", "--crop", crop, "--json", here / "scripts.json"], env=environment, check=True)  # fmt: skip
                (live,) = json.loads((here / "scripts.json").read_text())[0]["rows"]
                assert abs(live["predictions"] - row["predictions"]) <= 2, (crop, live, row)
                assert crop == "region" or abs(live["accuracy"] - row["accuracy"]) < 0.06, (live, row)

        os.environ |= environment
        check_footage(load_model(own))
        check_parts(load_model(own), own, here)
        check_held_out(here)
        check_manifests(here)
        check_moments(load_model(own), here)
        check_control()
        check_router_precision(load_model(own))
        check_left_to_right()
        check_unknown_joints()
        check_evaluations_leave_no_trace(own, here / "trace.safetensors")
        check_denial()
        check_precision(here)
        check_muon()
        check_wide_router()
        check_motion(load_model(own).config)
        for model in (own, nested_joint, GOLDEN / "joint_gap.safetensors", GOLDEN / "fe_cls_routed.safetensors"):
            check_order(load_model(model))
        for model in (straight, nested_joint, GOLDEN / "fe_cls_routed.safetensors", GOLDEN / "joint_gap.safetensors"):
            check_device(model, here / "pretended.safetensors")
            check_router_start(model, here / "pretended.safetensors")
        for model in (straight, dense, own, nested, nested_rgb, nested_joint, mixed, alone, again):
            subprocess.run([mone, "model", "verify", model], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
