"""What the trainer reads and makes clips of, checked piece by piece; called by training_smoke.py."""
import argparse
import contextlib
import io
import json
import os
import subprocess
import time
import unicodedata
from pathlib import Path


def refused(call) -> str:
    """What the program says as it ends."""
    try:
        call()
    except SystemExit as error:
        return str(error)
    raise AssertionError("was taken")


def write_clip(path: Path, across: bool, shift: int, frames: int = 30, rate: int = 15) -> None:
    """Two seconds of a square that goes across or up and down."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W64 H48 F{rate}:1 Ip A1:1 Cmono\n".encode())
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


def check_cut_in_passing(config: dict) -> None:
    """A square that crosses the picture is cut where it passes: it leaves, or comes in. It does not fall or stand up then, and nothing stays nothing."""
    import numpy as np

    import footage
    from mix import LEAVING, Footage, cut_in_passing

    frames, rng = np.full((40, 96, 160), 90, np.uint8), np.random.default_rng(4)
    for i, frame in enumerate(frames):
        frame[40:60, 4 * i : 4 * i + 12] = 250
    crossing = at_edge = 0
    for _ in range(40):
        part = cut_in_passing(frames, 20, rng)
        seen = (part > 200).any((1, 2))
        crossing += seen.any() and not seen[[0, -1]].all() and seen[18:23].any()
        bright = (part[17:24] > 200).any(0)
        at_edge += bright[:, :8].any() or bright[:, -8:].any() or bright[-8:].any()
        assert min(part.shape[1:]) >= 16 and part.shape[2] < 140, part.shape
    assert crossing >= 36 and at_edge >= 36, (crossing, at_edge)
    assert cut_in_passing(frames[:1], 0, rng).shape[0] == 1
    for shape, row, column in (((213, 320), 212, slice(None)), ((213, 213), slice(None), 212), ((9, 11), 8, 8)):  # what moves is at the last row, or column
        border = np.full((2, *shape), 90, np.uint8)
        border[1, row, column] = 250
        least = [min(cut_in_passing(border, 1, rng).shape[k] for _ in range(200)) for k in (1, 2)]
        assert least >= [min(16, size) for size in shape], (shape, least)
    labels = ["walk", "fall", "nothing", "stand_up"]
    for label, shown in (("walk", {0, ~1, ~3}), ("!fall", {~1}), ("nothing", {2}), ("fall", {1})):
        clip = footage.Clip(Path("across"), label, pixels=frames, times=np.arange(40) / 15, fps=15.0)
        drawn = Footage([clip], config | {"labels": labels, "C": 4}).batch(rng, 300)[1]
        assert set(drawn.tolist()) == shown, (label, drawn)
        assert label != "walk" or abs((drawn < 0).mean() - LEAVING) < 0.1, drawn
    clip = footage.Clip(Path("across"), "walk", pixels=frames, times=np.arange(40) / 15, fps=15.0)
    assert set(Footage([clip], config | {"labels": ["walk", "run"], "C": 2}).batch(rng, 40)[1].tolist()) == {0}, "there is no fall to deny"


def check_parts(model, file: Path, here: Path) -> None:
    """Parts of a longer video are seen as live sees them, and what lies between them can have a label."""
    import numpy as np

    import footage
    import model_file
    import train
    from cutter import Cutter
    from mix import Footage

    write_clip(here / "long.y4m", True, 0, frames=300, rate=25)  # 12 s
    (here / "parts.csv").write_text("path,label,start,end,subject\nlong.y4m,across,5.3,8,anna\nlong.y4m,across,10.5,,anna\n")
    parts, cutter = footage.read_manifest(here / "parts.csv"), Cutter(model.config)
    cache, nt = here / "cache", cutter.nt
    whole = footage.decode(footage.Clip(here / "long.y4m", "across"), cache)
    latin = here / os.fsdecode(b"caf\xe9.y4m")  # a name that is no UTF-8
    latin.write_bytes((here / "long.y4m").read_bytes())
    assert np.array_equal(footage.decode(footage.Clip(latin, "across"), cache).frames(), whole.frames())
    all_tubelets, ends, _ = cutter.video(whole.frames(), whole.times, whole.fps)
    assert len(footage.windows_inside(cutter, ends, 0, 100)) == len(ends) - nt + 1
    part = footage.decode(parts[0], cache)
    # The windows in the middle of the part, bit for bit those of the whole video: sampling, crop and planes have the same past.
    inside = footage.windows_inside(cutter, ends, part.start, part.end)
    seen = footage.tubelets_of(cutter, part).numpy()
    assert len(seen) == len(inside) + nt - 1, (len(seen), len(inside))
    assert np.array_equal(seen, all_tubelets[inside[0] : inside[-1] + nt])
    check_cut_once(cutter, footage.decode_all(parts, cache), seen)
    # A part before the first full window has the last one that is filling, as live; less than a hop and a moment the nearest, alike.
    first = footage.Clip(part.path, "across", end=0.4, pixels=whole.pixels, times=whole.times, fps=whole.fps)
    seen = footage.tubelets_of(cutter, first).numpy()
    assert 0 < len(seen) < nt and np.array_equal(seen, all_tubelets[: len(seen)]), len(seen)
    for end in (7.0, 7.001):
        first.start, first.end = 7.0, end
        assert len(footage.tubelets_of(cutter, first)) == nt, end
    # mone eval counts the same windows.
    done = subprocess.run([os.environ["MONE"], "eval", here / "parts.csv", "--model", file, "--budgets", "1", "--controls", "none", "--json"],
                          check=True, capture_output=True, text=True)  # fmt: skip
    evaluated = json.loads(done.stdout)
    (point,) = evaluated["sets"][0]["points"]
    counted = len(inside) + len(footage.windows_inside(cutter, ends, parts[1].start, parts[1].end))
    assert point["windows"]["of"] == counted, (point["windows"], counted)
    check_scores(model, parts, evaluated)
    for window in Footage([part], model.config | {"labels": ["across"], "C": 1}).windows(np.random.default_rng(1))[0]:
        assert window.shape == all_tubelets[:nt].shape
    found = footage.gaps(parts, "nothing", cache)
    assert [(g.start, g.end, g.label, g.subject) for g in found] == [(0, 5.3, "nothing", "anna"), (8, 10.5, "nothing", "anna")], found
    parts[1].subject = "ben"
    assert {g.subject for g in footage.gaps(parts, "nothing", cache)} == {""}, "whose it is cannot be said"
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
    a = argparse.Namespace(data=here / "parts.csv", gaps="nothing", init=here / "rgb.safetensors", cache=here / "third cache", leave_out="", hold_out=0, labels=None)
    footage.decode_all(train.read_footage(a)[0], a.cache, rgb=True)
    os.environ["MONE"] = mone
    assert calls.read_text() == "\n\n", "decoded once for the gaps and once more to train"


def check_cut_once(cutter, parts: list, seen) -> None:
    """A video is cut once for all its parts, in whichever order they come, and each has what it has by itself."""
    import numpy as np

    import footage

    cuts, video = [], cutter.video
    cutter.video = lambda *given: (cuts.append(1), video(*given))[1]
    other = footage.Clip(Path("other"), "across", pixels=parts[0].frames()[:50], times=parts[0].times[:50], fps=parts[0].fps)
    found = {clip.start: tubelets for clip, tubelets in footage.in_turn(cutter, [parts[0], other, parts[1]])}
    cutter.video = video
    assert len(cuts) == 2 and len(found) == 3, len(cuts)
    assert np.array_equal(found[parts[0].start].numpy(), seen)


def check_scores(model, parts: list, evaluated: dict) -> None:
    """A part has the scores that `mone eval` gives it."""
    import footage
    from cutter import Cutter

    said = {answer["begin"]: answer["called"][0]["score"] for answer in evaluated["answers"]}
    for clip, tubelets in footage.in_turn(Cutter(model.config), parts):
        score = footage.windows_of(model, tubelets).mean(0).softmax(-1).max().item()
        assert abs(score - said[clip.start]) < 0.01, (clip.start, score, said)


def check_many_files(model, here: Path) -> None:
    """More videos than a process may have files open are learned from; a decoded video of which only the half is left is decoded again."""
    import resource

    import footage
    import numpy as np
    from mix import Footage

    clips, times, cache = [], (np.arange(30) / 15).tolist(), here / "many cached"
    cache.mkdir()
    for i in range(100):
        clips.append(footage.Clip(here / f"many{i}.mp4", "nothing"))
        clips[-1].path.write_bytes(b"x")
        array, about = footage.cached(clips[-1].path, cache, False, 320)
        np.save(array, np.full((30, 16, 16), i, np.uint8))
        about.write_text(json.dumps({"fps": 15, "times": times}))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        for clip in footage.decode_all(clips, cache):
            assert clip.frames()[0, 0, 0] == int(clip.path.stem[4:])
        Footage(clips, model.config | {"labels": ["nothing"], "C": 1}).batch(np.random.default_rng(1), 64)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    whole = footage.decode(footage.Clip(here / "long.y4m", "across"), here / "cache")
    whole.pixels.unlink()
    footage.mapped.cache_clear()
    assert len(footage.decode(whole, here / "cache").frames()) == len(whole.times)


def check_merges(model: Path, here: Path) -> None:
    """Labels that become another's are told, and may stay as they are spelt; so does one that the model to start from has."""
    import footage
    from train import merge_labels

    def merged(labels: Path | None, init: Path | None) -> tuple[list[str], str]:
        clips, said = [footage.Clip(here, label) for label in ("sit", "!sit", "pick_up", "walk", "across")], io.StringIO()
        with contextlib.redirect_stdout(said):
            merge_labels(argparse.Namespace(labels=labels, init=init), clips)
        return [clip.label for clip in clips], said.getvalue()

    shown, said = merged(footage.MERGES, None)
    assert shown == ["nothing", "!nothing", "bend", "walk", "across"], shown
    assert "'sit' (2 clips) is taught as 'nothing'" in said and "'pick_up' (1 clip) is taught as 'bend'" in said and "walk" not in said, said
    assert merged(None, None) == (["sit", "!sit", "pick_up", "walk", "across"], "")
    (here / "merges.json").write_text('{"walk": ["across", "sit"]}')  # the model has a label across of its own
    assert merged(here / "merges.json", model)[0] == ["walk", "!walk", "pick_up", "walk", "across"]
    (here / "merges.json").write_text('{"bend": ["across"]}')
    assert merged(here / "merges.json", None)[0][-1] == "bend"
    apart = unicodedata.normalize("NFD", "gr\u00fc\u00dfen")
    (here / "merges.json").write_text(json.dumps({"wave": [apart]}))
    assert footage.read_vocabulary([], here / "merges.json") == {"gr\u00fc\u00dfen": "wave"}
    assert footage.read_vocabulary([apart], here / "merges.json") == {}
    for text, says in (('["walk"]', "is not a JSON file such as"), ('{"wave": "abc"}', "is not a JSON file such as"), ('{"wave": [1]}', "is not a JSON file"),
                       ('{"wave": ["a"], "walk": ["a"]}', "a stands under two labels")):  # fmt: skip
        (here / "merges.json").write_text(text)
        assert says in refused(lambda: merged(here / "merges.json", None)), text


