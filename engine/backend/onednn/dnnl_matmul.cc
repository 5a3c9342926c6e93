#include "engine/backend/onednn/dnnl_matmul.h"

#include <algorithm>
#include <dnnl.hpp>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/error.h"

// oneDNN built with OpenMP takes its number of threads from the calling thread's setting. Weak: a build with
// another runtime has no such functions.
extern "C" {
[[gnu::weak]] int omp_get_max_threads();
[[gnu::weak]] void omp_set_num_threads(int);
}

namespace mone::cpu {
namespace {

class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads ? omp_get_max_threads() : 1) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }

 private:
  int before_;
};

dnnl::engine& cpu_engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::matmul::primitive_desc describe(const dnnl::memory::desc& x, const dnnl::memory::desc& weights,
                                      const dnnl::memory::desc& sums,
                                      const dnnl::primitive_attr& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl::matmul::primitive_desc(cpu_engine(), x, weights, sums, attributes);
#else
  return dnnl::matmul::primitive_desc(dnnl::matmul::desc(x, weights, sums), attributes, cpu_engine());
#endif
}

struct Primitive {
  DnnlMatmul::Shape shape;
  dnnl::matmul::primitive_desc description;
  dnnl::matmul matmul;
};

/// oneDNN 3.7 takes sums of one column for a dense vector, whatever their row stride is: it gets a second
/// one.
int columns(const DnnlMatmul::Shape& shape) { return std::max(shape.n, 2); }

dnnl::matmul::primitive_desc make_description(const DnnlMatmul::Shape& shape) {
  using dnnl::memory;
  const auto type = shape.bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  const memory::desc x({shape.rows, shape.k}, type, {shape.ldx, 1});
  const memory::desc any_weights({shape.k, columns(shape)}, type, memory::format_tag::any);
  const memory::desc sums({shape.rows, columns(shape)}, memory::data_type::f32, {shape.ldsums, 1});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (shape.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  return describe(x, any_weights, sums, attributes);
}

std::shared_ptr<const Primitive> find_or_make(const DnnlMatmul::Shape& shape) {
  static std::mutex mutex;
  static std::vector<std::weak_ptr<const Primitive>> made;
  std::lock_guard lock(mutex);
  std::erase_if(made, [](const auto& weak) { return weak.expired(); });
  for (const auto& weak : made)
    if (auto primitive = weak.lock(); primitive && primitive->shape == shape) return primitive;
  auto description = make_description(shape);
  auto primitive =
      std::make_shared<const Primitive>(Primitive{shape, description, dnnl::matmul(description)});
  made.push_back(primitive);
  return primitive;
}

// What one thread needs to call primitives: a stream, and scratch that grows to the largest.
struct Caller {
  dnnl::stream stream{cpu_engine()};
  std::vector<std::byte> scratch;
};
Caller& this_thread() {
  thread_local Caller caller;
  return caller;
}

}  // namespace

struct DnnlMatmul::Impl {
  std::shared_ptr<const Primitive> primitive;
  dnnl::memory weights;
};

DnnlMatmul::DnnlMatmul(const Shape& shape, const float* weights, std::ptrdiff_t ldw) try : impl_(new Impl) {
  using dnnl::memory;
  const OneThread one;
  impl_->primitive = find_or_make(shape);
  std::vector<float> widened;
  if (shape.n < columns(shape)) {
    widened.assign(2 * shape.k, 0.0f);
    std::copy_n(weights, shape.k, widened.begin());
    weights = widened.data();
    ldw = shape.k;
  }
  const memory::desc plain({shape.k, columns(shape)}, memory::data_type::f32, {1, ldw});
  memory from(plain, cpu_engine(), const_cast<float*>(weights));
  impl_->weights = memory(impl_->primitive->description.weights_desc(), cpu_engine());
  dnnl::reorder(from, impl_->weights).execute(this_thread().stream, from, impl_->weights);
  this_thread().stream.wait();
} catch (const dnnl::error& error) {
  throw DeviceError(dnnl_version_text() + " cannot multiply [" + std::to_string(shape.rows) + ", " +
                    std::to_string(shape.k) + "] by [" + std::to_string(shape.k) + ", " +
                    std::to_string(shape.n) + "] in " + (shape.bf16 ? "bf16" : "f32") + ": " + error.what());
}

DnnlMatmul::~DnnlMatmul() = default;
DnnlMatmul::DnnlMatmul(DnnlMatmul&&) noexcept = default;

void DnnlMatmul::run(const void* x, float* sums) const {
  const OneThread one;
  Caller& caller = this_thread();
  const Primitive& primitive = *impl_->primitive;
  const dnnl::memory::desc scratch_size = primitive.description.scratchpad_desc();
  if (caller.scratch.size() < scratch_size.get_size() + 64)
    caller.scratch.resize(scratch_size.get_size() + 64);
  void* scratch = caller.scratch.data();
  std::size_t room = caller.scratch.size();
  scratch = std::align(64, scratch_size.get_size(), scratch, room);
  const dnnl::memory from(primitive.description.src_desc(), cpu_engine(), const_cast<void*>(x));
  const dnnl::memory to(primitive.description.dst_desc(), cpu_engine(), sums);
  const dnnl::memory work(scratch_size, cpu_engine(), scratch);
  primitive.matmul.execute(caller.stream, {{DNNL_ARG_SRC, from},
                                           {DNNL_ARG_WEIGHTS, impl_->weights},
                                           {DNNL_ARG_DST, to},
                                           {DNNL_ARG_SCRATCHPAD, work}});
  caller.stream.wait();
}

std::string dnnl_version_text() {
  const dnnl_version_t* v = dnnl_version();
  return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
         std::to_string(v->patch);
}

std::string dnnl_bf16_why_not() {
  try {
    const float weights[16 * 16] = {};
    DnnlMatmul({.rows = 16, .n = 16, .k = 16, .ldx = 16, .ldsums = 16, .bf16 = true}, weights, 16);
  } catch (const DeviceError& error) {
    return error.what();
  }
  return {};
}

}  // namespace mone::cpu
