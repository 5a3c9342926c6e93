/// The one place that speaks to oneDNN, and that knows its 2.x from its 3.x.
///
/// Every primitive runs on the thread that calls it, alone: the team shares out the work, so oneDNN's own
/// threads and ours never compete. A primitive is made for a fixed number of rows, so a row's sums do not
/// depend on how many rows there are.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace mone::cpu {

/// sums f32 [rows, n] = or += x [rows, k] W^T, for one block of W.
class DnnlMatmul {
 public:
  struct Shape {
    int rows = 0, n = 0, k = 0;
    std::ptrdiff_t ldx = 0;  ///< elements between rows of x
    std::ptrdiff_t ldsums =
        0;              ///< floats between rows of sums, at least 2; with n = 1 column 1 is written too
    bool bf16 = false;  ///< type of x and of the packed weights
    bool accumulate = false;
    friend bool operator==(const Shape&, const Shape&) = default;
  };

  /// Packs `weights`, f32 [n, ldw] row-major, for this shape. Calls with equal shapes share one primitive.
  /// @throws DeviceError if oneDNN cannot run the shape
  DnnlMatmul(const Shape& shape, const float* weights, std::ptrdiff_t ldw);
  ~DnnlMatmul();
  DnnlMatmul(DnnlMatmul&&) noexcept;

  /// Reads `rows` rows of x. Safe from several threads at a time.
  void run(const void* x, float* sums) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "oneDNN 2.6.3", for the log.
std::string dnnl_version_text();

/// Empty, or why oneDNN cannot multiply bf16 here.
std::string dnnl_bf16_why_not();

}  // namespace mone::cpu
