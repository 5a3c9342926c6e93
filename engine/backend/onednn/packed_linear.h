/// One linear layer, packed once for whatever runs its products.
#pragma once

#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/onednn/dnnl_matmul.h"
#include "engine/backend/onednn/isa.h"
#include "engine/backend/onednn/memory.h"
#include "engine/backend/onednn/staircase.h"
#include "engine/backend/onednn/thread_team.h"

namespace mone::cpu {

/// What a product's operand and weights are.
enum class Operand { kF32, kBf16, kInt8 };

class PackedLinear : public Linear {
 public:
  /// @param weight  f32 [n, k] row-major
  /// @param bias    f32 [n], or empty
  PackedLinear(const std::vector<float>& weight, const std::vector<float>& bias, int n, int k,
               Nesting nesting, int experts, Operand operand, const Isa& isa, ThreadTeam& team);

  int outputs() const { return n_; }
  int inputs() const { return k_; }
  Operand operand() const { return operand_; }
  /// What the rows of a product with this layer are cut by.
  void cut(Staircase& staircase, const RowPlan& plan) const;
  void cut(Staircase& staircase, int rows) const;

  /// Runs `product`, whose operand, finish and out are set, on the staircase's rows.
  void run(Product product, const Staircase& staircase, ThreadTeam& team) const;

 private:
  // W[n_begin, n_end) x [k_begin, k_end) of one expert's step, for oneDNN: the first product of a row starts
  // the sums, those after it add to them.
  struct Block {
    int n_begin, n_count, k_begin;
    DnnlMatmul matmul;
  };

  /// Whole numbers in place of the weights, scales and offsets beside them.
  std::vector<float> quantise_weights(const std::vector<float>& weight);
  std::size_t weight_bytes() const;
  void pack_own(const std::vector<float>& weight, ThreadTeam& team);
  void pack_dnnl(const std::vector<float>& weight);
  void run_own(const Product& product, std::span<const RowTile> tiles, ThreadTeam& team) const;
  void run_dnnl(const Product& product, std::span<const RowTile> tiles, ThreadTeam& team) const;
  int width_of(int expert) const;
  int panel_inputs() const;
  int tile_rows() const;

  int n_, k_;
  int k_padded_;  // to what an instruction takes at least; a panel has a whole number of the kernels' blocks
  Nesting nesting_;
  int experts_;
  Operand operand_;
  bool bf16_, dnnl_;
  const Kernels* kernels_;
  Memory panels_;
  std::vector<float> bias_;            // padded to whole panels
  std::vector<float> scales_;          // of int8 weights, likewise
  std::vector<std::int32_t> offsets_;  // [experts that narrow K, or 1][outputs], likewise
  // Columns of N that one item makes, [columns][blocks along K].
  std::vector<std::vector<Block>> columns_;
};

}  // namespace mone::cpu
