#!/usr/bin/env python3
"""Checks of the method on a model file, with numbers, as Markdown: docs/checks.md is what this printed for a default model, below a few words on it.

  checks.py [--model FILE] [--mone PROGRAM] [--seeds 6] [--seconds 3]

Renders clips of the actors for every label that they can perform (scenes of actiontestsrc, seeds 9001 on; training draws clips of its own), then:
learned against random and shuffled router and against one nested model for every token; other beta and delta at the
same budget; the router's share of the work; and where the router sends the tokens, against the box of the person.
Needs GObject introspection and the plug-in (`meson devenv -C build`); the model's own labels decide what is rendered.
"""
import argparse
import csv
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import gi

    gi.require_version("Gst", "1.0")
    from gi.repository import Gst  # noqa: E402
except (ImportError, ValueError) as error:
    sys.exit(f"this needs GObject introspection for GStreamer (Debian: python3-gi, gir1.2-gstreamer-1.0): {error}")

FIRST_SEED = 9001
WIDTH, HEIGHT, FPS = 320, 240, 30
BUDGETS = [1, 0.75, 0.5, 0.4, 0.25, 0.15]


def run_pipeline(description: str, probe=None, name: str = "") -> bool:
    """To the end. False if it cannot be built or fails. probe(buffer) sees what reaches the sink called `name`."""
    try:
        pipeline = Gst.parse_launch(description)
    except Exception as error:
        sys.exit(f"checks.py: {error}; run inside 'meson devenv -C build'")
    if probe:
        pad = pipeline.get_by_name(name).get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.BUFFER, lambda _, info: probe(info.get_buffer()) or Gst.PadProbeReturn.OK)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    return message.type == Gst.MessageType.EOS


def source(label: str, seed: int, seconds: float) -> str:
    script = f"{label}:{seconds}".replace("\\", "\\\\").replace('"', '\\"')
    return (f"actiontestsrc seed={seed} clutter=0.3 script=\"{script}\" num-buffers={round(seconds * FPS)} "
            f"! video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FPS}/1")  # fmt: skip


def render(folder: Path, labels: list[str], seeds: range, seconds: float) -> list[str]:
    """The labels that could be rendered; writes folder/manifest.csv."""
    rows, done = [], []
    for label in labels:
        for seed in seeds:
            name = f"{label}_{seed}.mkv"
            if not run_pipeline(f"{source(label, seed, seconds)} ! jpegenc quality=92 ! matroskamux ! filesink location=\"{folder}/{name}\""):
                break
            rows.append((name, label, "actors"))
        else:
            done.append(label)
    with open(folder / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "dataset"), *rows])
    return done


def evaluate(mone: str, model: Path, folder: Path, budgets: list[float], controls: str) -> dict:
    command = [mone, "eval", "--json", "--model", model, "--budgets", ",".join(map(str, budgets)), "--controls", controls, folder]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def share(point: dict, key: str = "top1") -> str:
    return f"{point[key]['share']:.3f}" if point[key]["of"] else "-"


def table(header: list[str], rows: list[list[str]]) -> None:
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def router_against_controls(result: dict) -> None:
    points = result["sets"][0]["points"]
    at = {(p["chooser"], p["budget"]): p for p in points}
    n, windows = points[0]["top1"]["of"], points[0]["windows"]["of"]
    print(f"## Learned router against controls\n\nTop-1 of {windows} full windows ({n} clips); beside it that of the clips. Windows "
          f"overlap, so no interval is given for them; a clip share of {share(points[0])} of {n} has "
          f"[{points[0]['top1']['wilson95'][0]:.2f}, {points[0]['top1']['wilson95'][1]:.2f}].\n")  # fmt: skip
    rows = []
    for budget in BUDGETS:
        row = [f"{budget}", f"{at['router', budget]['gmac']:.4f}"]
        for chooser in ("router", "random", "shuffled"):
            p = at.get((chooser, budget))
            row.append(f"{share(p, 'windows')} ({share(p)})" if p else "")
        rows.append(row)
    table(["budget", "GMAC", "router", "random experts", "another tubelet's choice"], rows)
    rows = [[f"{p['budget']:.4g}", f"{p['gmac']:.4f}", f"{share(p, 'windows')} ({share(p)})"] for p in points if p["chooser"] == "uniform"]
    print("One nested model for every token:\n")
    table(["share of the width", "GMAC", "top-1"], rows)


def with_config(model: Path, out: Path, **changes) -> Path:
    """The same weights, other keys of the config."""
    data = model.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["config"] = json.dumps(json.loads(header["__metadata__"]["config"]) | changes)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    out.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    return out


def beta_and_delta(mone: str, model: Path, folder: Path) -> None:
    print("## Beta and delta\n\nTop-1 of windows (clips) with other capacities at the same budget, not trained again. Delta "
          "prefers the larger experts, the more so the smaller beta is. At delta 2 (the paper's) the preferences are proportional to the widths, whose mean "
          "the budget fixes: beta then has no say, and the capacities are those of the largest entropy.\n")  # fmt: skip
    budgets, rows = [0.5, 0.25, 0.15], []
    for beta, delta in ((10, 2), (1, 2), (10, 1), (10, 4), (2, 4), (1, 4)):
        changed = with_config(model, folder / "changed.safetensors", beta=float(beta), delta=float(delta))
        points = {p["budget"]: p for p in evaluate(mone, changed, folder, budgets, "none")["sets"][0]["points"]}
        rows.append([f"{beta}", f"{delta}"] + [f"{share(points[b], 'windows')} ({share(points[b])})" for b in budgets])
    table(["beta", "delta"] + [f"budget {b}" for b in budgets], rows)


