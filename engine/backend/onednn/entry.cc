#include "engine/backend/onednn/backend.h"
#include "engine/log.h"

namespace mone {
namespace {

/// Rows of int8 end with their scale, and stand where rows of bf16 have room for 4 bytes a column.
constexpr int kFewestInt8Columns = 16;

std::string why_not(const ModelConfig& config, DType dtype) {
  const auto isa = cpu::choose_isa();
  if (!isa) return isa.error().text;
  if (dtype == DType::kF32) return {};
  if (dtype == DType::kInt8 && config.D > 0 && config.D < kFewestInt8Columns)
    return "no int8 for rows of D = " + std::to_string(config.D) + ", it takes " +
           std::to_string(kFewestInt8Columns) + "; choose bf16 or f32";
  if (dtype == DType::kInt8 && !isa.value().kernels->has_int8)
    return std::string("no int8 with ") + isa.value().kernels->isa +
           " kernels, it takes AVX-512 VNNI and BF16; choose f32";
  if (dtype == DType::kF16) return "f16 is for GPUs; choose bf16 or f32";
  if (!isa.value().kernels->has_bf16)
    return std::string("no bf16 with ") + isa.value().kernels->isa + " kernels; choose f32";
  return isa.value().dnnl_bf16 ? cpu::dnnl_bf16_why_not() : std::string();
}

DType best_dtype(int) {
  const auto isa = cpu::choose_isa();
  return isa && isa.value().kernels->has_bf16 ? DType::kBf16 : DType::kF32;
}

std::unique_ptr<Backend> create(const BackendOptions& options) {
  const auto isa = cpu::choose_isa();
  if (!isa) throw ConfigError(isa.error().text);
  const cpu::Isa& chosen = isa.value();
  const bool dnnl =
      options.dtype == DType::kF32 ? chosen.dnnl_f32 : options.dtype == DType::kBf16 && chosen.dnnl_bf16;
  log_line(kLogInfo, std::string("onednn: ") + chosen.kernels->isa + " kernels, products by " +
                         (dnnl ? cpu::dnnl_version_text() : "our own"));
  return std::make_unique<cpu::CpuBackend>(options, chosen);
}

}  // namespace

const BackendEntry kOnednnBackend = {"onednn", &why_not, &best_dtype, &create};

}  // namespace mone
