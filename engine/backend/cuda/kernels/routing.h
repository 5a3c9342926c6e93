/// Router and Expert Preferred Routing on the device (spec sections 4.2 and 4.7).
#pragma once

#include "engine/backend/cuda/kernels/rows.h"

namespace mone::cuda {

/// probs = softmax(W norm(x) + b), f32. A warp takes a counted row.
struct RouterProbs {
  static constexpr int kThreads = 32 * kWarpsPerBlock;
  const float* x;                            ///< [items * rows_per_item, width], raster order
  const float *weight, *bias;                ///< [experts, width], [experts]
  const float *norm_weight, *norm_bias;      ///< [width], or null: routed on x itself
  float* probs;                              ///< [items, counted, experts]
  int rows, counted, apart, width, experts;  ///< rows = items * counted
  float eps;

  MONE_DEVICE void operator()() const {
    const int row = row_of_warp();
    if (row >= rows) return;
    const float* from =
        x + (static_cast<long long>(row / counted) * (counted + apart) + apart + row % counted) * width;
    Moments moments{};
    float inverse = 1;
    if (norm_weight) {
      moments = row_moments(from, width);
      inverse = inverse_deviation(moments, width, eps);
    }
    float sums[kMaxStairs]{};
    for_lane(from, width, [&](int i, float value) {
      if (norm_weight) value = (value - moments.mean) * inverse * norm_weight[i] + norm_bias[i];
      for (int j = 0; j < kMaxStairs; ++j)
        if (j < experts) sums[j] += value * weight[static_cast<long long>(j) * width + i];
    });
    float most = 0, sum = 0;
    for (int j = 0; j < kMaxStairs; ++j) {
      if (j >= experts) break;
      sums[j] = warp_sum(sums[j]) + bias[j];
      most = j == 0 || sums[j] > most ? sums[j] : most;
    }
    for (int j = 0; j < kMaxStairs; ++j)
      if (j < experts) sum += sums[j] = expf(sums[j] - most);
    for (int j = 0; j < kMaxStairs; ++j)
      if (lane() == j && j < experts) probs[static_cast<long long>(row) * experts + j] = sums[j] / sum;
  }
};

/// A probability as a number whose order is the router's preference: larger first, NaN last, and then the
/// lower index. No two tokens of an item have the same key.
MONE_BOTH unsigned long long preference(float prob, int token) {
  const std::uint32_t bits = float_bits(prob);
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  // Negative numbers do not occur, but for -0, which is 0.
  const std::uint32_t order = nan ? 0 : (bits & 0x7fffffffu) + 1;
  return (static_cast<unsigned long long>(order) << 16) | static_cast<unsigned>(0xffff - token);
}
constexpr int kPreferenceBits = 48;
/// Tokens that preference() can tell apart.
constexpr int kMaxTokens = 65536;

/// One block an item: experts for its counted rows, and where each row goes once sorted.
struct AssignExperts {
  static constexpr int kThreads = 256;
  static constexpr int kWarps = kThreads / 32;

  const float* probs;           ///< [items, counted, experts], or null: `given` or all to the largest
  const std::uint8_t* given;    ///< [items, counted] instead of the router's choice, or null
  const int* segments;          ///< [items, experts + 1, 2]: begin, count, as RowPlan has them
  std::uint8_t* chosen_expert;  ///< [items, counted]
  int* order;                   ///< [rows]: sorted -> raster
  float* chosen;                ///< [rows]: probability of the chosen expert, 0 where the gate is 1
  int* not_finite;              ///< [items]: how many probabilities are NaN
  int counted, apart, experts;

  struct Shared {
    int sums[2][kWarps][4];
  };
  static constexpr int kSharedBytes = static_cast<int>(sizeof(Shared));

  MONE_DEVICE Shared& shared() const { return *reinterpret_cast<Shared*>(shared_memory()); }

  /// Sums of three counts over the block. `turn` alternates between two pieces of memory, so one barrier
  /// does.
  MONE_DEVICE void block_sums(int (&counts)[3], int turn) const {
    Shared& s = shared();
    for (int i = 0; i < 3; ++i) {
      const int sum = warp_sum(counts[i]);
      if (lane() == 0) s.sums[turn & 1][warp()][i] = sum;
    }
    sync_block();
    for (int i = 0; i < 3; ++i) {
      counts[i] = 0;
      for (int w = 0; w < kWarps; ++w) counts[i] += s.sums[turn & 1][w][i];
    }
  }

