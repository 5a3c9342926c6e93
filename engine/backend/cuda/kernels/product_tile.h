/// The tile of a product on tensor cores that a block makes: its operands on their way through shared memory,
/// and its sums on their way out.
///
/// Per turn a block takes 64 inputs, a line of 128 bytes, of each row and each output, kStages turns ahead;
/// the 16-byte pieces of a line are XORed with the line's number, so that the eight addresses of an 8x8 load
/// touch all 32 banks. It is the order that Hopper's instructions call a swizzle of 128 bytes, too.
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

template <class T, int kThreads, int kRows, int kOutputs>
struct ProductTile {
  static constexpr int kStageElements = (kRows + kOutputs) * kLine;
  // Eight more than the tile: the eight rows that a warp writes at once then lie in different banks.
  static constexpr int kSumStride = kOutputs + 8;
  static constexpr int kSharedBytes = larger(kStages * kStageElements * 2, kRows* kSumStride * 4);
  static_assert(kRowTile % kRows == 0);

  MONE_BOTH static Grid grid(const Product& p) {
    return {ceil_div(p.outputs, kOutputs), ceil_div(p.rows, kRows), 1};
  }

  const Product& p;
  int row0 = block_y() * kRows, output0 = block_x() * kOutputs;
  int depth = round_up(p.depth(row0), kDepthStep), turns = ceil_div(depth, kLine);

  /// Whether no row of the tile reaches its outputs.
  MONE_DEVICE bool idle() const { return output0 >= p.columns(row0); }
  /// Steps of 16 inputs in a turn.
  MONE_DEVICE int steps(int turn) const { return smaller(kLine, depth - turn * kLine) / kDepthStep; }
  MONE_DEVICE T* rows(int turn) const {
    return reinterpret_cast<T*>(shared_memory()) + turn % kStages * kStageElements;
  }
  MONE_DEVICE T* weights(int turn) const { return rows(turn) + kRows * kLine; }

  /// Starts a turn's copies, if there is such a turn; either way a group ends.
  MONE_DEVICE void fetch(int turn) const {
    if (turn < turns) {
      fetch_lines(rows(turn), p.x, p.ldx, row0, kRows, p.rows, turn * kLine);
      fetch_lines(weights(turn), p.w, p.ldw, output0, kOutputs, p.outputs, turn * kLine);
    }
    copy_async_commit();
  }

  /// Lines past the last row, and pieces past the last input, become zero; pieces past `depth` are not read,
  /// so are not fetched.
  MONE_DEVICE void fetch_lines(T* tile, const void* from, int ld, int first, int lines, int end,
                               int k0) const {
    const T* source = static_cast<const T*>(from);
    for (int i = thread(); i < lines * kPieces; i += kThreads) {
      const int line = i / kPieces, index = i % kPieces, k = k0 + index * 8;
      if (k >= depth) continue;
      const bool valid = first + line < end && k < p.inputs;
      const long long row = valid ? first + line : 0;
      copy_async16(piece(tile, line, index), source + row * ld + (valid ? k : 0), valid);
    }
  }

  /// A lane's four sums of a 16 x 8 part at (row, column) of the tile, into shared memory. Operands are no
  /// longer needed: the block has synchronised.
  MONE_DEVICE void put(int row, int column, const float (&sums)[4]) const {
    float* at =
        reinterpret_cast<float*>(shared_memory()) + (row + lane() / 4) * kSumStride + column + lane() % 4 * 2;
    at[0] = sums[0], at[1] = sums[1];
    at += 8 * kSumStride;
    at[0] = sums[2], at[1] = sums[3];
  }

  /// All sums are put: neighbouring threads finish neighbouring outputs of a row.
  MONE_DEVICE void finish_all() const {
    sync_block();
    const float* tile = reinterpret_cast<const float*>(shared_memory());
    for (int i = thread(); i < kRows * kOutputs / 2; i += kThreads) {
      const int row = i / (kOutputs / 2), column = i % (kOutputs / 2) * 2;
      finish<T>(p, row0 + row, output0 + column, tile[row * kSumStride + column],
                tile[row * kSumStride + column + 1]);
    }
  }
};

}  // namespace mone::cuda
