/// What NVIDIA's libraries can do for the backend. Each stands behind a small interface in a module of its
/// own (libmone-cudnn.so, libmone-cublaslt.so), which is opened when asked for: where the library is missing,
/// the kernels of this folder do it all.
///
/// A library makes a plan per shape; making one may take long and use the device, running it only queues
/// work.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/error.h"

namespace mone::cuda {

/// Rows of several items: item i's row r begins i * item + r * row elements on.
struct RowStrides {
  int row = 0;
  std::int64_t item = 0;
  auto operator<=>(const RowStrides&) const = default;
};

/// softmax(q k^T / sqrt(head_width)) v, of 16-bit operands with f32 sums; heads lie side by side in a row.
struct AttentionShape {
  bool bf16 = true;  ///< else f16
  int items = 0, heads = 0, queries = 0, keys = 0, head_width = 0;
  RowStrides q, k, v, out;
  auto operator<=>(const AttentionShape&) const = default;
};

class AttentionPlan {
 public:
  virtual ~AttentionPlan() = default;
  virtual std::size_t workspace_bytes() const = 0;
  /// @param stream  a cudaStream_t, which may be under capture
  /// @return        empty, or what the library said
  virtual std::string run(const void* q, const void* k, const void* v, void* out, void* workspace,
                          void* stream) = 0;
};

class AttentionLibrary {
 public:
  using Shape = AttentionShape;
  using Plan = AttentionPlan;
  virtual ~AttentionLibrary() = default;
  virtual std::string name() const = 0;  ///< with its version
  /// Of the current device.
  virtual Result<std::shared_ptr<AttentionPlan>> plan(const AttentionShape& shape) = 0;
};

/// sums [rows, outputs] = x [rows, inputs] w [outputs, inputs]^T, 16-bit operands, f32 sums.
struct ProductShape {
  bool bf16 = true;  ///< else f16
  int rows = 0, outputs = 0, inputs = 0;
  int ldx = 0, ldw = 0, lds = 0;
  auto operator<=>(const ProductShape&) const = default;
};

class ProductPlan {
 public:
  virtual ~ProductPlan() = default;
  virtual std::size_t workspace_bytes() const = 0;
  /// As AttentionPlan::run().
  virtual std::string run(const void* x, const void* w, float* sums, void* workspace, void* stream) = 0;
};

class ProductLibrary {
 public:
  using Shape = ProductShape;
  using Plan = ProductPlan;
  virtual ~ProductLibrary() = default;
  virtual std::string name() const = 0;
  virtual Result<std::shared_ptr<ProductPlan>> plan(const ProductShape& shape) = 0;
};

/// What such a module exports, by this name: what it has, null for the rest; null if it was built from
/// another version than the caller.
struct LibraryEntry {
  Result<std::unique_ptr<AttentionLibrary>> (*attention)() = nullptr;
  Result<std::unique_ptr<ProductLibrary>> (*products)() = nullptr;
};
inline constexpr const char* kLibrarySymbol = "mone_cuda_library";
using LibraryFunction = const LibraryEntry* (*)(const char* version);

/// Opens a module that lies in `folder`; it stays open.
Result<const LibraryEntry*> open_library(const std::string& folder, const std::string& module);
/// The folder of the shared object that this code is in.
std::string own_folder();

}  // namespace mone::cuda
