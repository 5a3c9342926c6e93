# What gst-mone needs from Debian 12 or 13, and how to get it. Sourced by quickstart.sh and tests/run.sh.
# shellcheck shell=bash

# Building: compiler, Meson, and a -dev package per library.
build_packages="g++ meson ninja-build pkgconf git
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  libdnnl-dev nlohmann-json3-dev libboost-dev libboost-program-options-dev
  libavformat-dev libavcodec-dev libavutil-dev libswscale-dev
  libcairo2-dev libpango1.0-dev"
# Running: gst-launch-1.0, sources, decoders, encoder, muxers, a font for the overlay.
run_packages="gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-x fonts-dejavu-core"
# Testing: GoogleTest, an RTSP server, GObject introspection, an H.264 writer that is not ours.
test_packages="libgtest-dev libgmock-dev libgstrtspserver-1.0-dev python3-gi python3-numpy
  gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 ffmpeg"

# GstAnalytics metadata (GStreamer 1.24) and video in CUDA memory (beside CUDA's toolkit) need this package, 750 MB with all it
# brings: tested, not forced on a newcomer.
if PATH=$PATH:/usr/local/cuda/bin command -v nvcc >/dev/null ||
  dpkg --compare-versions "$(apt-cache policy libgstreamer-plugins-bad1.0-dev 2>/dev/null | sed -n 's/ *Candidate: //p')" ge 1.24 2>/dev/null; then
  test_packages="$test_packages libgstreamer-plugins-bad1.0-dev"
fi

# Packages of "$@" that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
  done
}

# install_packages WHY PACKAGE…  Installs what is missing, with sudo where needed. Asks only on a terminal.
install_packages() {
  local why=$1 missing as_root="" answer
  shift
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is not a Debian system, so what is installed cannot be told. Needed (Debian's names): $*" >&2
    return 0  # what is really missing is named by whoever looks for it
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  echo "To be installed from the distribution, $why: $missing"
  if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    if ! command -v sudo >/dev/null; then
      echo "No sudo here. As root: apt-get install --no-install-recommends $missing" >&2
      return 1
    fi
  fi
  if [ -t 0 ] && [ -t 1 ] && [ -z "${CI:-}" ]; then
    read -r -p "Install them now? [Y/n] " answer
    case $answer in [nN]*) return 1 ;; esac
  fi
  # A list of packages that is out of date is the usual reason for a failed install: refresh it, but a machine with
  # no network and a full package cache still gets its chance.
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || echo "apt-get update failed: trying with the lists at hand" >&2
  # shellcheck disable=SC2086
  if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/tmp/gst-mone-apt.$$ 2>&1; then
    tail -n 15 /tmp/gst-mone-apt.$$ >&2
    rm -f /tmp/gst-mone-apt.$$
    echo "The install failed. With network and rights: apt-get install --no-install-recommends $missing" >&2
    return 1
  fi
  rm -f /tmp/gst-mone-apt.$$
}
