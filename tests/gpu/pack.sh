#!/usr/bin/env bash
# tests/gpu/pack.sh FOLDER: copies the headers that tests/gpu/run.sh needs and a bare machine may lack (Boost.Outcome,
# nlohmann-json, GoogleTest with its source, cuDNN's frontend from PyPI) there. On that machine:
# MONE_GPU_HEADERS=FOLDER tests/gpu/run.sh
set -eu
folder=${1:?where to}
cd "$(dirname "$0")/../.."
mkdir -p "$folder/include"
for source in engine/*.cc engine/backend/*.cc tests/tiny_model.cc; do
  g++ -std=c++20 -M -I. -DMONE_VERSION='""' -DMONE_MODULE_DIR='""' -DMONE_MODEL_DIR='""' "$source"
done | tr ' \\' '\n\n' | grep -E '^/usr/include/(boost|nlohmann)/' | sort -u | while read -r header; do
  mkdir -p "$folder/include/$(dirname "${header#/usr/include/}")"
  cp "$header" "$folder/include/${header#/usr/include/}"
done
if [ -d /usr/src/googletest ]; then
  for part in googletest googlemock; do
    mkdir -p "$folder/$part"
    cp -r "/usr/src/googletest/$part/src" "$folder/$part/"
    cp -r "/usr/include/${part/google/g}" "$folder/include/" 2>/dev/null || cp -r "/usr/src/googletest/$part/include/." "$folder/include/"
  done
fi
if wheel=$(mktemp -d) && python3 -m pip download -q --no-deps -d "$wheel" nvidia-cudnn-frontend; then
  python3 -m zipfile -e "$wheel"/*.whl "$wheel/content"
  cp -r "$wheel"/content/include/cudnn* "$folder/include/"
else
  echo "no headers of cuDNN's frontend: attention by cuDNN will not be built" >&2
fi
rm -rf "$wheel"
du -sh "$folder"
