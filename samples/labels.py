#!/usr/bin/env python3
"""Labels from Python, through GObject introspection: bus messages and what rides on the frames, without any header.

  labels.py [--model FILE] [--budget B] SOURCE...

A SOURCE is a file, an rtsp:// address, or test://walk:3,wave:3 (a drawn person, ten seconds of it). Prints one JSON
object a line: {"source", "event", "label", "score", "start", "end"} for what begins and ends (seconds as a player counts;
of addresses "time" as well, the wall clock's when it began or ended), and at the end of a source {"source", "frames",
"labels": {label: windows}}. What has begun is ended, also where a stream breaks off. Users and passwords in addresses are
not printed. Ctrl-C, SIGTERM and SIGHUP end all sources. An address from which nothing has come for ten seconds, at the
start for a minute, counts as failed. Exits 1 if a source failed or the labels could not be written.
"""
import argparse
import collections
import datetime
import json
import re
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is a loop that hears it

try:
    import gi

    gi.require_version("Gst", "1.0")
    from gi.repository import GLib, Gst  # noqa: E402
except (ImportError, ValueError) as error:
    sys.exit(f"this needs GObject introspection for GStreamer (Debian: python3-gi, gir1.2-gstreamer-1.0): {error}")


SILENT_SECONDS = 10  # a camera that loses power says nothing, and TCP waits for it for a quarter of an hour


def without_password(address):
    """For screens and logs: an address without user and password, of which the latter may have a raw /, ? or # in it (what
    stands behind the colon is no port then) or be a parameter."""
    address = re.sub(r"://([^/?#]*@|(?!\[)[^/?#:]*:\d*[^/?#\d].*@)", "://", address, count=1)
    return re.sub(r"([?&;/_](password|passwd|pass|pwd|token)=)[^&;/?#]*", r"\1***", address, flags=re.I)


