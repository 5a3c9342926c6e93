// libmone-cublaslt.so: matrix products by cuBLASLt. It sees columns where we see rows: w is its first
// operand, transposed, x its second, and sums [rows, outputs] its outputs x rows result.
#include <cublasLt.h>

#include <cstring>

#include "engine/backend/cuda/library.h"

namespace mone::cuda {
namespace {

/// What cuBLAS takes for itself on Hopper; on others it is more than enough.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

std::string text_of(cublasStatus_t status) {
  return std::string("cuBLASLt: ") + cublasLtGetStatusString(status);
}

/// Owns one of cuBLASLt's descriptions.
template <class T, cublasStatus_t (*kDestroy)(T)>
class Owned {
 public:
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (of_) kDestroy(of_);
  }
  T* address() { return &of_; }
  operator T() const { return of_; }

 private:
  T of_ = nullptr;
};

using Handle = Owned<cublasLtHandle_t, &cublasLtDestroy>;
using Layout = Owned<cublasLtMatrixLayout_t, &cublasLtMatrixLayoutDestroy>;

class LtProduct : public ProductPlan {
 public:
  /// Empty, or why there is none.
  std::string make(std::shared_ptr<Handle> handle, const ProductShape& s) {
    handle_ = std::move(handle);
    const cudaDataType_t operand = s.bf16 ? CUDA_R_16BF : CUDA_R_16F;
    const cublasOperation_t transposed = CUBLAS_OP_T;
    cublasStatus_t status = cublasLtMatmulDescCreate(product_.address(), CUBLAS_COMPUTE_32F, CUDA_R_32F);
    const auto then = [&](auto&& call) {
      if (status == CUBLAS_STATUS_SUCCESS) status = call();
    };
    then([&] {
      return cublasLtMatmulDescSetAttribute(product_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                            sizeof(transposed));
    });
    then([&] { return cublasLtMatrixLayoutCreate(w_.address(), operand, s.inputs, s.outputs, s.ldw); });
    then([&] { return cublasLtMatrixLayoutCreate(x_.address(), operand, s.inputs, s.rows, s.ldx); });
    then([&] { return cublasLtMatrixLayoutCreate(sums_.address(), CUDA_R_32F, s.outputs, s.rows, s.lds); });
    Owned<cublasLtMatmulPreference_t, &cublasLtMatmulPreferenceDestroy> preference;
    then([&] { return cublasLtMatmulPreferenceCreate(preference.address()); });
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
      then(
          [&] { return cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)); });
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
    // Rows begin where the ones before end: that is how an expert's operands and sums are aligned.
    const std::uint32_t of_x = s.ldx % 8 ? 2 : 16, of_sums = s.lds % 4 ? 4 : 16;
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint32_t{16});
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, of_x);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, of_sums);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, of_sums);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    then([&] {
      return cublasLtMatmulAlgoGetHeuristic(*handle_, product_, w_, x_, sums_, sums_, preference, 1, &found,
                                            &count);
    });
    if (status != CUBLAS_STATUS_SUCCESS) return text_of(status);
    if (count == 0) return "cuBLASLt knows no way";
    algorithm_ = found.algo;
    workspace_bytes_ = found.workspaceSize;
    return {};
  }

  std::size_t workspace_bytes() const override { return workspace_bytes_; }

  std::string run(const void* x, const void* w, float* sums, void* workspace, void* stream) override {
    const float one = 1, zero = 0;
    const auto status =
        cublasLtMatmul(*handle_, product_, &one, w, w_, x, x_, &zero, sums, sums_, sums, sums_, &algorithm_,
                       workspace, workspace_bytes_, static_cast<cudaStream_t>(stream));
    return status == CUBLAS_STATUS_SUCCESS ? "" : text_of(status);
  }

 private:
  std::shared_ptr<Handle> handle_;
  Owned<cublasLtMatmulDesc_t, &cublasLtMatmulDescDestroy> product_;
  Layout w_, x_, sums_;
  cublasLtMatmulAlgo_t algorithm_{};
  std::size_t workspace_bytes_ = 0;
};

class CublasLt : public ProductLibrary {
 public:
  explicit CublasLt(std::shared_ptr<Handle> handle) : handle_(std::move(handle)) {}

  std::string name() const override { return "cuBLASLt " + std::to_string(cublasLtGetVersion()); }

  Result<std::shared_ptr<ProductPlan>> plan(const ProductShape& shape) override {
    auto product = std::make_shared<LtProduct>();
    const std::string wrong = product->make(handle_, shape);
    if (!wrong.empty())
      return Failure{"product of " + std::to_string(shape.rows) + " rows, " + std::to_string(shape.inputs) +
                     " inputs, " + std::to_string(shape.outputs) + " outputs: " + wrong};
    return std::shared_ptr<ProductPlan>(std::move(product));
  }

 private:
  std::shared_ptr<Handle> handle_;
};

Result<std::unique_ptr<ProductLibrary>> open_cublaslt() {
  auto handle = std::make_shared<Handle>();
  const auto status = cublasLtCreate(handle->address());
  if (status != CUBLAS_STATUS_SUCCESS) return Failure{"cuBLASLt does not start: " + text_of(status)};
  return std::unique_ptr<ProductLibrary>(std::make_unique<CublasLt>(std::move(handle)));
}

const LibraryEntry kEntry = {nullptr, &open_cublaslt};

}  // namespace
}  // namespace mone::cuda

extern "C" __attribute__((visibility("default"))) const mone::cuda::LibraryEntry* mone_cuda_library(
    const char* version) {
  return std::strcmp(version, MONE_VERSION) == 0 ? &mone::cuda::kEntry : nullptr;
}
