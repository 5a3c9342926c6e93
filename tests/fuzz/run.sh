#!/usr/bin/env bash
# Builds the fuzzers with clang and runs each for SECONDS (60) on seeds made afresh plus what earlier runs found.
#
#   tests/fuzz/run.sh [SECONDS]
#
# A finding is left in build-fuzz/findings and ends the run with 1: run the fuzzer on that file to see it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
build=build-fuzz
if [ ! -f $build/build.ninja ]; then
  CC=clang CXX=clang++ meson setup $build -Dfuzz=enabled -Dtests=enabled --buildtype=debugoptimized >$build.log 2>&1 ||
    { cat $build.log; rm -rf $build; exit 1; }
  rm -f $build.log
fi
fuzzers=(model_file model_config huggingface manifest)
targets=("${fuzzers[@]/#/tests/fuzz/}")
ninja -C $build "${targets[@]/%/_fuzz}" tests/fuzz/make_corpus
$build/tests/fuzz/make_corpus $build/seeds
mkdir -p $build/findings

fuzz() {
  local name=$1
  mkdir -p "$build/corpus/$name"
  # The seeds are a few KB; twice that leaves room to grow without drowning the mutations.
  exec "$build/tests/fuzz/${name}_fuzz" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
    -dict=tests/fuzz/dictionary -artifact_prefix="$build/findings/$name-" -print_final_stats=1 \
    "$build/corpus/$name" "$build/seeds/$name" >"$build/$name.log" 2>&1
}

# A fuzzer is one thread: as many at a time as there are processors.
failed=0
running=()
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
end_first() {
  local name=${running[0]%:*}
  wait "${running[0]#*:}" || failed=1
  echo "== $name: $seconds s"
  sed '/^#/d; /^"/d; /^INFO/d' "$build/$name.log"
  running=("${running[@]:1}")
}
for name in "${fuzzers[@]}"; do
  [ ${#running[@]} -lt "$(nproc)" ] || end_first
  fuzz $name &
  running+=("$name:$!")
done
while [ ${#running[@]} -gt 0 ]; do end_first; done
exit $failed
