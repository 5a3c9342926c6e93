#include "engine/backend/onednn/packed_linear.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "engine/backend/onednn/cpu_buffer.h"
#include "engine/capacity.h"
#include "engine/int8.h"

namespace mone::cpu {
namespace {

// Rows of one oneDNN call, always: the primitive, and with it the order of every sum, is then the same for
// any number of rows. Whole blocks of rows of every kernel it may take (4 with SSE4.1 and AVX, 6 with AVX2, 16
// of a matrix unit): the rows of a last block that is not whole are summed in another order.
constexpr int kDnnlRows = 48;

// Outputs of one oneDNN call at most: its sums (48 KiB of f32) stay in the second-level cache until they are
// finished.
constexpr int kDnnlColumns = 384;

// Items of a product for every thread: enough that a core that is disturbed leaves the rest to the others,
// few enough that an item has several panels, each of which fetches the next one.
constexpr int kItemsPerThread = 6;

long second_level_cache() {
  const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? bytes : 1 << 20;
}

int divide_up(int x, int by) { return (x + by - 1) / by; }

}  // namespace

PackedLinear::PackedLinear(const std::vector<float>& weight, const std::vector<float>& bias, int n, int k,
                           Nesting nesting, int experts, Operand operand, const Isa& isa, ThreadTeam& team)
    : n_(n),
      k_(k),
      k_padded_(divide_up(k, operand == Operand::kInt8 ? 4 : 2) * (operand == Operand::kInt8 ? 4 : 2)),
      nesting_(nesting),
      experts_(experts),
      operand_(operand),
      bf16_(operand == Operand::kBf16),
      dnnl_(operand == Operand::kF32 ? isa.dnnl_f32 : bf16_ && isa.dnnl_bf16),
      kernels_(isa.kernels) {
  bias_.assign(static_cast<std::size_t>(divide_up(n, kernels_->panel)) * kernels_->panel, 0.0f);
  std::copy(bias.begin(), bias.end(), bias_.begin());
  if (dnnl_)
    pack_dnnl(weight);
  else
    pack_own(operand == Operand::kInt8 ? quantise_weights(weight) : weight, team);
}

std::size_t PackedLinear::weight_bytes() const {
  return operand_ == Operand::kF32 ? 4 : operand_ == Operand::kBf16 ? 2 : 1;
}

std::vector<float> PackedLinear::quantise_weights(const std::vector<float>& weight) {
  const std::size_t outputs = bias_.size();
  const int steps = nesting_ == Nesting::kInput ? experts_ : 1;
  scales_.assign(outputs, 0.0f);
  offsets_.assign(outputs * steps, 0);
  std::vector<float> whole(weight.size());
  std::vector<std::int8_t> row(k_);
  for (int o = 0; o < n_; ++o) {
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(o) * k_;
    scales_[o] = quantise({weight.data() + first, row.size()}, row.data());
    std::copy(row.begin(), row.end(), whole.begin() + first);
    for (int step = 0; step < steps; ++step) {
      // What a tile of that width reads: whole groups of four.
      const int width = expert_width(steps - 1 - step, steps, k_);
      const auto end = row.begin() + std::min(k_, divide_up(width, 4) * 4);
      offsets_[step * outputs + o] = 128 * std::accumulate(row.begin(), end, 0);
    }
  }
  return whole;
}

int PackedLinear::tile_rows() const {
  return dnnl_                        ? kDnnlRows
         : operand_ == Operand::kInt8 ? kernels_->int8.tile_rows
         : operand_ == Operand::kBf16 ? kernels_->bf16.tile_rows
                                      : kernels_->f32.tile_rows;
}

int PackedLinear::panel_inputs() const {
  const int block = operand_ == Operand::kInt8   ? kernels_->int8.k_block
                    : operand_ == Operand::kBf16 ? kernels_->bf16.k_block
                                                 : kernels_->f32.k_block;
  return divide_up(k_padded_, block) * block;
}

int PackedLinear::width_of(int expert) const {
  return expert_width(expert, experts_, nesting_ == Nesting::kInput ? k_ : n_);
}

void PackedLinear::pack_own(const std::vector<float>& weight, ThreadTeam& team) {
  const int panels = divide_up(n_, kernels_->panel), inputs = panel_inputs();
  const std::size_t panel_bytes = static_cast<std::size_t>(inputs) * kernels_->panel * weight_bytes();
  panels_ = Memory(panels * panel_bytes, true);
  team.run(panels, [&](int panel, int) {
    const int first = panel * kernels_->panel, count = std::min(kernels_->panel, n_ - first);
    const float* from = weight.data() + static_cast<std::ptrdiff_t>(first) * k_;
    char* to = panels_.as<char>() + panel * panel_bytes;
    if (operand_ == Operand::kInt8)
      kernels_->int8.pack_panel(from, k_, count, k_, inputs, reinterpret_cast<Int8*>(to));
    else if (bf16_)
      kernels_->bf16.pack_panel(from, k_, count, k_, inputs, reinterpret_cast<Bf16*>(to));
    else
      kernels_->f32.pack_panel(from, k_, count, k_, inputs, reinterpret_cast<float*>(to));
  });
}

void PackedLinear::pack_dnnl(const std::vector<float>& weight) {
  const auto block = [&](int n_begin, int n_end, int k_begin, int k_end) {
    return Block{n_begin, n_end - n_begin, k_begin,
                 DnnlMatmul({.rows = kDnnlRows,
                             .n = n_end - n_begin,
                             .k = k_end - k_begin,
                             .ldx = operand_stride(k_, bf16_ ? 2 : 4),
                             .ldsums = kDnnlColumns,
                             .bf16 = bf16_,
                             .accumulate = k_begin > 0},
                            weight.data() + static_cast<std::ptrdiff_t>(n_begin) * k_ + k_begin, k_)};
  };
  const bool by_inputs = nesting_ == Nesting::kInput;
  // Where the outputs are cut: at every expert's width if that is what narrows, and where a call would be too
  // wide.
  for (int n_begin = 0, expert = 0; n_begin < n_;) {
    int n_end = n_;
    if (!by_inputs) {
      while (width_of(expert) <= n_begin) ++expert;
      n_end = width_of(expert);
    }
    n_end = std::min(n_end, n_begin + kDnnlColumns);
    auto& blocks = columns_.emplace_back();
    int k_begin = 0;
    for (int step = 0; step < (by_inputs ? experts_ : 1); ++step) {
      const int k_end = by_inputs ? width_of(step) : k_;
      blocks.push_back(block(n_begin, n_end, k_begin, k_end));
      k_begin = k_end;
    }
    n_begin = n_end;
  }
}

void PackedLinear::cut(Staircase& staircase, const RowPlan& plan) const {
  const int width = nesting_ == Nesting::kInput ? k_ : n_;
  if (experts_ == 1 || plan.experts() == 1)
    staircase.cut(plan.rows(), width, tile_rows(), !dnnl_);
  else
    staircase.cut(plan, width, tile_rows(), !dnnl_);
}

void PackedLinear::cut(Staircase& staircase, int rows) const {
  staircase.cut(rows, nesting_ == Nesting::kInput ? k_ : n_, tile_rows(), !dnnl_);
}

void PackedLinear::run(Product product, const Staircase& staircase, ThreadTeam& team) const {
  product.panels = panels_.as<>();
  product.k = k_padded_;
  product.n = n_;
  product.bias = bias_.data();
  product.scales = scales_.data();
  product.offsets = offsets_.data();
  product.offset_stride = std::ssize(bias_);
  product.nested_inputs = staircase.widths() && nesting_ == Nesting::kInput;
  product.nested_outputs = staircase.widths() && nesting_ == Nesting::kOutput;
  product.widths = product.nested_outputs ? staircase.widths() : nullptr;
  if (dnnl_)
    run_dnnl(product, staircase.tiles(), team);
  else
    run_own(product, staircase.tiles(), team);
}

void PackedLinear::run_own(const Product& product, std::span<const RowTile> tiles, ThreadTeam& team) const {
  const int panels = divide_up(n_, kernels_->panel), tile_count = static_cast<int>(tiles.size());
  if (tile_count == 0) return;
  // Rows are cut where their operand would not fit beside a few panels in the second-level cache, and where
  // the panels alone do not give every thread work.
  static const long cache = second_level_cache();
  const long tile_bytes = static_cast<long>(tile_rows()) * product.ldx * static_cast<long>(weight_bytes());
  const int tiles_that_fit = std::max<int>(1, static_cast<int>(cache * 5 / 8 / tile_bytes));
  const int wanted = kItemsPerThread * team.threads();
  const int row_groups =
      std::min(tile_count, std::max(divide_up(tile_count, tiles_that_fit), divide_up(wanted / 3, panels)));
  const int panel_groups = std::min(panels, std::max(1, divide_up(wanted, row_groups)));
  team.run(row_groups * panel_groups, [&](int item, int) {
    const int row_group = item % row_groups, panel_group = item / row_groups;
    const int begin = tile_count * row_group / row_groups, end = tile_count * (row_group + 1) / row_groups;
    const int first = panels * panel_group / panel_groups, last = panels * (panel_group + 1) / panel_groups;
    if (operand_ == Operand::kInt8)
      kernels_->int8.product(product, tiles.data() + begin, end - begin, first, last);
    else if (bf16_)
      kernels_->bf16.product(product, tiles.data() + begin, end - begin, first, last);
    else
      kernels_->f32.product(product, tiles.data() + begin, end - begin, first, last);
  });
}

void PackedLinear::run_dnnl(const Product& product, std::span<const RowTile> tiles, ThreadTeam& team) const {
  const std::ptrdiff_t element = bf16_ ? 2 : 4;
  const std::ptrdiff_t row_bytes = operand_stride(k_, element) * element;
  const int columns = static_cast<int>(columns_.size());
  team.run(static_cast<int>(tiles.size()) * columns, [&](int item, int) {
    thread_local std::vector<float> sums(static_cast<std::size_t>(kDnnlRows) * kDnnlColumns);
    thread_local std::vector<char> padded;
    const RowTile& tile = tiles[item / columns];
    const std::vector<Block>& blocks = columns_[item % columns];
    const Block& first = blocks.front();
    int count = first.n_count;
    if (product.nested_outputs) count = std::min(count, tile.width - first.n_begin);
    if (count <= 0) return;
    const char* x = static_cast<const char*>(product.x) + tile.row * product.ldx * element;
    if (tile.rows < kDnnlRows || product.ldx * element != row_bytes) {
      padded.assign(kDnnlRows * row_bytes, 0);
      for (int row = 0; row < tile.rows; ++row)
        std::copy_n(x + row * product.ldx * element, k_ * element, padded.data() + row * row_bytes);
      x = padded.data();
    }
    for (const Block& block : blocks)
      if (!product.nested_inputs || block.k_begin < tile.width)
        block.matmul.run(x + block.k_begin * element, sums.data());
    kernels_->finish(product, bf16_, sums.data(), kDnnlColumns, tile, first.n_begin, count);
  });
}

}  // namespace mone::cpu
