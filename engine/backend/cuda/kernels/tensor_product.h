/// The staircase product on tensor cores, 16-bit operands, f32 sums (sm_75 and newer: mma; copies ahead from
/// sm_80).
///
/// A block makes a tile of rows x outputs. Per turn it takes 64 inputs, a line of 128 bytes, of each row and
/// each output through shared memory, kStages turns ahead; the 16-byte pieces of a line are XORed with the
/// line's number, so that the eight addresses of an 8x8 load touch all 32 banks. Sums go over inputs in steps
/// of 16, ascending, whatever the tile: results do not depend on how many rows share the call.
#pragma once

#include "engine/backend/cuda/kernels/product.h"

namespace mone::cuda {

constexpr int kLine = 64;           // inputs per turn
constexpr int kPieces = kLine / 8;  // of 16 bytes
constexpr int kStages =
    3;  // three of 32 KB leave two blocks a multiprocessor on sm_80 and sm_90, one on sm_86

/// Address of a piece in a tile of 128-byte lines.
template <class T>
MONE_DEVICE T* piece(T* tile, int line, int index) {
  return tile + line * kLine + ((index ^ (line & 7)) * 8);
}

/// kDown x kAcross warps; each makes kRows x 16 rows by kColumns x 8 outputs.
template <class T, int kDown, int kAcross, int kRows, int kColumns>
struct TensorProduct {
  static constexpr int kThreads = 32 * kDown * kAcross;
  static constexpr int kTileRows = kDown * kRows * 16;
  static constexpr int kTileOutputs = kAcross * kColumns * 8;
  static constexpr int kStageElements = (kTileRows + kTileOutputs) * kLine;
  // Eight more than the tile: the eight rows that a warp writes at once then lie in different banks.
  static constexpr int kSumStride = kTileOutputs + 8;
  static constexpr int kSharedBytes = larger(kStages * kStageElements * 2, kTileRows* kSumStride * 4);
  static_assert(kRowTile % kTileRows == 0 && kColumns % 2 == 0);

  Product p;

  MONE_BOTH static Grid grid(const Product& p) {
    return {ceil_div(p.outputs, kTileOutputs), ceil_div(p.rows, kTileRows), 1};
  }

  /// One operand's lines of a turn. Lines past the last row, and pieces past the last input, become zero;
  /// pieces past `depth` are not read, so are not fetched.
  MONE_DEVICE void fetch(T* tile, const void* from, int ld, int first, int lines, int end, int k0,
                         int depth) const {
    const T* source = static_cast<const T*>(from);
    for (int i = thread(); i < lines * kPieces; i += kThreads) {
      const int line = i / kPieces, index = i % kPieces, k = k0 + index * 8;
      if (k >= depth) continue;
      const bool valid = first + line < end && k < p.inputs;
      const long long row = valid ? first + line : 0;
      copy_async16(piece(tile, line, index), source + row * ld + (valid ? k : 0), valid);
    }
  }

  MONE_DEVICE void operator()() const {
    const int row0 = block_y() * kTileRows, output0 = block_x() * kTileOutputs;
    if (output0 >= p.columns(row0)) return;
    const int depth = round_up(p.depth(row0), kDepthStep), turns = ceil_div(depth, kLine);
    T* const memory = reinterpret_cast<T*>(shared_memory());
    const auto stage = [&](int turn) { return memory + turn % kStages * kStageElements; };
    const auto fetch_turn = [&](int turn) {
      if (turn < turns) {
        fetch(stage(turn), p.x, p.ldx, row0, kTileRows, p.rows, turn * kLine, depth);
        fetch(stage(turn) + kTileRows * kLine, p.w, p.ldw, output0, kTileOutputs, p.outputs, turn * kLine,
              depth);
      }
      copy_async_commit();
    };
    for (int turn = 0; turn < kStages - 1; ++turn) fetch_turn(turn);

    float sums[kRows][kColumns][4]{};
    const int warp_row = warp() / kAcross * kRows * 16, warp_output = warp() % kAcross * kColumns * 8;
    for (int turn = 0; turn < turns; ++turn) {
      copy_async_wait<kStages - 2>();
      sync_block();  // this turn's lines are here, and the last turn's are no longer read
      fetch_turn(turn + kStages - 1);
      const T* x = stage(turn);
      const T* w = x + kTileRows * kLine;
      const int steps = smaller(kLine, depth - turn * kLine) / kDepthStep;
      MONE_UNROLL
      for (int step = 0; step < kLine / kDepthStep; ++step) {
        if (step >= steps) break;
        std::uint32_t a[kRows][4], b[kColumns / 2][4];
        for (int i = 0; i < kRows; ++i)
          load_matrices(a[i], piece(x, warp_row + i * 16 + lane() % 16, step * 2 + lane() / 16));
        for (int j = 0; j < kColumns / 2; ++j)
          load_matrices(
              b[j], piece(w, warp_output + j * 16 + lane() % 8 + lane() / 16 * 8, step * 2 + lane() / 8 % 2));
        for (int i = 0; i < kRows; ++i)
          for (int j = 0; j < kColumns; ++j)
            multiply_add(T{}, sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
    // Through shared memory, so that neighbouring threads finish neighbouring outputs of a row.
    copy_async_wait<0>();
    sync_block();
    float* const tile = reinterpret_cast<float*>(shared_memory());
    MONE_UNROLL
    for (int i = 0; i < kRows; ++i) {
      MONE_UNROLL
      for (int j = 0; j < kColumns; ++j) {
        float* at =
            tile + (warp_row + i * 16 + lane() / 4) * kSumStride + warp_output + j * 8 + lane() % 4 * 2;
        at[0] = sums[i][j][0], at[1] = sums[i][j][1];
        at += 8 * kSumStride;
        at[0] = sums[i][j][2], at[1] = sums[i][j][3];
      }
    }
    sync_block();
    for (int i = thread(); i < kTileRows * kTileOutputs / 2; i += kThreads) {
      const int row = i / (kTileOutputs / 2), column = i % (kTileOutputs / 2) * 2;
      finish<T>(p, row0 + row, output0 + column, tile[row * kSumStride + column],
                tile[row * kSumStride + column + 1]);
    }
  }
};

/// For many rows: 128 x 128, eight warps of 64 x 32.
template <class T>
using WideTensorProduct = TensorProduct<T, 2, 4, 4, 4>;
/// For few: 64 x 64, four warps of 32 x 32, so that a batch of one still fills the multiprocessors.
template <class T>
using NarrowTensorProduct = TensorProduct<T, 2, 2, 2, 4>;

}  // namespace mone::cuda
