// Weights of a plain model under another library's names: parts stacked, f16 widened, the rest as it lies.
#include <algorithm>
#include <cstring>
#include <set>

#include "engine/half.h"
#include "engine/weights.h"

namespace mone {
namespace {

std::size_t element_bytes(const std::string& dtype) {
  return dtype == "F32" ? 4 : dtype == "BF16" || dtype == "F16" ? 2 : 0;
}

Shape without_leading_ones(const Shape& shape) {
  std::size_t first = 0;
  while (first + 1 < shape.size() && shape[first] == 1) ++first;
  return {shape.begin() + static_cast<std::ptrdiff_t>(first), shape.end()};
}

/// Empty if `entry` can be a part of shape `wanted`.
std::string check_part(const SafetensorsEntry& entry, const Shape& wanted) {
  if (without_leading_ones(entry.shape) != without_leading_ones(wanted))
    return "has shape " + to_string(entry.shape) + "; the config asks for " + to_string(wanted);
  if (!element_bytes(entry.dtype)) return "is " + entry.dtype + "; it must be F32, BF16 or F16";
  return "";
}

/// Writes the values as f32 from `out` on.
void widen(const SafetensorsEntry& entry, std::byte* out) {
  const std::size_t width = element_bytes(entry.dtype);
  const TensorView view{
      entry.dtype == "F32" ? ElementType::kF32 : ElementType::kBf16, {}, entry.bytes.data()};
  for (std::size_t i = 0; i < entry.bytes.size() / width; ++i) {
    float value;
    if (entry.dtype == "F16") {
      std::uint16_t bits;
      std::memcpy(&bits, entry.bytes.data() + i * 2, 2);
      value = half_to_float(bits);
    } else {
      value = view.at(static_cast<std::int64_t>(i));
    }
    std::memcpy(out + i * sizeof value, &value, sizeof value);
  }
}

}  // namespace

std::byte* Weights::allocate(std::size_t bytes) {
  stacked_.push_back(std::make_unique<std::byte[]>(bytes));
  return stacked_.back().get();
}

/// The parts one after the other; zeros where there is none.
TensorView Weights::stack(const Shape& shape, const std::vector<const SafetensorsEntry*>& parts) {
  const bool bf16 = !parts.empty() && std::all_of(parts.begin(), parts.end(),
                                                  [](const auto* part) { return part->dtype == "BF16"; });
  TensorView view{bf16 ? ElementType::kBf16 : ElementType::kF32, shape, nullptr};
  if (parts.size() == 1 && parts[0]->dtype != "F16") {
    view.data = parts[0]->bytes.data();
    return view;
  }
  std::byte* at = allocate(static_cast<std::size_t>(view.count()) * (bf16 ? 2 : 4));
  view.data = at;
  for (const SafetensorsEntry* part : parts) {
    if (bf16) {
      std::memcpy(at, part->bytes.data(), part->bytes.size());
      at += part->bytes.size();
    } else {
      widen(*part, at);
      at += part->bytes.size() / element_bytes(part->dtype) * sizeof(float);
    }
  }
  return view;
}

Result<Weights> Weights::from_foreign(
    const Safetensors& file, const ModelConfig& config, const std::string& name,
    const std::function<std::vector<std::string>(const std::string& ours)>& names,
    const std::function<bool(const std::string& theirs)>& ignored) {
  const auto failed = [&](const std::string& tensor, const std::string& why) {
    return Failure{name + ": tensor " + tensor + " " + why};
  };
  Weights weights;
  std::set<std::string> used;
  for (const TensorSpec& spec : tensor_table(config)) {
    if (spec.router) continue;
    const auto part_names = names(spec.name);
    const std::int64_t part_count = std::max<std::int64_t>(std::ssize(part_names), 1);
    Shape part_shape = spec.shape;
    part_shape[0] /= part_count;
    std::vector<const SafetensorsEntry*> parts;
    for (const std::string& part : part_names) {
      const auto found = file.tensors.find(part);
      if (found == file.tensors.end()) return failed(part, "is missing");
      if (const std::string why = check_part(found->second, part_shape); !why.empty())
        return failed(part, why);
      parts.push_back(&found->second);
      used.insert(part);
    }
    const TensorView view = weights.stack(spec.shape, parts);
    if (const std::int64_t bad = first_not_finite(view); bad >= 0) {
      const std::int64_t per_part = view.count() / part_count;
      return failed(part_names[bad / per_part], "holds " + std::to_string(view.at(bad)) + " at element " +
                                                    std::to_string(bad % per_part));
    }
    weights.tensors_[spec.name] = view;
  }
  for (const auto& [tensor, entry] : file.tensors)
    if (!used.count(tensor) && !ignored(tensor)) return failed(tensor, "is not one that the config asks for");
  return weights;
}

}  // namespace mone
