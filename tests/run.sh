#!/usr/bin/env bash
# Builds and runs the tests. Installs what is missing from Debian (see samples/dependencies.sh).
#
#   tests/run.sh                 unit parity elements pipeline
#   tests/run.sh SUITE…          unit | parity | elements | pipeline | bench | load   from the ordinary build
#                                (load: the budget with many streams, minutes long; tests/load/RESULTS.md)
#                                asan      unit with AddressSanitizer and UBSan
#                                asan-all  every suite with them
#                                tsan      unit, parity and elements with ThreadSanitizer
#                                cuda      the GPU backend for every GPU, warnings as errors, and all of its kernels
#                                          on the emulated device; needs nvcc 13, no GPU (that is tests/gpu/run.sh)
#                                fuzz      what reads models and manifests, MONE_FUZZ_SECONDS (60) each, needs clang
#                                clang     the ordinary suites built by clang, warnings as errors
#                                fresh     both commands of the README in fresh Debian roots, needs root and debootstrap
# Ends with what was skipped and why, then one line "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
. samples/dependencies.sh

suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(unit parity elements pipeline)
for suite in "${suites[@]}"; do
  case $suite in
    unit | parity | elements | pipeline | bench | load | asan | asan-all | tsan | cuda | fuzz | clang | fresh) ;;
    *) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; echo "unknown suite: $suite" >&2; exit 2 ;;
  esac
done

# shellcheck disable=SC2086
install_packages "to build and test" $build_packages $run_packages $test_packages || exit 1
logs=()
failed=0

# build_and_test DIR "SUITES" "CXX" MESON_OPTION…
build_and_test() {
  local dir=$1 run=$2 cxx=$3 args=() suite
  shift 3
  echo "== $dir: $run"
  if [ ! -f "$dir/build.ninja" ]; then
    # shellcheck disable=SC2086
    CXX=$cxx CC=${cxx:+${cxx/++/}} meson setup "$dir" -Dtests=enabled -Dwerror=true -Dgpu_archs=80 "$@" >"$dir.log" 2>&1 ||
      { cat "$dir.log"; rm -rf "$dir"; failed=1; return; }
    rm -f "$dir.log"
  fi
  for suite in $run; do args+=(--suite "$suite"); done
  rm -f "$dir/meson-logs/testlog.json"  # that of an earlier run is no result of this one
  meson test -C "$dir" --print-errorlogs --timeout-multiplier "${MONE_TEST_PATIENCE:-1}" "${args[@]}" || failed=1
  logs+=("$dir/meson-logs/testlog.json")
  # The next suite set of the same folder would overwrite it.
  if [ -f "$dir/meson-logs/testlog.json" ]; then
    cp "$dir/meson-logs/testlog.json" "$dir/meson-logs/done-${run// /-}.json"
    logs[-1]="$dir/meson-logs/done-${run// /-}.json"
  else
    echo "$dir: nothing was run (did the build fail?)" >&2
    unset 'logs[-1]'
    failed=1
  fi
}

# Where nvcc is, one target in every build; all of them in the suite `cuda`.
check_cuda() {
  local module=engine/backend/cuda/libmone-cuda.so cuobjdump
  if [ ! -f build-cuda/build.ninja ]; then
    meson setup build-cuda -Dtests=disabled -Dbench=disabled -Dwerror=true -Dcuda=enabled -Dgpu_archs=all || return 1
  fi
  ninja -C build-cuda $module || return 1
  cuobjdump=$(PATH=$PATH:/usr/local/cuda/bin command -v cuobjdump || python3 -c '
import importlib.metadata
print(importlib.metadata.distribution("nvidia-cuda-cuobjdump").locate_file("nvidia/cu13/bin/cuobjdump"))' 2>/dev/null)
  if [ -n "$cuobjdump" ]; then
    "$cuobjdump" --dump-resource-usage build-cuda/$module | tests/gpu/resources.py || { echo "a kernel spills" >&2; return 1; }
  else
    echo "no cuobjdump here (pip install nvidia-cuda-cuobjdump), so no table of registers; ptxas warned of no spills"
  fi
  MONE_TEST_PATIENCE=5 build_and_test build-test cuda ""
}

# GLib is not instrumented, so TSan is told what to leave alone, with a reason a line.
export TSAN_OPTIONS="suppressions='$PWD/tests/tsan.supp' ${TSAN_OPTIONS:-}"
export ASAN_OPTIONS="detect_leaks=1:${ASAN_OPTIONS:-}" LSAN_OPTIONS="suppressions='$PWD/tests/lsan.supp':print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"

# Sanitizers at -O1 with line tables: a third of the time to compile, and traces still name lines.
traces=(-Doptimization=1 -Ddebug=true -Dcpp_args=-g1)
asan=(-Dcuda=disabled -Db_sanitize=address,undefined "${traces[@]}")
tsan=(-Dcuda=disabled -Db_sanitize=thread "${traces[@]}")

plain=""
for suite in "${suites[@]}"; do
  case $suite in unit | parity | elements | pipeline | bench | load) plain="$plain $suite" ;; esac
done
[ -z "$plain" ] || build_and_test build-test "${plain# }" ""
for suite in "${suites[@]}"; do
  case $suite in
    asan) MONE_TEST_PATIENCE=5 build_and_test build-asan "unit" "" "${asan[@]}" ;;
    asan-all) MONE_TEST_PATIENCE=10 build_and_test build-asan "unit parity elements pipeline" "" "${asan[@]}" ;;
    tsan) MONE_TEST_PATIENCE=10 build_and_test build-tsan "unit parity elements" "" "${tsan[@]}" ;;
    clang) install_packages "to build with clang" clang && build_and_test build-clang "unit parity elements" clang++ || failed=1 ;;
    cuda) check_cuda || failed=1 ;;
    fuzz) install_packages "to fuzz" clang && tests/fuzz/run.sh "${MONE_FUZZ_SECONDS:-60}" || failed=1 ;;
    fresh) tests/fresh_debian.sh bookworm && tests/fresh_debian.sh trixie || failed=1 ;;
  esac
done

if [ ${#logs[@]} -gt 0 ]; then
  python3 tests/summary.py "${logs[@]}" || failed=1
fi
exit $failed
