#!/usr/bin/env bash
# tests/gpu/run.sh [RESULTS.md]: proves the CUDA backend on this machine's GPU, in one call of less than ten minutes.
#
# Needs: g++ 12 or newer, nvcc 13, Python with PyTorch and safetensors for the comparison, compute-sanitizer for its part,
# cuDNN 9 and cuBLASLt for theirs; no GStreamer, no network, no Meson. Boost.Outcome, nlohmann-json, GoogleTest and cuDNN's
# frontend are the system's, or those that tests/gpu/pack.sh put into $MONE_GPU_HEADERS. Leaves the machine's settings alone. Writes what tests/gpu/RESULTS.md holds.
set -u
results=$(realpath -m "${1:-gpu-results.md}")
cd "$(dirname "$0")/../.." || exit 1
started=$SECONDS
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
headers=${MONE_GPU_HEADERS:+$(realpath "$MONE_GPU_HEADERS")}
export PATH=$PATH:/usr/local/cuda/bin
failed=0
note() { echo "== $* ($((SECONDS - started)) s)"; }
write() { tee -a "$results"; }

nvcc=$(command -v nvcc) || { echo "nvcc is not here: install the CUDA toolkit 13" >&2; exit 1; }
cuda=$(dirname "$(dirname "$(realpath "$nvcc")")")
arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | tr -d . | grep -xE -m 1 "[0-9]+") || { echo "nvidia-smi names no GPU: $(nvidia-smi 2>&1 | head -1)" >&2; exit 1; }
case $arch in 90 | 100) arch=${arch}a ;; esac
gtest=""
if [ -n "$headers" ] && [ -d "$headers/googletest" ]; then gtest=$headers; elif [ -d /usr/src/googletest ]; then gtest=/usr/src/googletest; fi

: >"$results"
{
  echo "Date: $(date -u +%F). Commit: $(git rev-parse --short HEAD 2>/dev/null || echo "${MONE_COMMIT:-unknown}")."
  echo "Device: $(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | head -1)."
  echo "$("$nvcc" --version | grep -o 'release [0-9.]*'), $(g++ --version | head -1), $(nproc) processors."
  echo
} | write

