#!/usr/bin/env python3
"""Labels from Python, through GObject introspection: bus messages and what rides on the frames, without any header.

  labels.py [--model FILE] [--budget B] SOURCE...

A SOURCE is a file, an rtsp:// address, or test://walk:3,wave:3 (a drawn person, ten seconds of it). Prints one JSON
object a line: {"source", "event", "label", "score", "start", "end"} for what begins and ends (seconds as a player counts), and at the end of a
source {"source", "frames", "labels": {label: windows}}.
"""
import argparse
import collections
import json
import signal
import sys

try:
    import gi

    gi.require_version("Gst", "1.0")
    from gi.repository import GLib, Gst  # noqa: E402
except (ImportError, ValueError) as error:
    sys.exit(f"this needs GObject introspection for GStreamer (Debian: python3-gi, gir1.2-gstreamer-1.0): {error}")


class Source:
    """One pipeline; ends with its file, or with an error that is printed."""

    def __init__(self, name, options, on_end):
        self.name, self.on_end = name, on_end
        self.frames, self.windows, self.failed = 0, collections.Counter(), False
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
        if options.budget:
            classify.set_property("budget", options.budget)
        for element in [source] + self.chain:
            self.pipeline.add(element)
        for a, b in zip(self.chain, self.chain[1:]):
            a.link(b)
        if not source.link(self.chain[0]):
            source.connect("pad-added", self.link_pad)
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.look_at_frame)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def make_source(self):
        if self.name.startswith("test://"):
            source = Gst.ElementFactory.make("actiontestsrc")
            if source:
                source.set_property("script", self.name[len("test://"):])
                source.set_property("num-buffers", 300)
            return source
        source = Gst.ElementFactory.make("uridecodebin")
        source.set_property("uri", self.name if "://" in self.name else Gst.filename_to_uri(self.name))
        return source

    def link_pad(self, _, pad):
        sink = self.chain[0].get_static_pad("sink")
        if pad.query_caps(None).to_string().startswith("video/x-raw") and not sink.is_linked():
            pad.link(sink)

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
            start, end = label.get_uint64("start")[1], label.get_uint64("end")[1]
            known, stream_time = label.get_uint64("stream-time")
            shift = stream_time - start if known else 0  # from PTS
            said = self.say(
                event=label.get_string("event"),
                label=label.get_string("label"),
                score=round(label.get_double("score")[1], 3),
                start=(start + shift) / Gst.SECOND,
                end=(end + shift) / Gst.SECOND,
            )
            if not said:
                self.stop()
        elif message.type == Gst.MessageType.ERROR:
            self.failed = True
            print(f"{self.name}: {message.parse_error()[0].message}", file=sys.stderr)
            self.stop()
        elif message.type == Gst.MessageType.EOS:
            self.stop()

    def stop(self):
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)
        if not self.deaf:
            self.say(frames=self.frames, labels=self.windows)
        self.on_end()

    def say(self, **what):
        """False if standard output takes nothing any more (a full disk)."""
        try:
            print(json.dumps({"source": self.name} | what), flush=True)
        except OSError as error:
            self.failed = self.deaf = True
            print(f"{self.name}: standard output: {error.strerror}", file=sys.stderr)
            return False
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="model file; default: the installed one")
    parser.add_argument("--budget", type=float, help="share of the model's width a token gets; default: what the machine can do")
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
    for source in sources:
        source.pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    return 1 if any(source.failed for source in sources) else 0


if __name__ == "__main__":
    sys.exit(main())
