#!/usr/bin/env python3
"""samples/training/cameras.py on a repository made here: what it takes out, leaves out, and says of what is missing. Exit 77 = skipped.

    cameras_test.py
"""
import csv
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = "{part},{set},{repository},{commit},{path},{label},{start},{end},{falls}\n"
if not shutil.which("git"):
    print("skipped: needs git")
    sys.exit(77)


def git(clone: Path, *args: str) -> str:
    me = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", clone, *me, *args], check=True, capture_output=True, text=True).stdout.strip()


def run(*args) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, ROOT / "samples" / "training" / "cameras.py", *args], capture_output=True, text=True)


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    clone = folder / "clones" / "somebody" / "videos"
    clone.mkdir(parents=True)
    git(clone, "init", "-q")
    (clone / "a walk.mp4").write_bytes(b"the video of the commit")
    frame = b"".join(bytes([40] * 16 + [200] * 16) for _ in range(16))  # a dark half, a bright one
    (clone / "halves.y4m").write_bytes(b"YUV4MPEG2 W32 H16 F10:1 Ip A1:1 Cmono\n" + (b"FRAME\n" + frame) * 65)
    shutil.copy(clone / "halves.y4m", clone / "a fall.y4m")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "videos")
    commit = git(clone, "rev-parse", "HEAD")[:12]
    (clone / "a walk.mp4").write_bytes(b"another one since")

    mine = {"part": "near", "set": "street", "repository": "somebody/videos", "commit": commit, "path": "a walk.mp4", "start": 1, "end": 2.5, "falls": "none"}
    rows = [
        mine | {"label": "walk"},
        mine | {"label": "other", "start": 3, "end": 4},
        mine | {"label": "run", "set": "closed"},
        mine | {"label": "other", "start": 6, "end": 7, "falls": ""},
        mine | {"label": "fall", "part": "late"},
        mine | {"label": "wave", "repository": "nobody/gone"},
        mine | {"label": "clap", "path": "never.mp4"},
        mine | {"label": "bend", "path": "halves.y4m", "set": "urfall", "part": "far"},
    ]
    table = folder / "table.csv"
    table.write_text("part,set,repository,commit,path,label,start,end,falls\n" + "".join(ROW.format(**row) for row in rows))
    out, videos = folder / "out.csv", folder / "taken"
    common = ["--clones", folder / "clones", "--videos", videos, "--out", out, "--table", table]

    said = run(*common, "--parts", "near", "--leave-out", "closed")
    assert said.returncode == 1, said
    assert f"git clone https://github.com/nobody/gone {folder}/clones/nobody/gone" in said.stdout, said.stdout
    assert f"not in its clone: somebody/videos {commit} never.mp4" in said.stdout, said.stdout
    taken = list(csv.DictReader(open(out, newline="")))
    assert [(row["label"], row["dataset"], row["start"], row["end"]) for row in taken] == [("walk", "street", "1", "2.5")], taken
    assert Path(taken[0]["path"]).read_bytes() == b"the video of the commit"

    said = run(*common, "--parts", "late")
    assert said.returncode == 0 and "1 of 1 parts" in said.stdout, said
    assert [row["label"] for row in csv.DictReader(open(out, newline=""))] == ["fall"]
    assert "3 of 5 parts" in run(*common, "--parts", "near", "--leave-out", "closed", "--other").stdout
    run(*common, "--parts", "near", "--leave-out", "closed", "--deny-falls")
    assert [row["label"] for row in csv.DictReader(open(out, newline=""))] == ["walk", "!fall"], "where somebody falls nothing is denied"
    if "MONE" in os.environ and importlib.util.find_spec("numpy"):  # how long a video is, is read as the trainer reads it
        quiet = [mine | {"label": "walk", "path": "halves.y4m", "start": 2, "end": 3}, mine | {"label": "other", "path": "halves.y4m", "start": 5, "end": 5.5}]
        noisy = [mine | {"label": "fall", "path": "a fall.y4m", "start": 2, "end": 3, "falls": ""}]
        between = folder / "between.csv"
        between.write_text("part,set,repository,commit,path,label,start,end,falls\n" + "".join(ROW.format(**row) for row in quiet + noisy))
        said = run(*common[:-1], between, "--parts", "near", "--between", "--cache", folder / "cache")
        assert said.returncode == 0 and "3 of 3 parts, and 2 between them" in said.stdout, said
        found = [(Path(row["path"]).name, row["label"], float(row["start"]), float(row["end"])) for row in csv.DictReader(open(out, newline=""))]
        assert found[3:] == [("halves.y4m", "!fall", 0, 2), ("halves.y4m", "!fall", 3, 5)], found  # behind 5.5 less than a second and a half is left
    else:
        print("not tested, needs mone and NumPy: what lies between the parts")
    said = run(*common, "--parts", "nowhere")
    assert said.returncode == 1 and "there are far, late, near" in said.stderr, said

    if shutil.which("ffmpeg"):  # depth beside the picture: its right half
        assert run(*common, "--parts", "far").returncode == 0
        (half,) = csv.DictReader(open(out, newline=""))
        decode = ["ffmpeg", "-loglevel", "error", "-i", half["path"], "-f", "rawvideo", "-pix_fmt", "gray", "-"]
        shown = subprocess.run(decode, check=True, capture_output=True).stdout
        assert len(shown) == 65 * 16 * 16 and min(shown) > 150, (len(shown), min(shown))
    else:
        print("not tested, needs ffmpeg: that the right half is taken of pictures beside their depth")

shipped = list(csv.DictReader(open(ROOT / "configs" / "models" / "cameras.csv", newline="")))
assert len(shipped) > 700 and all(float(row["start"] or 0) < float(row["end"] or "inf") for row in shipped)
parts_of = {}
for row in shipped:
    parts_of.setdefault((row["repository"], row["path"]), set()).add(row["part"])
assert all(len(parts) == 1 for parts in parts_of.values()), "a video stands in two parts: what is taught would be asked"
with tempfile.TemporaryDirectory() as folder:
    said = run("--clones", folder, "--videos", folder, "--out", f"{folder}/all.csv")
    missing = {line.split("github.com/")[1].split()[0] for line in (said.stdout + said.stderr).splitlines() if line.startswith("missing: ")}
    taught = {row["repository"] for row in shipped if row["part"] not in ("late3", "late4") and row["label"] != "other"}
    assert missing == taught, missing ^ taught  # by default what the model that ships has learned from, and late3 and late4 are not
print("ok")