note "compiling for sm_$arch"
cat >"$out/config.h" <<END
#define MONE_VERSION "gpu"
#define MONE_MODULE_DIR "/nowhere"
#define MONE_MODEL_DIR "/nowhere"
#define MONE_GOLDEN_DATA "$PWD/tests/golden/data"
END
case $arch in 90a) has_90a=-DMONE_CUDA_90A ;; *) has_90a="" ;; esac
flags="-std=c++20 -O3 -fPIC $has_90a -I. -include $out/config.h ${headers:+-isystem $headers/include} -isystem $cuda/include"
engine=$(ls engine/*.cc engine/budget/*.cc engine/backend/*.cc engine/backend/reference/*.cc 2>/dev/null; echo engine/backend/cuda/module.cc)
host=$(ls engine/backend/cuda/*.cc | grep -v /module.cc)
# What the module shares with the library: as cuda_host_sources of engine/meson.build.
shared=$(sed -n '/^cuda_host_sources/,/)/p' engine/meson.build | grep -o "'\(backend/\)\?[a-z_]*\.cc'" | tr -d "'" | sed 's|^|engine/|')
# shellcheck disable=SC2046
tests="tests/tiny_model.cc tests/gpu/agree.cc tests/gpu/cut.cc tests/gpu/speed.cc"
[ -z "$gtest" ] || tests="$tests tests/parity/golden_test.cc tests/parity/identities_test.cc tests/parity/backends_agree_test.cc tests/unit/stream_test.cc"
# Where cuDNN is: with CUDA, in the system, or in Python's package.
cudnn=""
for folder in "$cuda" /usr /usr/local "$(python3 -c 'import nvidia.cudnn; print(list(nvidia.cudnn.__path__)[0])' 2>/dev/null)"; do
  [ -n "$cudnn" ] || [ ! -f "$folder/include/cudnn.h" ] || cudnn=$folder
done
# library NAME LINKED FLAG…: a module for one of NVIDIA's libraries; without it the rest still runs.
library() {
  local name=$1 linked=$2
  shift 2
  echo "g++ $flags $* -shared engine/backend/cuda/libraries/$name.cc -o $out/libmone-$name.so -Wl,--as-needed -L$cuda/lib64 -L$cuda/lib $linked >$out/$name.log 2>&1 || { echo libmone-$name.so could not be built:; grep -m 3 -e error -e cannot $out/$name.log; }"
}
object() { echo "$out/$(echo "${1%.*}" | tr / _).o"; }
{
  for source in $engine $host $tests; do
    echo "g++ $flags ${gtest:+-isystem $gtest/googletest/include -isystem $gtest/googlemock/include} -c $source -o $(object "$source")"
  done
  library cublaslt -lcublasLt
  if [ -n "$cudnn" ]; then
    library cudnn "-L$cudnn/lib -L$cudnn/lib64 -L/usr/lib/x86_64-linux-gnu -l:libcudnn.so.9 -lnvrtc -lcudart_static -ldl -lrt -lpthread -Wl,-rpath,$cudnn/lib:$cudnn/lib64" $([ "$cudnn" = /usr ] || echo "-isystem $cudnn/include")
  fi
  for source in engine/backend/cuda/kernels/*.cu; do
    echo "$nvcc -std=c++20 -O3 -lineinfo -Xcompiler -fPIC -I. -gencode=arch=compute_$arch,code=sm_$arch -c $source -o $out/kernel_$(basename "$source" .cu).o"
  done
  if [ -n "$gtest" ]; then
    for part in googletest/src/gtest-all googletest/src/gtest_main googlemock/src/gmock-all; do
      echo "g++ -std=c++20 -O1 -I$gtest/$(dirname "$(dirname $part)") ${headers:+-isystem $headers/include} -isystem $gtest/googletest/include -isystem $gtest/googlemock/include -c $gtest/$part.cc -o $out/$(basename $part).o"
    done
  fi
} >"$out/commands"
xargs -d '\n' -P "$(nproc)" -I{} sh -c '{ {}; } 2>>"$0/errors" || { echo "failed: {}" >>"$0/errors"; exit 1; }' "$out" <"$out/commands" || { cat "$out/errors"; exit 1; }
objects() { for source in "$@"; do object "$source"; done; }
# shellcheck disable=SC2046
{
  ar rcs "$out/libcore.a" $(objects $engine tests/tiny_model.cc)
  g++ -shared -Wl,-Bsymbolic -o "$out/libmone-cuda.so" $(objects $host $shared) "$out"/kernel_*.o \
    -L"$cuda/lib64" -L"$cuda/lib" -lcudart_static -ldl -lrt -lpthread || exit 1
  for program in tests/gpu/agree tests/gpu/cut tests/gpu/speed; do
    g++ -o "$out/$(basename $program)" "$(object $program.cc)" "$out/libcore.a" \
      -L"$cuda/lib64" -L"$cuda/lib" -lcudart_static -ldl -lrt -lpthread || exit 1
  done
  if [ -n "$gtest" ]; then
    for program in tests/parity/golden_test tests/parity/identities_test tests/parity/backends_agree_test tests/unit/stream_test; do
      g++ -o "$out/$(basename $program)" "$(object $program.cc)" "$out"/gtest-all.o "$out"/gtest_main.o "$out"/gmock-all.o "$out/libcore.a" -ldl -lpthread || exit 1
    done
  fi
}
export MONE_CUDA_MODULE=$out/libmone-cuda.so

# run NAME SECONDS COMMAND…: into the results, its last lines; a failure is counted and the rest goes on.
run() {
  local name=$1 limit=$2 lines=$3
  shift 3
  note "$name"
  timeout "$(within "$limit")" "$@" >"$out/log" 2>&1
  local status=$?
  {
    echo "$name: $([ $status = 0 ] && echo passed || echo "FAILED (exit status $status)")"
    echo
    tail -n "$lines" "$out/log" | sed 's/^/    /'
    echo
  } | write
  [ $status = 0 ] || { failed=1; grep -E "FAILED|Failure|error" "$out/log" | head -20; }
}

# within SECONDS: no longer than that, nor than what is left of ten minutes.
within() {
  local left=$((580 - (SECONDS - started)))
  echo $((left < 5 ? 5 : left < $1 ? left : $1))
}

echo "## Parity" | write
for program in golden_test identities_test backends_agree_test stream_test; do
  [ ! -x "$out/$program" ] || run "$program" 60 3 "$out/$program" --gtest_filter='*cuda*' --gtest_brief=1
done
run "agreement, bits, memory" 170 90 "$out/agree"
run "tubelets cut in device memory" 40 60 "$out/cut"

# speed PRODUCTS: Hopper's own instructions are not the default until they have been timed and checked here.
speed() {
  echo "
## Speed: FE ViViT-B/16x2, bf16, pixels from host memory, products by $1
" | write
  note "speed, $1"
  MONE_GPU_SECONDS=0.25 MONE_CUDA_PRODUCTS=$1 timeout "$(within 100)" "$out/speed" "$out/vivit_b.safetensors" >"$out/log" 2>&1
  local status=$?
  write <"$out/log"
  [ $status = 0 ] || { failed=1; echo "FAILED (exit status $status)" | write; }
}
speed mma
[ "$arch" != 90a ] || speed wgmma

echo "
## Kernels and libraries side by side: ViViT-B/16x2, bf16, a step with its prediction
" | write
note "side by side"
MONE_GPU_SECONDS=0.25 timeout "$(within 80)" "$out/speed" "$out/vivit_b.safetensors" choices >"$out/log" 2>"$out/errors"
status=$?
write <"$out/log"
sed 's/^/    /' "$out/errors" | write
[ $status = 0 ] || { failed=1; echo "FAILED (exit status $status)" | write; }

echo "
## compute-sanitizer, small models
" | write
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    run "$tool" 60 3 compute-sanitizer --tool $tool --error-exitcode 9 "$out/agree" quick
    run "$tool, cut" 40 3 compute-sanitizer --tool $tool --error-exitcode 9 "$out/cut" quick
  done
else
  echo "compute-sanitizer is not here" | write
fi

echo "
## PyTorch on the same weights
" | write
note "PyTorch"
left=$(within 300)
timeout "$left" python3 tests/gpu/torch_speed.py "$out/vivit_b.safetensors" $((left > 70 ? left - 60 : 10)) >"$out/log" 2>&1 || echo "PyTorch did not finish" >>"$out/log"
grep -v Warning "$out/log" | tail -n 20 | write

echo "
## The trainer on this device
" | write
g++ -shared -o "$out/libmone.so" -Wl,--whole-archive "$out/libcore.a" -Wl,--no-whole-archive -ldl -lpthread &&
  MONE_LIBRARY=$out/libmone.so run "training" 90 8 tests/gpu/train.sh cuda

echo "
## Kernels: registers by target
" | write
cuobjdump --dump-resource-usage "$out/libmone-cuda.so" 2>/dev/null | tests/gpu/resources.py | write
[ "${PIPESTATUS[1]}" = 0 ] || { echo "a kernel spills" | write; failed=1; }
note "done, failed=$failed"
exit $failed
