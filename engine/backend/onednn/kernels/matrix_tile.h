/// The innermost loop where the CPU has matrix tiles (AMX): up to 32 operand rows times one packed panel.
///
/// Two tiles of 16 rows by two of 16 outputs: four sums hide each other's latency (16 cycles each of 52), and
/// each tile that is loaded is used twice. A packed panel is what the tiles of weights want, so the panels of
/// the other bf16 and int8 kernels serve. Every row's sum runs over k in order, whatever the number of rows.
#pragma once

#include "engine/backend/onednn/kernels/dot_tile.h"

#if defined(__AMX_BF16__) && defined(__AMX_INT8__)
namespace mone::cpu::MONE_ISA {

inline constexpr int kMatrixRows = 16;   // of a tile register
inline constexpr int kMatrixBytes = 64;  // of a row of one

template <class T>
struct MatrixDot {
  static constexpr int kStep = 4 / sizeof(T);
  static constexpr int kBlock = kMatrixBytes / sizeof(T);  // values of k that one instruction sums
  static constexpr int kRows = 2 * kMatrixRows;
};
template <>
struct Dot<Bf16> : MatrixDot<Bf16> {};
template <>
struct Dot<Int8> : MatrixDot<Int8> {};

// Tile registers: sums of the upper rows 0, 1 and of the lower 2, 3; operand rows 4, 5; weights 6, 7.
#define MONE_MULTIPLY(T, sum, x, w) \
  do {                              \
    if constexpr (sizeof(T) == 2)   \
      _tile_dpbf16ps(sum, x, w);    \
    else                            \
      _tile_dpbusd(sum, x, w);      \
  } while (false)

/// What was written is in memory: GCC's tile instructions do not say that they read it.
MONE_INLINE void settle_memory() { __asm__ volatile("" ::: "memory"); }

/// The shape of the tile registers, which belongs to the thread: set for a number of rows, kept while that
/// stays, given back at the end.
class MatrixUnit {
 public:
  MatrixUnit() = default;
  MatrixUnit(const MatrixUnit&) = delete;
  MatrixUnit& operator=(const MatrixUnit&) = delete;
  ~MatrixUnit() {
    if (rows_ > 0) _tile_release();
  }

  MONE_INLINE void set_rows(int rows) {
    if (rows == rows_) return;
    rows_ = rows;
    const int upper = rows < kMatrixRows ? rows : kMatrixRows;
    const int lower = rows > kMatrixRows ? rows - kMatrixRows : 1;  // 0 is no shape
    const std::uint8_t heights[8] = {static_cast<std::uint8_t>(upper),
                                     static_cast<std::uint8_t>(upper),
                                     static_cast<std::uint8_t>(lower),
                                     static_cast<std::uint8_t>(lower),
                                     static_cast<std::uint8_t>(upper),
                                     static_cast<std::uint8_t>(lower),
                                     kMatrixRows,
                                     kMatrixRows};
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } shape;
    for (int i = 0; i < 8; ++i) shape.row_bytes[i] = kMatrixBytes, shape.rows[i] = heights[i];
    settle_memory();
    _tile_loadconfig(&shape);
  }

 private:
  int rows_ = 0;
};
template <>
struct Unit<Bf16> : MatrixUnit {};
template <>
struct Unit<Int8> : MatrixUnit {};

/// One block of k. Strides in bytes.
template <class T, bool kLower>
MONE_INLINE void add_block(const T* x, std::ptrdiff_t row_bytes, const T* panel) {
  constexpr std::ptrdiff_t kPanelBytes = kPanel * 4;
  const char* w = reinterpret_cast<const char*>(panel);
  _tile_loadd(6, w, kPanelBytes);
  _tile_loadd(7, w + kMatrixBytes, kPanelBytes);
  _tile_loadd(4, x, row_bytes);
  MONE_MULTIPLY(T, 0, 4, 6);
  MONE_MULTIPLY(T, 1, 4, 7);
  if constexpr (kLower) {
    _tile_loadd(5, reinterpret_cast<const char*>(x) + kMatrixRows * row_bytes, row_bytes);
    MONE_MULTIPLY(T, 2, 5, 6);
    MONE_MULTIPLY(T, 3, 5, 7);
  }
}

/// @param last  the operand's rows from the last whole block on, one block wide; null: k is whole blocks
template <class T, bool kLower>
[[gnu::noinline]] void matrix_tile(const T* x, std::ptrdiff_t ldx, const T* panel, int k, const T* last,
                                   float* sums, std::ptrdiff_t ldsums, Ahead& ahead) {
  constexpr int kBlock = Dot<T>::kBlock;
  settle_memory();
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kLower) {
    _tile_zero(2);
    _tile_zero(3);
  }
  int i = 0;
  for (; i + kBlock <= k; i += kBlock) {
    ahead.step();
    ahead.step();
    add_block<T, kLower>(x + i, ldx * static_cast<std::ptrdiff_t>(sizeof(T)), panel + i * kPanel);
  }
  if (i < k) add_block<T, kLower>(last, kMatrixBytes, panel + i * kPanel);
  const std::ptrdiff_t sum_bytes = ldsums * 4;
  _tile_stored(0, sums, sum_bytes);
  _tile_stored(1, sums + kLanes, sum_bytes);
  if constexpr (kLower) {
    _tile_stored(2, sums + kMatrixRows * ldsums, sum_bytes);
    _tile_stored(3, sums + kMatrixRows * ldsums + kLanes, sum_bytes);
  }
}

/// sums f32 (int8: whole numbers of 32 bits) [rows, kPanel], ldsums apart, = x [rows, k] * panel [k, kPanel]
template <class T>
MONE_INLINE void matrix_dot(MatrixUnit& unit, const T* x, std::ptrdiff_t ldx, int rows, const T* panel, int k,
                            float* sums, std::ptrdiff_t ldsums, Ahead& ahead) {
  constexpr int kBlock = Dot<T>::kBlock;
  unit.set_rows(rows);
  // A block that k ends within: what follows in the rows is none of the product's (and may be no number), so
  // it is replaced by 0; the panel goes on with what does not matter then.
  const int whole = k / kBlock * kBlock;
  alignas(64) T last[Dot<T>::kRows * kBlock];
  if (whole < k) {
    const __mmask64 mask = (std::uint64_t{1} << ((k - whole) * sizeof(T))) - 1;
    for (int i = 0; i < rows; ++i)
      _mm512_store_si512(last + i * kBlock, _mm512_maskz_loadu_epi8(mask, x + i * ldx + whole));
  }
  rows > kMatrixRows ? matrix_tile<T, true>(x, ldx, panel, k, last, sums, ldsums, ahead)
                     : matrix_tile<T, false>(x, ldx, panel, k, last, sums, ldsums, ahead);
}

template <>
MONE_INLINE void dot<Bf16>(Unit<Bf16>& unit, const Bf16* x, std::ptrdiff_t ldx, int rows, const Bf16* panel,
                           int k, float* sums, std::ptrdiff_t ldsums, Ahead& ahead) {
  matrix_dot(unit, x, ldx, rows, panel, k, sums, ldsums, ahead);
}
template <>
MONE_INLINE void dot<Int8>(Unit<Int8>& unit, const Int8* x, std::ptrdiff_t ldx, int rows, const Int8* panel,
                           int k, float* sums, std::ptrdiff_t ldsums, Ahead& ahead) {
  matrix_dot(unit, x, ldx, rows, panel, k, sums, ldsums, ahead);
}

}  // namespace mone::cpu::MONE_ISA
#endif
