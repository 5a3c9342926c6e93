#include "tests/emulation/host_libraries.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "engine/backend/cuda/numbers.h"
#include "tests/emulation/emulated_runtime.h"

namespace mone::emulation {
namespace {

using cuda::AttentionShape;
using cuda::ProductShape;

constexpr std::size_t kWorkspaceBytes = 48;  // written to when work is done, as a library may

template <class T>
float at(const void* from, std::int64_t index) {
  return cuda::to_float(static_cast<const T*>(from)[index]);
}

template <class T>
void attend(const AttentionShape& s, const void* q, const void* k, const void* v, void* out) {
  std::vector<float> weights(s.keys);
  const float scale = 1 / std::sqrt(static_cast<float>(s.head_width));
  for (int item = 0; item < s.items; ++item)
    for (int head = 0; head < s.heads; ++head)
      for (int query = 0; query < s.queries; ++query) {
        const auto start = [&](const cuda::RowStrides& rows, int row) {
          return item * rows.item + std::int64_t{row} * rows.row + head * s.head_width;
        };
        float most = -INFINITY, total = 0;
        for (int key = 0; key < s.keys; ++key) {
          float sum = 0;
          for (int d = 0; d < s.head_width; ++d)
            sum += at<T>(q, start(s.q, query) + d) * at<T>(k, start(s.k, key) + d);
          weights[key] = sum * scale;
          most = std::max(most, weights[key]);
        }
        for (float& weight : weights) total += weight = std::exp(weight - most);
        for (int d = 0; d < s.head_width; ++d) {
          float sum = 0;
          for (int key = 0; key < s.keys; ++key) sum += weights[key] * at<T>(v, start(s.v, key) + d);
          static_cast<T*>(out)[start(s.out, query) + d] = cuda::from_float<T>(sum / total);
        }
      }
}

template <class T>
void multiply(const ProductShape& s, const void* x, const void* w, float* sums) {
  for (int row = 0; row < s.rows; ++row)
    for (int o = 0; o < s.outputs; ++o) {
      float sum = 0;
      for (int i = 0; i < s.inputs; ++i)
        sum += at<T>(x, std::int64_t{row} * s.ldx + i) * at<T>(w, std::int64_t{o} * s.ldw + i);
      sums[std::int64_t{row} * s.lds + o] = sum;
    }
}

/// The stream of an emulated device is the device.
void queue(void* stream, std::function<void()> work) {
  static_cast<EmulatedRuntime*>(stream)->queue(std::move(work));
}

class HostAttention : public cuda::AttentionPlan {
 public:
  HostAttention(HostLibraries& count, const AttentionShape& shape) : count_(count), shape_(shape) {}
  std::size_t workspace_bytes() const override { return kWorkspaceBytes; }
  std::string run(const void* q, const void* k, const void* v, void* out, void* workspace,
                  void* stream) override {
    if (++count_.attentions == count_.fail_attention) return "the library fails";
    queue(stream, [=, s = shape_] {
      std::fill_n(static_cast<std::byte*>(workspace), kWorkspaceBytes, std::byte{});
      s.bf16 ? attend<cuda::Bf16>(s, q, k, v, out) : attend<cuda::F16>(s, q, k, v, out);
    });
    return {};
  }

 private:
  HostLibraries& count_;
  AttentionShape shape_;
};

class HostProduct : public cuda::ProductPlan {
 public:
  HostProduct(HostLibraries& count, const ProductShape& shape) : count_(count), shape_(shape) {}
  std::size_t workspace_bytes() const override { return kWorkspaceBytes; }
  std::string run(const void* x, const void* w, float* sums, void* workspace, void* stream) override {
    ++count_.products;
    queue(stream, [=, s = shape_] {
      std::fill_n(static_cast<std::byte*>(workspace), kWorkspaceBytes, std::byte{});
      s.bf16 ? multiply<cuda::Bf16>(s, x, w, sums) : multiply<cuda::F16>(s, x, w, sums);
    });
    return {};
  }

 private:
  HostLibraries& count_;
  ProductShape shape_;
};

template <class Library, class Plan, int HostLibraries::*kMade>
class HostLibrary : public Library {
 public:
  explicit HostLibrary(HostLibraries& count) : count_(count) {}
  std::string name() const override { return "host loops"; }
  Result<std::shared_ptr<typename Library::Plan>> plan(const typename Library::Shape& shape) override {
    if (!count_.has_plans) return Failure{"it does not know this shape"};
    ++(count_.*kMade);
    count_.plans_while_recording += count_.device->recording() && std::is_same_v<Plan, HostAttention>;
    return std::shared_ptr<typename Library::Plan>(std::make_shared<Plan>(count_, shape));
  }

 private:
  HostLibraries& count_;
};

}  // namespace

std::unique_ptr<cuda::AttentionLibrary> HostLibraries::attention() {
  return std::make_unique<
      HostLibrary<cuda::AttentionLibrary, HostAttention, &HostLibraries::attention_plans>>(*this);
}

std::unique_ptr<cuda::ProductLibrary> HostLibraries::product() {
  return std::make_unique<HostLibrary<cuda::ProductLibrary, HostProduct, &HostLibraries::product_plans>>(
      *this);
}

}  // namespace mone::emulation
