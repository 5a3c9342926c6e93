/// What the CPU backend's kernels are called with: raw pointers, strides and sizes. One table per instruction
/// set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mone::cpu {

enum class Bf16 : std::uint16_t {};
/// A byte of an int8 product: of an operand, the value + 128; of weights, the value.
enum class Int8 : std::uint8_t {};

/// Consecutive rows that go through a product together: at most the kernels' tile_rows.
struct RowTile {
  int row = 0;
  int rows = 0;
  int width = 0;     ///< the widest row's share: inputs read (expand) or outputs written (contract)
  int halvings = 0;  ///< how often the full width was halved for it
};

/// What happens to a product's f32 sums, in f32, before they are stored.
enum class Finish {
  kStore,     ///< out = sum + bias
  kGeluTanh,  ///< out = gelu(sum + bias), tanh form
  kGeluErf,   ///< out = gelu(sum + bias), erf form
  kResidual,  ///< residual[:, :width of the row] += gate * (sum + bias)
};

/// y = x W^T for some row tiles and some panels of W.
///
/// Weights are packed in panels of `Kernels::panel` outputs: f32 [panels][k][panel], bf16 [panels][k /
/// 2][panel][2], int8 [panels][k / 4][panel][4], with k padded by 0 to a multiple of the kernels' k_block. An
/// expert's inputs are the first part of every panel, its outputs are the first panels: E experts need one
/// copy.
struct Product {
  const void* x =
      nullptr;  ///< operand [rows, ldx], a row's columns past its own width are 0 up to its tile's width
  std::ptrdiff_t ldx = 0;  ///< elements
  const void* panels = nullptr;
  int k = 0;                    ///< inputs, padded by 0 to an even number (int8: a multiple of 4)
  bool nested_inputs = false;   ///< a tile reads its first `width` inputs, else all k
  bool nested_outputs = false;  ///< a tile writes its first `width` outputs, else all n
  int n = 0;                    ///< outputs, without padding
  const float* bias = nullptr;  ///< [panels * panel], padding 0; null: none
  Finish finish = Finish::kStore;
  void* out = nullptr;  ///< operand [rows, ldo] (kStore, kGelu*), else f32 [rows, ldo]
  std::ptrdiff_t ldo = 0;
  bool out_f32 = false;         ///< kStore only: out is f32
  const float* gate = nullptr;  ///< kResidual: [rows], null: 1
  const int* widths = nullptr;  ///< kResidual with nested_outputs: outputs of each row
  // int8: operand rows of bytes, the last four of which are the row's scale (kernels/quantise.h).
  const float* scales = nullptr;          ///< of each output, [panels * panel]
  const std::int32_t* offsets = nullptr;  ///< 128 times an output's weights, [halvings][panels * panel]
  std::ptrdiff_t offset_stride = 0;
};

/// Of some numbers: their mean, and the sum of their squared distances from it.
struct Moments {
  float mean = 0;
  float squares = 0;
};

/// Layer norm of some rows into operand rows; columns [width, padded) of the operand become 0.
struct LayerNorm {
  const float* x = nullptr;
  std::ptrdiff_t ldx = 0;
  const float* weight = nullptr;
  const float* bias = nullptr;
  float eps = 0;
  int columns = 0;  ///< D
  void* out = nullptr;
  std::ptrdiff_t ldo = 0;
  const int* widths = nullptr;  ///< written columns of each row; null: all
  /// Of columns [widths[row], D) of each row, where they are known (identity I4): those are not read.
  const Moments* tails = nullptr;
  bool out_f32 = false;   ///< out is f32 whatever the mode
  bool out_int8 = false;  ///< out is quantised rows, ldo in bytes
};

struct RowRun {
  int row = 0;
  int rows = 0;
};

/// softmax(q k^T scale) v for one head of one attention set.
struct Attention {
  const void* q = nullptr;  ///< operand, at the head's first column; so are k, v, out
  const void* k = nullptr;
  const void* v = nullptr;
  void* out = nullptr;
  std::ptrdiff_t ldq = 0, ldk = 0, ldv = 0, ldo = 0;
  const RowRun* q_runs = nullptr;   ///< query rows of the set
  const RowRun* kv_runs = nullptr;  ///< key rows of the set, in the order their products are summed
  int q_run_count = 0, kv_run_count = 0;
  int keys = 0;  ///< rows in kv_runs
  int head_width = 0;
  float scale = 0;
  void* scratch = nullptr;  ///< Kernels::attention_scratch bytes, 64-aligned, of this thread
};

template <class T>
struct ProductKernels {
  /// Panels [panel_begin, panel_end) of every tile.
  void (*product)(const Product&, const RowTile* tiles, int tile_count, int panel_begin, int panel_end);
  /// [n, k] weights, row-major f32 (int8: whole numbers), into one panel; rows past n and columns past k
  /// become 0.
  void (*pack_panel)(const float* weights, std::ptrdiff_t ldw, int n, int k, int k_padded, T* panel);
  /// Multiplies and adds in registers alone, as a product's innermost loop does; returns how many
  /// multiply-adds. What the profile calls the peak.
  double (*spin)(int rounds);
  int tile_rows;  ///< most rows of a RowTile
  int k_block;    ///< a packed panel has a multiple of so many inputs
};

template <class T>
struct KernelsFor : ProductKernels<T> {
  void (*layer_norm)(const LayerNorm&, int row_begin, int row_end);
  void (*attention)(const Attention&);
  void (*round)(const float* x, int count, T* out);
};

struct Int8Kernels : ProductKernels<Int8> {
  void (*quantise)(const Bf16* x, std::ptrdiff_t ldx, int columns, int rows, Int8* out, std::ptrdiff_t ldo);
};

struct Kernels {
  const char* isa;
  int panel;  ///< outputs of a weight panel
  KernelsFor<float> f32;
  KernelsFor<Bf16> bf16;
  bool has_bf16;  ///< bf16 products in hardware
  Int8Kernels int8;
  bool has_int8;  ///< int8 products in hardware, and bf16 ones
  /// Bytes of scratch one thread's attention needs.
  std::size_t (*attention_scratch)(int keys, int head_width);
  Moments (*moments)(const float* x, int count);
  /// Finishes f32 sums that another library made: rows of a tile, columns [column, column + columns).
  void (*finish)(const Product&, bool bf16, const float* sums, std::ptrdiff_t ld, const RowTile& tile,
                 int column, int columns);
};

}  // namespace mone::cpu
