#!/usr/bin/env python3
"""How the budget follows a stream: records the stats of a live run, and draws them.

  plot_budget.py record RUN.jsonl [--fps 10,30,60,10] [--each 15] [--streams 1] [--utilisation 0.85] [--model FILE]
  plot_budget.py draw RUN.jsonl PICTURE.png

`record` plays drawn people (actiontestsrc, live) through monetubelet and monevivit, lets the first one's frame rate
change as a camera's does, and writes the `stats` of its monevivit four times a second, one JSON object a line:
{"seconds", "fps", and the fields of `stats`}. Lower --utilisation to see a machine that has less to give.
`draw` needs matplotlib (Debian: python3-matplotlib); `record` needs GObject introspection (python3-gi) and
GST_PLUGIN_PATH. Lines from a program of yours will do as well: it draws whatever of rate, budget, realised, hop,
ms-waited and skipped is there.
"""
import argparse
import json
import os
import sys


def record(options):
    try:
        import gi

        gi.require_version("Gst", "1.0")
        from gi.repository import GLib, Gst
    except (ImportError, ValueError) as error:
        sys.exit(f"recording needs GObject introspection for GStreamer (python3-gi, gir1.2-gstreamer-1.0): {error}")
    Gst.init(None)
    try:
        rates = [int(rate) for rate in options.fps.split(",")]
    except ValueError:
        rates = [0]
    if min(rates) < 1 or options.each < 1 or options.streams < 1:
        sys.exit("--fps is a list of whole numbers, all of them, --each and --streams 1 or more")
    branch = (
        "actiontestsrc is-live=true seed={seed} ! capsfilter name=rate{n} caps=video/x-raw,width=320,height=240,"
        "framerate={fps}/1 ! queue ! monetubelet ! queue max-size-buffers=3 leaky=downstream ! monevivit name=score{n} ! "
        "fakesink async=false"
    )
    text = "  ".join(branch.format(n=n, seed=70 + n, fps=rates[0] if n == 0 else 30) for n in range(options.streams))
    try:
        pipeline = Gst.parse_launch(text)
    except GLib.Error as error:
        sys.exit(f"no pipeline: {error.message}. Is GST_PLUGIN_PATH set?")
    for n in range(options.streams):
        score = pipeline.get_by_name(f"score{n}")
        score.set_property("utilisation", options.utilisation)
        if options.model:
            score.set_property("model", options.model)
    score, rate = pipeline.get_by_name("score0"), pipeline.get_by_name("rate0")
    partial = options.run + ("" if os.path.exists(options.run) and not os.path.isfile(options.run) else ".part")
    loop, lines, state = GLib.MainLoop(), open(partial, "w"), {"tick": 0}

    def tick():
        seconds = state["tick"] / 4
        part = int(seconds // options.each)
        if part >= len(rates):
            loop.quit()
            return False
        if seconds == part * options.each and part:
            rate.set_property("caps", Gst.Caps.from_string(f"video/x-raw,width=320,height=240,framerate={rates[part]}/1"))
        stats = score.get_property("stats")
        row = {"seconds": seconds, "fps": rates[part]}
        for i in range(stats.n_fields()):
            name = stats.nth_field_name(i)
            row[name] = stats.get_value(name)
        try:
            print(json.dumps(row), file=lines, flush=True)
        except OSError as error:
            state["error"] = f"{options.run}: {error.strerror}"
            loop.quit()
            return False
        state["tick"] += 1
        return True

    def on_message(_, message):
        if message.type == Gst.MessageType.ERROR:
            state["error"] = message.parse_error()[0].message
            loop.quit()

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message)
    pipeline.set_state(Gst.State.PLAYING)
    GLib.timeout_add(250, tick)
    try:
        loop.run()
    except KeyboardInterrupt:
        pass  # what has been recorded is kept
    pipeline.set_state(Gst.State.NULL)
    if "error" in state:
        if partial != options.run:
            os.remove(partial)
        sys.exit(state["error"])
    lines.close()
    if partial != options.run:
        os.replace(partial, options.run)


def draw(options):
    try:
        import matplotlib
    except ImportError:
        sys.exit("drawing needs matplotlib: apt install python3-matplotlib, or pip install matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with open(options.run) as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    rows = [row for row in rows if row.get("processed", 1)]
    if not rows:
        sys.exit(f"{options.run} has no lines with a processed tubelet")
    seconds = [row["seconds"] for row in rows]

    def series(name):
        return [row.get(name, float("nan")) for row in rows]

    figure, (top, middle, bottom) = plt.subplots(3, 1, sharex=True, figsize=(8, 5.5), constrained_layout=True)
    top.step(seconds, series("fps"), where="post", color="tab:gray")
    top.set_ylabel("frames/s")
    tubelets = top.twinx()
    tubelets.step(seconds, series("rate"), where="post", color="tab:blue")
    tubelets.set_ylabel("tubelets/s", color="tab:blue")
    tubelets.set_ylim(0, 13)
    middle.step(seconds, series("budget"), where="post", color="tab:orange", label="asked")
    middle.step(seconds, series("realised"), where="post", color="tab:red", linewidth=0.8, label="realised")
    middle.set_ylabel("budget")
    middle.set_ylim(0, 1.05)
    middle.legend(loc="lower right", fontsize="small")
    bottom.plot(seconds, series("ms-waited"), color="tab:green", label="arrival to scores")
    rate = series("rate")
    bottom.plot(seconds, [1e3 / r if r else float("nan") for r in rate], color="tab:gray", linestyle=":",
                label="next tubelet")
    bottom.set_ylabel("ms")
    bottom.set_yscale("log")
    bottom.legend(loc="center right", fontsize="small")
    bottom.set_xlabel("seconds")
    last = rows[-1]
    lost = f"{last.get('processed', 0)} tubelets, {last.get('skipped', 0)} skipped, {last.get('deadline-misses', 0)} late"
    figure.suptitle(lost, fontsize="medium")
    figure.savefig(options.picture, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recorder = commands.add_parser("record", help="play and write the stats")
    recorder.add_argument("run")
    recorder.add_argument("--fps", default="10,30,60,10", help="frame rates of the first stream, one after the other")
    recorder.add_argument("--each", type=int, default=15, help="seconds of each")
    recorder.add_argument("--streams", type=int, default=1, help="streams on the engine; the others stay at 30 fps")
    recorder.add_argument("--utilisation", type=float, default=0.85)
    recorder.add_argument("--model", default="")
    recorder.set_defaults(do=record)
    drawer = commands.add_parser("draw", help="draw what was written")
    drawer.add_argument("run")
    drawer.add_argument("picture")
    drawer.set_defaults(do=draw)
    options = parser.parse_args()
    try:
        options.do(options)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}" if error.filename else str(error))


if __name__ == "__main__":
    main()
