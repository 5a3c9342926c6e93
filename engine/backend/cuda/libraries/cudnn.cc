// libmone-cudnn.so: fused attention by cuDNN, as a graph of one node that its frontend (headers only) builds.
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>

#include <cmath>
#include <cstring>

#include "engine/backend/cuda/library.h"

namespace mone::cuda {
namespace {

namespace fe = cudnn_frontend;

enum Uid : std::int64_t { kQ = 1, kK, kV, kOut };

/// Owns a cuDNN handle; plans share it.
class Handle {
 public:
  Handle() : status_(cudnnCreate(&handle_)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (status_ == CUDNN_STATUS_SUCCESS) cudnnDestroy(handle_);
  }
  cudnnHandle_t get() const { return handle_; }
  cudnnStatus_t status() const { return status_; }

 private:
  cudnnHandle_t handle_ = nullptr;
  cudnnStatus_t status_;
};

class CudnnAttention : public AttentionPlan {
 public:
  CudnnAttention(std::shared_ptr<Handle> handle, std::shared_ptr<fe::graph::Graph> graph,
                 std::int64_t workspace_bytes)
      : handle_(std::move(handle)),
        graph_(std::move(graph)),
        workspace_bytes_(static_cast<std::size_t>(workspace_bytes)) {}

  std::size_t workspace_bytes() const override { return workspace_bytes_; }

  std::string run(const void* q, const void* k, const void* v, void* out, void* workspace,
                  void* stream) override {
    try {
      if (const auto status = cudnnSetStream(handle_->get(), static_cast<cudaStream_t>(stream)))
        return std::string("cuDNN: ") + cudnnGetErrorString(status);
      std::unordered_map<std::int64_t, void*> tensors = {
          {kQ, const_cast<void*>(q)}, {kK, const_cast<void*>(k)}, {kV, const_cast<void*>(v)}, {kOut, out}};
      auto error = graph_->execute(handle_->get(), tensors, workspace);
      return error.is_good() ? "" : "cuDNN: " + error.get_message();
    } catch (const std::exception& error) {
      return std::string("cuDNN: ") + error.what();
    }
  }

 private:
  std::shared_ptr<Handle> handle_;
  std::shared_ptr<fe::graph::Graph> graph_;
  std::size_t workspace_bytes_;
};

std::shared_ptr<fe::graph::Graph> graph_of(const AttentionShape& s) {
  const auto graph = std::make_shared<fe::graph::Graph>();
  graph->set_io_data_type(s.bf16 ? fe::DataType_t::BFLOAT16 : fe::DataType_t::HALF)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  const auto extents = [&](int rows) {
    return std::vector<std::int64_t>{s.items, s.heads, rows, s.head_width};
  };
  const auto strides = [&](const RowStrides& rows) {
    return std::vector<std::int64_t>{rows.item, s.head_width, rows.row, 1};
  };
  const auto input = [&](const char* name, Uid uid, int rows, const RowStrides& of) {
    return graph->tensor(fe::graph::Tensor_attributes()
                             .set_name(name)
                             .set_uid(uid)
                             .set_dim(extents(rows))
                             .set_stride(strides(of)));
  };
  const auto [out, statistics] =
      graph->sdpa(input("q", kQ, s.queries, s.q), input("k", kK, s.keys, s.k), input("v", kV, s.keys, s.v),
                  fe::graph::SDPA_attributes()
                      .set_name("attention")
                      .set_generate_stats(false)
                      .set_attn_scale(1 / std::sqrt(static_cast<float>(s.head_width))));
  out->set_output(true).set_uid(kOut).set_dim(extents(s.queries)).set_stride(strides(s.out));
  return graph;
}

class Cudnn : public AttentionLibrary {
 public:
  explicit Cudnn(std::shared_ptr<Handle> handle) : handle_(std::move(handle)) {}

  std::string name() const override {
    const auto version = cudnnGetVersion();
    return "cuDNN " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
           std::to_string(version % 100);
  }

  Result<std::shared_ptr<AttentionPlan>> plan(const AttentionShape& shape) override {
    const std::string what = "attention of " + std::to_string(shape.items) + " x " +
                             std::to_string(shape.queries) + " queries, " + std::to_string(shape.keys) +
                             " keys, " + std::to_string(shape.heads) + " heads of " +
                             std::to_string(shape.head_width) + ": ";
    try {
      const auto graph = graph_of(shape);
      std::int64_t workspace = 0;
      auto error = graph->build(handle_->get(), {fe::HeurMode_t::A});
      if (error.is_good()) error = graph->get_workspace_size(workspace);
      if (error.is_bad()) return Failure{what + error.get_message()};
      return std::shared_ptr<AttentionPlan>(std::make_shared<CudnnAttention>(handle_, graph, workspace));
    } catch (const std::exception& error) {
      return Failure{what + error.what()};
    }
  }

 private:
  std::shared_ptr<Handle> handle_;
};

Result<std::unique_ptr<AttentionLibrary>> open_cudnn() {
  auto handle = std::make_shared<Handle>();
  if (handle->status() != CUDNN_STATUS_SUCCESS)
    return Failure{std::string("cuDNN does not start: ") + cudnnGetErrorString(handle->status())};
  return std::unique_ptr<AttentionLibrary>(std::make_unique<Cudnn>(std::move(handle)));
}

const LibraryEntry kEntry = {&open_cudnn, nullptr};

}  // namespace
}  // namespace mone::cuda

extern "C" __attribute__((visibility("default"))) const mone::cuda::LibraryEntry* mone_cuda_library(
    const char* version) {
  return std::strcmp(version, MONE_VERSION) == 0 ? &mone::cuda::kEntry : nullptr;
}