def check_notes(here: Path) -> None:
    """What is to be said of many videos is said once, also where another one cannot be read."""
    import footage
    import numpy as np

    def decoded(clip, cache, rgb, note):
        time.sleep({"broken": 0.1, "slow": 0.3}.get(clip.label, 0))
        if clip.label == "broken":
            raise SystemExit("broken")
        note(f"mone: {clip.path}: {clip.label}")
        clip.pixels, clip.times, clip.fps = here, np.arange(10) / 10, 10.0

    clips = [footage.Clip(here / f"{i}.mp4", label) for i, label in enumerate(["late", "damaged", "damaged", "damaged", "late", "alone"])]
    real, said, broken, late = footage.decode, io.StringIO(), io.StringIO(), io.StringIO()
    footage.decode = decoded
    try:
        with contextlib.redirect_stderr(said):
            footage.decode_all(clips, here, workers=1)
        with contextlib.redirect_stderr(broken), contextlib.suppress(SystemExit):
            footage.decode_all([clips[1], footage.Clip(here / "broken.mp4", "broken")], here, workers=1)
        with contextlib.redirect_stderr(late), contextlib.suppress(SystemExit):
            footage.decode_all([footage.Clip(here / f"{name}.mp4", name) for name in ("broken", "slow")], here, workers=2)
    finally:
        footage.decode = real
    assert said.getvalue().splitlines() == [f"mone: {here}/0.mp4: late (and so of 1 other video)",
                                            f"mone: {here}/1.mp4: damaged (and so of 2 other videos)", f"mone: {here}/5.mp4: alone"], said.getvalue()  # fmt: skip
    assert broken.getvalue() == f"mone: {here}/1.mp4: damaged\n", broken.getvalue()
    assert late.getvalue() == f"mone: {here}/slow.mp4: slow\n", "what is still being decoded when another fails"


