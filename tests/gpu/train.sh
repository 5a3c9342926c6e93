#!/usr/bin/env bash
# tests/gpu/train.sh [DEVICE]: the renderer built with nothing but g++, and a hundred steps of the trainer with it, as on a machine
# that has a GPU and PyTorch and nothing else. MONE_LIBRARY names libmone.so (the cutter). Prints how far it came and how fast.
set -eu
device=${1:-cuda}
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags="-std=c++20 -O3 -fno-math-errno -fno-trapping-math -fPIC -I. -DMONE_ACTORS_X86"
raster() { echo "g++ $flags $2 -c elements/actors/raster_$1.cc -o $out/raster_$1.o"; }
{
  raster base ""
  raster avx2 "-mavx2 -mfma"
  raster avx512 "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma -mprefer-vector-width=512"
  for source in $(ls elements/actors/*.cc elements/actors/motions/*.cc | grep -v /raster_); do
    echo "g++ $flags -c $source -o $out/$(basename "$source" .cc).o"
  done
} | xargs -d '\n' -P "$(nproc)" -I{} sh -c '{}'
g++ -shared -o "$out/libmone-actors.so" "$out"/*.o -lpthread
MONE_ACTORS=$out/libmone-actors.so python3 samples/training/train.py --device "$device" --steps "${MONE_TRAIN_STEPS:-100}" \
  --batch "${MONE_TRAIN_BATCH:-192}" --held-out 90 --evaluate-minutes 999 --out "$out/model.safetensors"
tail -n 1 "$out/model.safetensors.run/curves.csv"