class Source:
    """One pipeline; ends with its file, or with an error that is printed."""

    def __init__(self, name, options, on_end):
        self.address, self.on_end = name, on_end
        self.name = without_password(name)
        self.live = "://" in name and not name.lower().startswith(("test://", "file://"))
        self.frames, self.windows, self.failed = 0, collections.Counter(), False
        self.open = {}  # by region and label: what has begun and not ended
        self.watch = self.seen = self.silent = 0
        self.patience = 6  # how often it may be silent before it counts as gone; once, after its first frame
        self.stopped = False
        self.deaf = False  # standard output takes nothing any more
        self.pipeline = Gst.Pipeline.new(None)
        source = self.make_source()
        self.chain = [Gst.ElementFactory.make(kind) for kind in ("queue", "videoconvert", "videoflip", "moneclassify", "fakesink")]
        if source is None or None in self.chain:
            sys.exit("an element is missing: is GST_PLUGIN_PATH set, are the plug-ins of samples/dependencies.sh there?")
        flip, classify, sink = self.chain[2:]
        Gst.util_set_object_arg(flip, "video-direction", "auto")  # a phone's clips lie on their side
        if options.model:
            classify.set_property("model", options.model)
        Gst.util_set_object_arg(classify, "messages", "all")
        if options.budget:
            classify.set_property("budget", options.budget)
        for element in [source] + self.chain:
            self.pipeline.add(element)
        for a, b in zip(self.chain, self.chain[1:]):
            a.link(b)
        if not source.link(self.chain[0]):
            source.connect("pad-added", self.link_pad)
            source.connect("no-more-pads", self.find_no_video)
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.look_at_frame)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def make_source(self):
        if self.address.startswith("test://"):
            source = Gst.ElementFactory.make("actiontestsrc")
            if source:
                source.set_property("script", self.address[len("test://"):])
                source.set_property("num-buffers", 300)
            return source
        source = Gst.ElementFactory.make("uridecodebin")
        source.set_property("uri", self.address if "://" in self.address else Gst.filename_to_uri(self.address))
        source.connect("source-setup", self.set_up_source)
        return source

    def set_up_source(self, _, source):
        """A camera over TCP: no firewall in the way, and a server that closes the connection is noticed at once."""
        if source.find_property("protocols"):
            Gst.util_set_object_arg(source, "protocols", "tcp")

    def start(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        if self.live:
            self.watch = GLib.timeout_add_seconds(SILENT_SECONDS, self.look_for_frames)

    def look_for_frames(self):
        if self.frames != self.seen:
            self.seen, self.silent, self.patience = self.frames, 0, 1
            return GLib.SOURCE_CONTINUE
        self.silent += 1
        if self.silent < self.patience:
            return GLib.SOURCE_CONTINUE
        self.watch = 0
        self.fail(f"no frames for {SILENT_SECONDS * self.silent} s")
        return GLib.SOURCE_REMOVE

    def link_pad(self, _, pad):
        sink = self.chain[0].get_static_pad("sink")
        if pad.query_caps(None).to_string().startswith("video/x-raw") and not sink.is_linked():
            pad.link(sink)

    def find_no_video(self, source):
        """Says of a file without video what is the matter, before its sound has nowhere to go."""
        if not self.chain[0].get_static_pad("sink").is_linked():
            why = "there is no video in it that can be decoded here"
            error = GLib.Error.new_literal(Gst.StreamError.quark(), why, Gst.StreamError.WRONG_TYPE)
            source.post_message(Gst.Message.new_error(source, error, ""))

    def look_at_frame(self, _, info):
        """Every frame carries the newest label; `fresh` says that it is a new one."""
        self.frames += 1
        meta = info.get_buffer().get_custom_meta("GstMoneActionMeta")
        if meta:
            label = meta.get_structure()
            if label.get_boolean("fresh")[1]:
                self.windows[label.get_string("label")] += 1
        return Gst.PadProbeReturn.OK

    def on_message(self, _, message):
        label = message.get_structure()
        if message.type == Gst.MessageType.ELEMENT and label.get_name() == "mone-label":
            self.hear(label)
        elif message.type == Gst.MessageType.ERROR:
            self.fail(message.parse_error()[0].message.replace(self.address, self.name))
        elif message.type == Gst.MessageType.EOS:
            self.stop()

    def hear(self, label):
        start, end = label.get_uint64("start")[1], label.get_uint64("end")[1]
        known, stream_time = label.get_uint64("stream-time")
        shift = stream_time - start if known else 0  # from PTS
        event, key = label.get_string("event"), (label.get_uint("region")[1], label.get_string("label"))
        what = {
            "label": key[1],
            "score": round(label.get_double("score")[1], 3),
            "start": (start + shift) / Gst.SECOND,
            "end": (end + shift) / Gst.SECOND,
        }
        if self.live:
            what["time"] = self.wall_time(end)
        if event == "end":
            self.open.pop(key, None)
        else:
            best = max(what["score"], self.open.get(key, what)["score"])
            self.open[key] = what | {"score": best}  # at its end, the highest that it reached
        if self.live and event == "new":
            what["time"] = self.wall_time(start)
        if event != "update" and not self.say(event=event, **what):
            self.stop()

    def wall_time(self, pts):
        """When a frame of a camera came in: its PTS counts from when the pipeline was started."""
        now = self.pipeline.get_current_running_time()
        age = (now - pts) / Gst.SECOND if pts < now != Gst.CLOCK_TIME_NONE else 0
        when = datetime.datetime.now().astimezone() - datetime.timedelta(seconds=age)
        return when.isoformat(timespec="seconds")

    def fail(self, why):
        self.failed = True
        print(f"{self.name}: {why}", file=sys.stderr)
        self.stop()

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        if self.watch:
            GLib.source_remove(self.watch)
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)
        for what in self.open.values():
            self.say(event="end", **what)
        self.say(frames=self.frames, labels=self.windows)
        self.on_end()

    def say(self, **what):
        """False if standard output takes nothing any more (a full disk)."""
        if self.deaf:
            return False
        try:
            print(json.dumps({"source": self.name} | what), flush=True)
        except OSError as error:
            self.failed = self.deaf = True
            print(f"{self.name}: standard output: {error.strerror}", file=sys.stderr)
            return False
        return True


def budget(text):
    value = float(text)
    if not 0.0625 <= value <= 1:
        raise argparse.ArgumentTypeError(f"a number from 0.0625 to 1, not {text}")
    return value


def main():
    if sys.stdout is None:
        sys.exit("standard output is closed")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="model file; default: the installed one")
    parser.add_argument("--budget", type=budget, help="share of the model's width a token gets; default: what the machine can do")
    parser.add_argument("source", nargs="+", metavar="SOURCE")
    options = parser.parse_args()

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `labels.py … | head` ends with head
    Gst.init(None)
    loop = GLib.MainLoop()
    running = len(options.source)

    def on_end():
        nonlocal running
        running -= 1
        if running == 0:
            loop.quit()

    sources = [Source(name, options, on_end) for name in options.source]
    to_start = iter(sources)

    def start_next():
        """One source at a time, so that signals and timers are heard between two of them."""
        source = next(to_start, None)
        if source and not source.stopped:
            source.start()
        return source is not None

    def stop_all():
        """A second signal ends the program at once, should a source not let itself be stopped."""
        for source in sources:
            source.stop()
        return GLib.SOURCE_REMOVE

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
            GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, stop_all)
    GLib.idle_add(start_next)
    loop.run()
    return 1 if any(source.failed for source in sources) else 0


if __name__ == "__main__":
    sys.exit(main())