def check_excerpts(model) -> None:
    """What is cut of a clip holds full windows, also of a model with long ones, and of a part windows whose middle lies in it."""
    import footage
    import mix
    import numpy as np

    def drawn(config: dict, turns: int, start: float = 0.0, end: float = float("inf")) -> tuple[float, int]:
        """(share of windows that begin with a tubelet twice, how often no window had its middle in the part) of 20 s at 25 frames/s."""
        shape = (500, 24, 32, 3) if config["planes"] == "rgb" else (500, 24, 32)
        clip = footage.Clip(Path("noise"), "nothing", start=start, end=end, times=np.arange(500) / 25, fps=25.0,
                            pixels=np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8))  # fmt: skip
        near, nearest = [], mix.window_nearest
        mix.window_nearest = lambda *given: (near.append(1), nearest(*given))[1]
        source, rng = mix.Footage([clip], config | {"labels": ["nothing"], "C": 1}), np.random.default_rng(1)
        windows = [window for _ in range(turns) for window in source.windows(rng)[0]]
        mix.window_nearest = nearest
        return sum(np.array_equal(w[0], w[1]) for w in windows) / len(windows), len(near)

    long = model.config | {"frames": 32, "planes": "rgb", "crop": "full", "fit": "crop", "image": [32, 32], "resize_short": 36}
    for config, turns in ((model.config, 50), (long, 100), (long | {"rate": {"min": 4.0, "nominal": 4.0, "max": 8.0}}, 100)):
        share, _ = drawn(config, turns)
        assert 0.15 < share < 0.45, (config["frames"], share)
    assert drawn(long, 60, 10, 11)[1] == drawn(long, 60, 4, 14)[1] == drawn(model.config, 20, 10, 11)[1] == 0
    assert drawn(long, 5, 10, 10)[1] == 5, "a moment has the nearest"