def router_share(shown: dict) -> None:
    tokens, width, experts = shown["tokens"], shown["D"], shown["E"]
    router = tokens * width * experts / 1e9
    print(f"## The router's share of the work\n\n{tokens} tokens x {width} x {experts} multiply-adds for a tubelet, {router * 1e6:.0f} thousand: ", end="")
    shares = [f"{100 * router / c['gmac_step']:.2f} % at budget {c['budget']:g}" for c in shown["cost"] if c["budget"] in (1, 0.25, 0.15)]
    print(", ".join(shares) + ".\n")


def grid_of(box: tuple[int, int, int, int], meta) -> set[int]:
    """Tokens whose cell has its middle in a box of the source. The image shows all of what the tubelet was cut from, the
    whole frame or a crop (fit pad)."""
    across, down = meta.get_int("grid-width")[1], meta.get_int("grid-height")[1]
    width, height = meta.get_int("image-width")[1], meta.get_int("image-height")[1]
    shown_x, shown_y, shown_width, shown_height = (meta.get_int(key)[1] for key in ("x", "y", "width", "height"))
    scale = min(width / shown_width, height / shown_height)
    left, top = (width - shown_width * scale) / 2 - shown_x * scale, (height - shown_height * scale) / 2 - shown_y * scale
    x, y, w, h = box
    inside = set()
    for token in range(across * down):
        cx = ((token % across + 0.5) * width / across - left) / scale
        cy = ((token // across + 0.5) * height / down - top) / scale
        if x <= cx <= x + w and y <= cy <= y + h:
            inside.add(token)
    return inside


def where_tokens_go(model: Path, labels: list[str], seeds: range, seconds: float, experts: int) -> None:
    rows = []
    for budget in (0.5, 0.25, 0.15):
        inside, elsewhere, tokens, cells, frames = [0] * experts, [0] * experts, [0] * experts, [0, 0], 0
        past, present = [], []  # choices of earlier clips, of this one

        def look(buffer) -> None:
            nonlocal frames
            truth, action = buffer.get_custom_meta("GstMoneTruthMeta"), buffer.get_custom_meta("GstMoneActionMeta")
            if not truth or not action:
                return
            t, a = truth.get_structure(), action.get_structure()
            if not a.get_boolean("fresh")[1] or a.get_boolean("warming")[1] or not t.get_int("width")[1]:
                return
            box = grid_of(tuple(t.get_int(key)[1] for key in ("x", "y", "width", "height")), a)
            frames += 1
            choice = a.get_value("experts").get_data()
            other = past[7919 * frames % len(past)] if past else choice
            present.append(choice)
            for token, expert in enumerate(choice):
                tokens[expert] += 1
                inside[expert] += token in box
                elsewhere[other[token]] += token in box
                cells[0] += token in box
                cells[1] += 1

        for label in labels:
            for seed in seeds:
                run_pipeline(f"{source(label, seed, seconds)} ! moneclassify wait=always budget={budget} model=\"{model}\" ! fakesink name=end", look, "end")
                past += present
                present.clear()
        rows.append([f"{budget}", f"{frames}", f"{cells[0] / max(cells[1], 1):.2f}"]
                    + [f"{inside[j] / tokens[j]:.2f}, {elsewhere[j] / tokens[j]:.2f} ({tokens[j] / sum(tokens):.2f})" if tokens[j] else "-" for j in reversed(range(experts))])  # fmt: skip
    print("## Where the router sends the tokens\n\nShare of an expert's tokens that lie in the box of the person who acts; then the same with the choice it made "
          "for another clip, which tells how much of it is only that people tend to be in the middle; in brackets the expert's share of all tokens.\n")  # fmt: skip
    table(["budget", "tubelets", "the box's share"] + [f"expert {j}" + (" (full width)" if j == experts - 1 else "") for j in reversed(range(experts))], rows)


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=root / "configs" / "models" / "default.safetensors")
    parser.add_argument("--mone", default=str(root / "build" / "pipeline" / "mone"), help="default: build/pipeline/mone")
    parser.add_argument("--seeds", type=int, default=6, help="clips of each label; default: 6")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a clip; default: 3")
    args = parser.parse_args()
    Gst.init(None)
    shown = json.loads(subprocess.run([args.mone, "model", "show", "--json", args.model], stdout=subprocess.PIPE, check=True).stdout)
    if shown["E"] < 2:
        sys.exit(f"checks.py: {args.model} has no nested experts (E = 1), so nothing to route; train.py --init {args.model} gives it some")
    seeds = range(FIRST_SEED, FIRST_SEED + args.seeds)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        labels = render(folder, shown["labels"], seeds, args.seconds)
        if not labels:
            sys.exit(f"checks.py: actiontestsrc performs none of the labels of {args.model}, so there is no clip to check it with")
        print(f"# Checks of the method\n\n`samples/checks.py --seeds {args.seeds} --seconds {args.seconds:g}` on `{args.model.name}` ({shown['name']}, SHA-256 "
              f"{shown['hash'][:16]}): {len(labels)} labels x {args.seeds} rendered clips of scenes that training does not draw, {WIDTH}x{HEIGHT}, {FPS} frames/s.\n")  # fmt: skip
        router_against_controls(evaluate(args.mone, args.model, folder, BUDGETS, "random,shuffled,uniform"))
        beta_and_delta(args.mone, args.model, folder)
        router_share(shown)
        where_tokens_go(args.model, labels, seeds[:2], args.seconds, shown["E"])
        print("## What this does not check\n\nWhat nesting costs at budget 1 (against E = 1), one adaptive model against models trained for one budget, and E = 2, 3, 5 against 4: "
              "each needs a training of its own as long as the model's. `train.py --experts` and `--budgets` in `samples/training` make such models, `evaluate.py` there sets them beside each other.")  # fmt: skip


if __name__ == "__main__":
    main()
