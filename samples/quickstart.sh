#!/usr/bin/env bash
# From a bare Debian to action labels on the screen.
#
#   samples/quickstart.sh                          a person made by actiontestsrc performs a script
#   samples/quickstart.sh FILE                     a video file
#   samples/quickstart.sh rtsp://user:pw@host/…    an RTSP camera
#   samples/quickstart.sh v4l2:///dev/video0       a webcam
#
# Installs what is missing from the distribution, builds, then labels the input. With a display a window opens;
# without one the labels are printed as they come and an annotated quickstart.mp4 is written. Ctrl-C ends it cleanly.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/samples/dependencies.sh"
input=${1:-test}
case $input in
  -h | --help) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
  test | rtsp://* | rtsps://* | v4l2://*) ;;
  *)
    [ -r "$input" ] || { echo "quickstart: no such file, rtsp:// or v4l2:// source: $input" >&2; exit 2; }
    input=$(realpath "$input")
    ;;
esac

# shellcheck disable=SC2086
install_packages "to build and run gst-mone" $build_packages $run_packages

if [ ! -f "$here/build/build.ninja" ]; then
  echo "Configuring (log: build-setup.log) …"
  # Kernels for GPUs take minutes to compile: not where a compiler for them is but no GPU.
  cuda=disabled
  nvidia-smi -L >/dev/null 2>&1 && cuda=auto
  meson setup "$here/build" "$here" -Dtests=disabled -Dbench=disabled -Dcuda=$cuda >"$here/build-setup.log" 2>&1 || { tail -n 20 "$here/build-setup.log" >&2; exit 1; }
  rm -f "$here/build-setup.log"
fi
echo "Building …"
meson compile -C "$here/build" >"$here/build/quickstart-build.log" 2>&1 || { tail -n 30 "$here/build/quickstart-build.log" >&2; exit 1; }

export GST_PLUGIN_PATH="$here/build/elements${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}" MONE_MODEL_PATH="$here/configs/models"

has_display=no
[ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || has_display=yes
case $input in
  test)
    if [ $has_display = yes ]; then source="actiontestsrc is-live=true"; else source="actiontestsrc num-buffers=900"; fi
    source="$source ! video/x-raw,width=640,height=480,framerate=30/1"
    ;;
  v4l2://*) source="v4l2src device=${input#v4l2://} ! decodebin ! videoconvert" ;;
  rtsp*) source="uridecodebin uri=$input ! videoconvert" ;;
  *) source="filesrc location=\"$input\" ! decodebin ! videoconvert ! videoflip video-direction=auto" ;;  # a phone says how it was held
esac
if [ $has_display = yes ]; then
  sink="queue ! videoconvert ! autovideosink"  # the queue gives a live source the time that drawing takes
  echo "A window opens; the labels are printed here too."
else
  sink="videoconvert ! x264enc speed-preset=veryfast ! mp4mux ! filesink location=quickstart.mp4"
  echo "No display: labels are printed as they come, and the annotated video is written to $PWD/quickstart.mp4."
fi
line="$source ! moneclassify ! moneoverlay ! $sink"
echo "+ gst-launch-1.0 -e $line"

# moneclassify's messages on the bus, one readable line each; warnings and errors as they are.
readable() {
  awk '
    function field(name,   m) { m = $0; if (!sub(".*[ ,]" name "=\\([a-z0-9]*\\)\"?", "", m)) return ""; sub("[\",;].*", "", m); return m }
    /: mone-label,/ {
      event = field("event"); label = field("label"); score = 100 * field("score")
      from = field("start") / 1e9; to = field("end") / 1e9
      if (event == "new") printf "%8.2f s  %-14s begins, %2.0f %%\n", from, label, score
      if (event == "end") printf "%8.2f s  %-14s ended after %.1f s, at best %2.0f %%\n", to, label, to - from, score
      fflush(); next }
    /rror: |ERROR|WARNING/ { print; fflush() }'
}
set +e
# shellcheck disable=SC2086
eval "gst-launch-1.0 -e -m $line" 2>&1 | readable
status=${PIPESTATUS[0]}
set -e
[ "$status" = 0 ] && [ $has_display = no ] && echo "Done: $PWD/quickstart.mp4"
exit "$status"