def check_nothing_is_drawn_alike() -> None:
    """As often in a small batch as in a large one."""
    import numpy as np
    from clips import NOTHING, drawn_labels

    names, rng = [*"abcdefghi", "nothing"], np.random.default_rng(1)
    for count in (1, 2, 7, 40):
        drawn = np.concatenate([drawn_labels(names, count, rng) for _ in range(8000 // count)])
        assert abs((drawn == 9).mean() - (NOTHING + (1 - NOTHING) / 10)) < 0.02, (count, (drawn == 9).mean())
        assert set(drawn.tolist()) == set(range(10))
    assert (drawn_labels(["a"], 5, rng) == 0).all()


def check_who_walks_away_does_not_fall(config: dict) -> None:
    """Whoever leaves the picture early does anything but fall, whoever comes in late anything but stand up; others walk."""
    import numpy as np
    from actors import Actors
    from clips import make_batch, rendered
    from cutter import Cutter

    actors, cutter = Actors(), Cutter(config)
    walk, fall, rise = (actors.labels.index(name) for name in ("walk", "fall", "stand_up"))
    shown = {share: make_batch(actors, cutter, 3, np.full(72, walk), config["frames"], 4, live_share=0.0, crossing_share=share) for share in (0.0, 1.0)}
    assert set(shown[0.0].labels.tolist()) == {walk}
    assert set(shown[1.0].labels.tolist()) == {walk, ~fall, ~rise}, shown[1.0].labels
    # With the model's own numbers of the labels, and only where it has a fall to deny.
    names = ["fall", "stand_up", "walk"]
    for labels, denies in ((names, True), (names[1:], False)):
        batch = rendered(actors, cutter, config | {"labels": labels, "C": len(labels)}, np.random.default_rng(2), 5, 96, 1.0)
        assert (batch.labels < 0).any() == denies, (labels, batch.labels)
        assert set(batch.labels.tolist()) <= set(range(len(labels))) | ({~0, ~1} if denies else set()), (labels, batch.labels)


def check_held_out(here: Path) -> None:
    from footage import Clip, held_out
    from train import read_footage

    for name in [f"{letter}.mp4" for letter in "abcdx"] + [f"{who}{i}.mp4" for who in ("ann", "ben", "cem") for i in range(3)]:
        (here / name).touch()
    rows = ["a.mp4,walk,Test", "b.mp4,walk,train", "c.mp4,!walk,test ", "d.mp4,!walk,"]
    (here / "split.csv").write_text("\n".join(["path,label,split", *rows]) + "\n")
    a = argparse.Namespace(data=here / "split.csv", gaps=None, leave_out="", hold_out=0.2, labels=None, init=None)
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

    few = [Clip(Path(f"{who}{i}"), "a", who) for who, count in (("ann", 2), ("ben", 40), ("cem", 40)) for i in range(count)]
    assert {c.subject for c in held_out(few, 0.2)} == {"ann"}, "half of the clips are not a fifth"
    assert len(held_out([c for c in few if c.path.name[3:] in ("0", "1")], 0.9)) == 4, "somebody is left to learn from"

    # Parts of one file are on one side, and with them what lies between them; no label is without a clip to learn from.
    parts = [Clip(Path(f"{i}.mp4"), label, start=t, end=t + 1) for i in range(10) for t, label in enumerate(["a", "b", "a"])]
    parts += [Clip(Path("2.mp4"), "!a", start=9, end=10), Clip(Path("4.mp4"), "c", start=9, end=10)]
    out = held_out(parts, 0.2)
    sides = {path: {c in out for c in parts if c.path.name == path} for path in {c.path.name for c in parts}}
    assert all(len(side) == 1 for side in sides.values()) and sides["4.mp4"] == {False}, sides
    assert 0.1 < len(out) / len(parts) < 0.3, out

    # Nobody may learn what a person left out does not do, either.
    rows = [f"{who}{i}.mp4,{label},{who}" for who in ("ann", "ben", "cem") for i, label in enumerate(("a", "b", "!a"))]
    (here / "people.csv").write_text("\ufeffpath,label,subject\n" + "\n".join(rows) + "\n", encoding="utf-8")  # as Excel writes it
    a = argparse.Namespace(data=here / "people.csv", gaps=None, leave_out="", hold_out=0.3, labels=None, init=None)
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


def check_gaps_kept_out(here: Path) -> None:
    """What lies between parts of which one is tested on is not learned from, and clips that nobody taught a name for are said."""
    import train

    (here / "gaps.csv").write_text("path,label,start,end,split\nlong.y4m,walk,2,4,train\nlong.y4m,wave,6,8,test\nclips/across/0.y4m,walk,,,\n")
    a = argparse.Namespace(data=here / "gaps.csv", gaps="nothing", init=None, cache=here / "cache", leave_out="", hold_out=0.2, labels=None)
    learned, tested, labels = train.read_footage(a)
    assert [(c.label, c.start) for c in learned] == [("walk", 2), ("walk", 0)] and labels == ["walk"], learned
    assert [(c.label, c.start) for c in tested] == [("wave", 6), ("nothing", 0), ("nothing", 4), ("nothing", 8)], tested
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert [c.label for c in train.of_taught_labels(tested, ["walk", "nothing"])] == ["nothing"] * 3
    assert "1 test clips are of labels not taught and left out: wave" in said.getvalue(), said.getvalue()
    assert "only label" in refused(lambda: train.check_denied(a, [argparse.Namespace(name="walk", label="!walk", denies=True)], ["walk"]))


def check_manifests(here: Path) -> None:
    """What is wrong with a manifest is said with its line, before anything is decoded."""
    import footage
    import numpy as np
    from train import read_footage

    for row, says in (("a.mp4,walk,0:01,2", "line 3 has start '0:01'"), ("a.mp4,walk,3,2", "line 3 has start '3'"),
                      ("a.mp4,walk,-1,2", "line 3")):  # fmt: skip
        (here / "bad.csv").write_text(f"path,label,start,end\nb.mp4,walk,,\n{row}\n")
        assert says in refused(lambda: footage.read_manifest(here / "bad.csv")), row
    def read(text: str | bytes) -> list[tuple]:
        (here / "bad.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return [(c.path.name, c.label, c.start, c.split) for c in footage.read_manifest(here / "bad.csv")]

    assert "line 2 has 6 cells, the header 4" in refused(lambda: read("path,label,start,end\na.mp4,wave,1,5,2,5\n"))
    assert read("path,label\n,\na.mp4,wave,\n") == [("a.mp4", "wave", 0, "")], "blank cells say nothing"
    (here / "bad.csv").write_text(f"path,label\na.mp4,x\nsub/../a.mp4,x\n{here}/./a.mp4,x\n")
    assert {c.path for c in footage.read_manifest(here / "bad.csv")} == {here / "a.mp4"}, "one video, however its path is spelt"
    (here / "bad.csv").write_text("path,label\nsub/../a.mp4,x\na.mp4,x\n")
    assert {c.path for c in footage.read_manifest(here / "bad.csv")} == {here / "sub/../a.mp4"}, "and opened as it is written: sub may be a link"
    assert read("Path, Label ,START,split\na.mp4, wave ,1,Test\nb.mp4,! wave,,\n") == [("a.mp4", "wave", 1, "test"), ("b.mp4", "!wave", 0, "")]
    for text, says in (("path;label;start\na.mp4;x;1,5\n", "it has path;label;start; columns are parted by commas"), ("file,label\na,b\n", "it has file, label"),
                       ("path,label\na.mp4,gr\xfc\xdfen\n".encode("latin-1"), "is not UTF-8"), ("path,label\na.mp4,x\n".encode("utf-16"), "is not UTF-8"),
                       ("", "it has none"), ("path,label\n", "no rows")):  # fmt: skip
        assert says in refused(lambda: read(text)), text
    assert "No such file" in refused(lambda: footage.read_manifest(here / "nowhere.csv"))
    (here / "bad.csv").write_text("path,label\na.mp4,walk\nno.mp4,walk\n")
    assert len(footage.read_manifest(here / "bad.csv")) == 2, "an evaluation may ask for other rows"
    a = argparse.Namespace(data=here / "bad.csv", gaps=None, leave_out="", hold_out=0.2, labels=None, init=None)
    assert "there is no file" in refused(lambda: read_footage(a))
    (here / "bad.csv").write_text("path,label,subject,split\na.mp4,walk,ann,\nb.mp4,wave,ben,\n")
    a = argparse.Namespace(data=here / "bad.csv", gaps=None, leave_out="ann, ben", hold_out=0.2, labels=None, init=None)
    assert "no clip is left to train on" in refused(lambda: read_footage(a))
    a.leave_out = "bob"
    assert "--leave-out bob" in refused(lambda: read_footage(a))
    a.leave_out = ""
    (here / "bad.csv").write_text("path,label,split\na.mp4,walk,testing\n")
    assert "'testing' of a.mp4" in refused(lambda: read_footage(a))
    (here / "clips" / "across" / "._0.y4m").write_text("as macOS leaves it")
    assert all(c.path.name[0] != "." for c in footage.read_manifest(here / "clips"))
    (here / "clips" / "across" / "._0.y4m").unlink()
    for name in (".thumbs", unicodedata.normalize("NFD", "gr\u00fc\u00dfen")):  # as macOS spells it
        (here / "folders" / name).mkdir(parents=True)
        (here / "folders" / name / "a.mp4").touch()
    assert [c.label for c in footage.read_manifest(here / "folders")] == ["gr\u00fc\u00dfen"]
    # A part in a hole of the times is said.
    times = np.concatenate([np.arange(50) / 25, 60 + np.arange(50) / 25])
    for start, end, empty in ((20, 25, True), (63, 64, True), (1.9, 1.99, False), (30, 61, False)):
        part = footage.Clip(Path("holes.mp4"), "a", start=start, end=end, times=times, fps=25.0)
        assert not empty or "nothing between" in refused(lambda: footage.check_part(part)), start
        empty or footage.check_part(part)


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
