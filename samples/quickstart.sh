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
# Until then the recording has a name of its own, so that an earlier quickstart.mp4 stays where a new one fails. What a
# camera that breaks off had shown is kept under that name, and plays.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/samples/dependencies.sh"
input=${1:-test}
refuse() { printf 'quickstart: %s\n' "$@" >&2; exit 2; }
# Users and passwords belong on no screen and into no log.
without_password() {
  sed -E -e 's,(://)([^/?#]*@|[^][/?#:]*:[0-9]*[^/?#0-9][^ ]*@),\1,' \
    -e 's,([?&;/_](password|passwd|pass|pwd|token)=)[^]&;/?# "]*,\1***,Ig'
}
shown=$(without_password <<<"$input")
cameras() {
  local device found=""
  for device in /dev/video*; do [ ! -c "$device" ] || found="$found v4l2://$device"; done
  echo "${found:- none}"
}
case $input in
  -h | --help) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
  test | rtsp://* | rtsps://*) ;;
  v4l2://*)
    device=${input#v4l2://}
    [ -c "$device" ] || refuse "there is no camera $device; cameras here:$(cameras)" \
      "Plug one in, or give a video FILE or an rtsp:// address; with no argument, an acted person is shown."
    [ -r "$device" ] && [ -w "$device" ] || refuse "no right to use $device" \
      "Allow it with: sudo usermod -aG $(stat -c %G "$device") $(id -un), log in again, then repeat this command."
    ;;
  *://*) refuse "sources are files, rtsp:// and v4l2:// addresses, not $shown" "For others, see the gst-launch-1.0 lines in README.md." ;;
  *)
    [ -e "$input" ] || refuse "no such file: $input (from $PWD)" \
      "Give the path of a video FILE, rtsp://user:password@camera/stream, or v4l2:///dev/video0; with no argument, an acted person is shown."
    [ -f "$input" ] || refuse "not a file: $input" "Give the path of one video file; for many: mone classify FILE…"
    [ -r "$input" ] || refuse "no right to read $input" "Check with: ls -l '$input'"
    input=$(realpath "$input")
    ;;
esac
has_display=no
[ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || has_display=yes
if [ $has_display = no ] && [ "$input" -ef quickstart.mp4 ]; then
  refuse "$input is where the annotated video would be written" "Rename it, or start from another folder."
fi

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

# The line below is read twice, by gst-launch and before it by a shell: & of an address and blanks of a name stay what they are.
quoted() {
  local text=${1//\\/\\\\}
  printf %q "\"${text//\"/\\\"}\""
}
case $input in
  test)
    if [ $has_display = yes ]; then source="actiontestsrc is-live=true"; else source="actiontestsrc num-buffers=900"; fi
    source="$source ! video/x-raw,width=640,height=480,framerate=30/1"
    ;;
  v4l2://*) source="v4l2src device=$(quoted "${input#v4l2://}") ! decodebin ! videoconvert" ;;
  rtsp*) source="uridecodebin uri=$(quoted "$input") ! videoconvert" ;;
  *) source="filesrc location=$(quoted "$input") ! decodebin ! videoconvert ! videoflip video-direction=auto" ;;  # a phone says how it was held
esac
if [ $has_display = yes ]; then
  sink="queue ! videoconvert ! autovideosink"  # the queue gives a live source the time that drawing takes
  echo "A window opens; the labels are printed here too."
else
  case $input in
    rtsp* | v4l2*) mux="x264enc speed-preset=veryfast tune=zerolatency key-int-max=30 ! mp4mux fragment-duration=1000" ;;  # can be played wherever it breaks off
    *) mux="x264enc speed-preset=veryfast ! mp4mux" ;;
  esac
  recording=quickstart-$(date +%Y%m%d-%H%M%S)-$$.mp4
  # A picture of 853 columns has no half of them for its colours: one fewer.
  sink="videoconvert ! videoscale ! \"video/x-raw,width=[2,16384,2],height=[2,16384,2]\" ! $mux ! filesink location=$recording"
  echo "No display: labels are printed as they come, and the annotated video is written to $PWD/quickstart.mp4 (until its end, $recording)."
fi
line="$source ! moneclassify ! moneoverlay ! $sink"
without_password <<<"+ gst-launch-1.0 -e $line"

# moneclassify's messages on the bus, one readable line each; warnings and errors as they are.
# Ctrl-C is for gst-launch: who reads what it says waits for its end.
readable() {
  trap '' INT
  awk '
    function field(name,   m) { m = $0; if (!sub(".*[ ,]" name "=\\([a-z0-9]*\\)\"?", "", m)) return ""; sub("[\",;].*", "", m); return m }
    /: mone-label,/ {
      event = field("event"); label = field("label"); score = 100 * field("score")
      # As a player counts; "start" and "end" are PTS, of which many files begin above 0.
      from = field("stream-time"); if (from == "") from = field("start"); from /= 1e9; to = from + (field("end") - field("start")) / 1e9
      if (event == "new") printf "%8.2f s  %-14s begins, %2.0f %%\n", from, label, score
      if (event == "end") printf "%8.2f s  %-14s ended after %.1f s, at best %2.0f %%\n", to, label, to - from, score
      fflush(); next }
    /rror: |ERROR|WARNING/ { gsub("://[^/? ]*@", "://"); print; fflush() }'
}
set +e
trap : INT
# shellcheck disable=SC2086
eval "gst-launch-1.0 -e -m $line" 2>&1 | readable
status=${PIPESTATUS[0]}
trap - INT
set -e
if [ "$status" != 0 ]; then
  case $input in
    test) hint="Check the installation with: GST_PLUGIN_PATH=$here/build/elements gst-inspect-1.0 moneclassify" ;;
    v4l2://*) hint="See whether the camera is free and what it offers: fuser -v ${input#v4l2://}; gst-device-monitor-1.0 Video/Source" ;;
    rtsp*) hint="Check address, password and network, for example with: ffprobe '$shown' (with user:password@ before the host, if it has them)" ;;
    *) hint="See whether it is a whole video file: ffprobe '$input'" ;;
  esac
  echo "quickstart: it stopped with an error (above). $hint" >&2
  if [ $has_display = no ] && grep -aqs moof "$recording"; then
    echo "What was shown until then is kept: $PWD/$recording" >&2
  elif [ $has_display = no ]; then
    rm -f "$recording"
  fi
elif [ $has_display = no ]; then
  mv -f "$recording" quickstart.mp4
  echo "Done: $PWD/quickstart.mp4"
fi
exit "$status"
