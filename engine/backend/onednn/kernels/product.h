/// Staircase products: row tiles times packed panels, finished in f32.
#pragma once

#include "engine/backend/onednn/kernels/activation.h"
#include "engine/backend/onednn/kernels/dot_tile.h"
#include "engine/backend/onednn/kernels/matrix_tile.h"
#include "engine/backend/onednn/kernels/quantise.h"

namespace mone::cpu::MONE_ISA {

/// Finishes `columns` sums of one row that start at output `column`.
template <class T, class Function>
MONE_INLINE void finish_row(const float* sums, const float* bias, T* out, int columns, Function&& function) {
  int i = 0;
  for (; i + kLanes <= columns; i += kLanes) store_as(out + i, function(load(sums + i) + load(bias + i)));
  if (i < columns) {
    alignas(64) float s[kLanes] = {}, b[kLanes] = {};
    for (int j = 0; j < columns - i; ++j) s[j] = sums[i + j], b[j] = bias[i + j];
    store(s, function(load(s) + load(b)));
    for (int j = 0; j < columns - i; ++j) store_as(out + i + j, s[j]);
  }
}

MONE_INLINE void add_row(const float* sums, const float* bias, float gate, float* out, int columns) {
  int i = 0;
  for (; i + kLanes <= columns; i += kLanes)
    store(out + i, fma(splat(gate), load(sums + i) + load(bias + i), load(out + i)));
  for (; i < columns; ++i) out[i] = __builtin_fmaf(gate, sums[i] + bias[i], out[i]);
}

template <class T>
void finish(const Product& p, const float* sums, std::ptrdiff_t ld, const RowTile& tile, int column,
            int columns) {
  const float* bias = p.bias + column;
  for (int i = 0; i < tile.rows; ++i, sums += ld) {
    const std::ptrdiff_t at = (tile.row + i) * p.ldo + column;
    switch (p.finish) {
      case Finish::kStore:
        if (p.out_f32)
          finish_row(sums, bias, static_cast<float*>(p.out) + at, columns, [](Vec v) { return v; });
        else
          finish_row(sums, bias, static_cast<T*>(p.out) + at, columns, [](Vec v) { return v; });
        break;
      case Finish::kGeluTanh:
        finish_row(sums, bias, static_cast<T*>(p.out) + at, columns, [](Vec v) {
          return gelu_tanh < sizeof(T) == 2 ? Precision::kBf16 : Precision::kF32 > (v);
        });
        break;
      case Finish::kGeluErf:
        finish_row(sums, bias, static_cast<T*>(p.out) + at, columns, [](Vec v) { return gelu_erf(v); });
        break;
      case Finish::kResidual: {
        int own = columns;
        if (p.widths && p.widths[tile.row + i] - column < own) own = p.widths[tile.row + i] - column;
        add_row(sums, bias, p.gate ? p.gate[tile.row + i] : 1.0f, static_cast<float*>(p.out) + at, own);
        break;
      }
    }
  }
}

template <class T>
MONE_INLINE int k_extent(const Product& p, const RowTile& tile) {
  return p.nested_inputs ? (tile.width + Dot<T>::kStep - 1) / Dot<T>::kStep * Dot<T>::kStep : p.k;
}

/// Panels outermost: a panel (48 KiB for 768 inputs in bf16) stays in the L2 cache for all tiles, and is read
/// from memory once, one panel ahead of its use. The operand of all tiles (300 KiB for 197 rows) is in L2 as
/// well.
template <class T>
void product(const Product& p, const RowTile* tiles, int tile_count, int panel_begin, int panel_end) {
  constexpr int kStep = Dot<T>::kStep, kBlock = Dot<T>::kBlock;
  const std::ptrdiff_t panel_size =
      static_cast<std::ptrdiff_t>((p.k + kBlock - 1) / kBlock * kBlock) * kPanel;
  const T* panels = static_cast<const T*>(p.panels);
  alignas(64) float sums[Dot<T>::kRows * kPanel];
  Unit<T> unit;
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    const int column = panel * kPanel;
    const T* weights = panels + panel * panel_size;
    Ahead ahead;
    if (panel + 1 < panel_end && p.k > 0) {
      // The part of it that the widest tile reads, spread over the steps of all tiles.
      int widest = 0, steps = 1;
      for (int t = 0; t < tile_count; ++t) {
        if (p.nested_outputs && tiles[t].width <= column) continue;
        const int k = k_extent<T>(p, tiles[t]);
        steps += k / (8 * kStep);
        widest = k > widest ? k : widest;
      }
      const std::ptrdiff_t bytes = static_cast<std::ptrdiff_t>(widest) * kPanel * static_cast<int>(sizeof(T));
      ahead.next = reinterpret_cast<const char*>(weights + panel_size);
      ahead.end = ahead.next + bytes;
      ahead.lines_per_step = static_cast<int>((bytes / 64 + steps - 1) / steps);
    }
    for (int t = 0; t < tile_count; ++t) {
      const RowTile& tile = tiles[t];
      int outputs = p.n - column;
      if (p.nested_outputs && tile.width - column < outputs) outputs = tile.width - column;
      if (outputs <= 0) continue;
      dot<T>(unit, static_cast<const T*>(p.x) + tile.row * p.ldx, p.ldx, tile.rows, weights,
             k_extent<T>(p, tile), sums, kPanel, ahead);
      const int columns = outputs < kPanel ? outputs : kPanel;
#if defined(__AVX512VNNI__)
      if constexpr (sizeof(T) == 1) {
        dequantise(p, tile, column, sums);
        finish<Bf16>(p, sums, kPanel, tile, column, columns);
        continue;
      }
#endif
      if constexpr (sizeof(T) > 1) finish<T>(p, sums, kPanel, tile, column, columns);
    }
  }
}

template <class T>
void pack_panel(const float* weights, std::ptrdiff_t ldw, int n, int k, int k_padded, T* panel) {
  constexpr int kStep = Dot<T>::kStep;
  for (int i = 0; i < k_padded; ++i)
    for (int column = 0; column < kPanel; ++column)
      store_as(panel + (i / kStep * kPanel + column) * kStep + i % kStep,
               i < k && column < n ? weights[column * ldw + i] : 0.0f);
}

}  // namespace mone::cpu::MONE_ISA
