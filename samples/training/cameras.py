#!/usr/bin/env python3
"""Manifest of the parts in configs/models/cameras.csv: short parts of videos that others put on the net, labelled by eye.

    python cameras.py --clones ~/clones --videos ~/cameras --leave-out urfall --out cameras-manifest.csv

cameras.csv has a row a part: part (near, far, late, the same with 2 and 3, late4), set, repository (OWNER/NAME of GitHub), commit, path, label, start, end (seconds), falls
(none: the whole video shows no fall; hard: people who go down on purpose; else empty). The videos stay where they are published; this takes them
out of clones of the repositories, CLONES/OWNER/NAME, and says which are missing and how to get them. Parts labelled `other` show nothing that the
vocabulary names; they are left out unless --other asks for them (`mone eval` counts false events in them), and --deny-falls makes `!fall` of those
in which nobody falls, --between also of what lies between the parts of such videos. The default has learned from --leave-out urfall --deny-falls:
all parts but late3 and late4, which judge it.
"""
import argparse
import csv
import subprocess
from pathlib import Path

CAMERAS = Path(__file__).resolve().parents[2] / "configs" / "models" / "cameras.csv"
TAUGHT = "near,far,near2,far2,near3,far3,late,late2"
COLUMNS = ["path", "label", "dataset", "start", "end"]
HALVES = {"urfall"}  # sets that show depth beside the picture: its right half is the picture


def read_parts(table: Path, parts: set[str], leave_out: set[str], other: bool, deny_falls: bool) -> list[dict]:
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    known = {row["part"] for row in rows}
    if not parts <= known:
        raise SystemExit(f"{table}: no part {', '.join(sorted(parts - known))}; there are {', '.join(sorted(known))}")
    rows = [row for row in rows if row["part"] in parts and row["set"] not in leave_out]
    for row in rows:
        if deny_falls and row["label"] == "other" and row["falls"]:
            row["label"] = "!fall"
    return [row for row in rows if other or row["label"] != "other"]


def take_out(clone: Path, commit: str, path: str, to: Path) -> bool:
    """Writes a file of a commit; False if the clone does not have it."""
    if to.exists():
        return True
    shown = subprocess.run(["git", "-C", clone, "show", f"{commit}:{path}"], capture_output=True)
    if shown.returncode:
        return False
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_suffix(".part")  # if killed here, it is taken out again the next time
    part.write_bytes(shown.stdout)
    part.rename(to)
    return True


def right_half(video: Path) -> Path:
    half = video.with_suffix(".right.mkv")
    if not half.exists():
        crop = ["-vf", "crop=iw/2:ih:iw/2:0", "-an", "-c:v", "ffv1", "-f", "matroska"]
        part = half.with_suffix(".part")
        subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", video, *crop, part], check=True)
        part.rename(half)
    return half


def between(rows: list[dict], cache: Path | None) -> list[dict]:
    """What lies between the parts of videos that show no fall, as !fall. rows: of all their parts."""
    import footage as real  # needs NumPy, which the rest here does without

    parts = [real.Clip(row["path"], row["label"], start=float(row["start"] or 0), end=float(row["end"] or "inf"), dataset=row["dataset"])
             for row in rows if row["falls"]]  # fmt: skip
    return [{"path": gap.path, "label": "!fall", "dataset": gap.dataset, "start": f"{gap.start:g}", "end": f"{gap.end:g}"}
            for gap in real.gaps(parts, "!fall", cache or real.default_cache())]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True, help="clones of the repositories, CLONES/OWNER/NAME")
    parser.add_argument("--videos", type=Path, required=True, help="folder for the videos taken out of them")
    parser.add_argument("--out", type=Path, required=True, help="the manifest, for train.py --data and mone eval")
    parser.add_argument("--parts", default=TAUGHT, help="default: all that the default model has learned from, %(default)s")
    parser.add_argument("--leave-out", default="", help="sets, such as urfall")
    parser.add_argument("--other", action="store_true", help="with the parts that no label of the vocabulary fits")
    parser.add_argument("--deny-falls", action="store_true", help="those of them in which nobody falls as !fall, for train.py")
    parser.add_argument("--between", action="store_true", help="with --deny-falls; and what lies between the parts of videos that show no fall")
    parser.add_argument("--cache", type=Path, help="decoded videos, for --between; default: the trainer's")
    parser.add_argument("--table", type=Path, default=CAMERAS, help="default: configs/models/cameras.csv")
    args = parser.parse_args()

    rows = read_parts(args.table, set(args.parts.split(",")), set(filter(None, args.leave_out.split(","))), args.other,
                      args.deny_falls or args.between)  # fmt: skip
    unfetched, absent, written = {}, set(), []
    for row in rows:
        clone, video = args.clones / row["repository"], args.videos.resolve() / row["repository"] / row["path"]
        if not video.exists() and not clone.is_dir():
            unfetched[row["repository"]] = clone
        elif not take_out(clone, row["commit"], row["path"], video):
            absent.add(f"{row['repository']} {row['commit']} {row['path']}")
        else:
            video = right_half(video) if row["set"] in HALVES else video
            written.append(row | {"path": video, "dataset": row["set"]})
    gaps = between(written, args.cache) if args.between else []
    with open(args.out, "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        table.writeheader()
        table.writerows(written + gaps)
    print(f"{args.out}: {len(written)} of {len(rows)} parts" + f", and {len(gaps)} between them" * args.between)
    for name, clone in sorted(unfetched.items()):
        print(f"missing: git clone https://github.com/{name} {clone}")
    for file in sorted(absent):
        print(f"not in its clone: {file}")
    if unfetched or absent:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
