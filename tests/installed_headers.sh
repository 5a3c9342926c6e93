#!/bin/sh
# Every header that is installed compiles on its own against what is installed with it.
#   installed_headers.sh BUILD_FOLDER MESON COMPILER...
set -eu
build=$1 meson=$2
shift 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root "$meson" install -C "$build" --no-rebuild --quiet --tags devel
found=$(find "$root" -name '*.h')
[ -n "$found" ] || { echo "nothing was installed"; exit 1; }
include=$(find "$root" -type d -name gst-mone -path '*include*')
for header in $found; do
  echo "#include \"${header#"$include"/}\"" | "$@" -x c++ -std=c++20 -fsyntax-only -I"$include" - || { echo "does not compile: $header"; exit 1; }
done