  /// The `wanted` best free tokens for `expert` get it. Finds the wanted-th largest key two bits at a time:
  /// the largest threshold that at least `wanted` keys reach. No sorting, no atomics, and ties cannot happen.
  MONE_DEVICE void choose(const float* item_probs, std::uint8_t* mine, int expert, int wanted,
                          int& turn) const {
    unsigned long long threshold = 0;
    for (int bit = kPreferenceBits - 2; bit >= 0; bit -= 2) {
      int reach[3]{};
      for (int token = thread(); token < counted; token += kThreads) {
        if (mine[token] != 0) continue;
        const unsigned long long key =
            preference(item_probs[static_cast<long long>(token) * experts + expert], token);
        for (int i = 0; i < 3; ++i)
          reach[i] += key >= threshold + (static_cast<unsigned long long>(i + 1) << bit);
      }
      block_sums(reach, turn++);
      int step = 0;
      for (int i = 0; i < 3; ++i)
        if (reach[i] >= wanted) step = i + 1;
      threshold += static_cast<unsigned long long>(step) << bit;
    }
    for (int token = thread(); token < counted; token += kThreads)
      if (mine[token] == 0 &&
          preference(item_probs[static_cast<long long>(token) * experts + expert], token) >= threshold)
        mine[token] = static_cast<std::uint8_t>(expert);
  }

  /// Raster order inside each expert: a token's place is the number of tokens of its expert before it.
  MONE_DEVICE void sort(const float* item_probs, const std::uint8_t* mine, const int* item_segments, int item,
                        int& turn) const {
    for (int expert = 0; expert < experts; ++expert) {
      int next = item_segments[(experts - expert) * 2];
      for (int base = 0; base < counted; base += kThreads) {
        const int token = base + thread();
        const bool is = token < counted && mine[token] == expert;
        const std::uint32_t mask = ballot(is);
        Shared& s = shared();
        if (lane() == 0) s.sums[turn & 1][warp()][0] = ones(mask);
        sync_block();
        int before = next + ones(mask & ((1u << lane()) - 1));
        for (int w = 0; w < kWarps; ++w) {
          const int count = s.sums[turn & 1][w][0];
          if (w < warp()) before += count;
          next += count;
        }
        ++turn;
        if (!is) continue;
        order[before] = item * (counted + apart) + apart + token;
        chosen[before] = item_probs ? item_probs[static_cast<long long>(token) * experts + expert] : 0;
      }
    }
  }

  MONE_DEVICE void operator()() const {
    const int item = block_x();
    const int* item_segments = segments + static_cast<long long>(item) * (experts + 1) * 2;
    const float* item_probs = probs ? probs + static_cast<long long>(item) * counted * experts : nullptr;
    std::uint8_t* mine = chosen_expert + static_cast<long long>(item) * counted;
    int turn = 0;
    int nan[3]{};
    // A thread reads and writes the experts of its own tokens only, so these loops need no barrier.
    for (int token = thread(); token < counted; token += kThreads) {
      const int all = item_probs ? 0 : experts - 1;
      mine[token] =
          static_cast<std::uint8_t>(given ? given[static_cast<long long>(item) * counted + token] : all);
      for (int j = 0; item_probs && j < experts; ++j) {
        const float prob = item_probs[static_cast<long long>(token) * experts + j];
        nan[0] += prob != prob;
      }
    }
    block_sums(nan, turn++);
    if (thread() == 0) not_finite[item] = nan[0];
    for (int expert = experts - 1; item_probs && !given && expert > 0; --expert) {
      const int wanted = item_segments[(experts - expert) * 2 + 1];
      if (wanted > 0) choose(item_probs, mine, expert, wanted, turn);
    }
    sort(item_probs, mine, item_segments, item, turn);
    if (apart && thread() == 0) {
      const int cls = item_segments[0];
      order[cls] = item * (counted + apart);
      chosen[cls] = 0;
    }
  }
};

}  // namespace mone::cuda
