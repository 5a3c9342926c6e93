#include "engine/safetensors.h"

#include <algorithm>
#include <vector>

#include "engine/json.h"

namespace mone {
namespace {

using nlohmann::json;

constexpr int kMaxRank = 8;

/// Bytes per element, 0 if the dtype is unknown.
int dtype_bytes(const std::string& dtype) {
  static const std::map<std::string, int> kBytes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
      {"I32", 4},  {"U32", 4}, {"F32", 4}, {"F64", 8}, {"I64", 8}, {"U64", 8}};
  const auto found = kBytes.find(dtype);
  return found == kBytes.end() ? 0 : found->second;
}

bool read_extents(const json& values, std::vector<std::uint64_t>& extents) {
  if (!values.is_array()) return false;
  for (const json& value : values) {
    if (!value.is_number_unsigned()) return false;
    extents.push_back(value.get<std::uint64_t>());
  }
  return true;
}

/// Empty if `entry` describes a tensor inside `data`, else what is wrong with it.
std::string read_entry(const json& entry, std::span<const std::byte> data, SafetensorsEntry& tensor) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    return "must have dtype, shape and data_offsets, and nothing else";
  if (!entry["dtype"].is_string()) return "has a dtype that is not a string";
  tensor.dtype = entry["dtype"].get<std::string>();
  const int element_bytes = dtype_bytes(tensor.dtype);
  if (!element_bytes) return "has unknown dtype " + tensor.dtype;

  std::vector<std::uint64_t> shape, offsets;
  if (!read_extents(entry["shape"], shape)) return "has a shape that is not an array of sizes";
  if (shape.size() > kMaxRank) return "has " + std::to_string(shape.size()) + " axes";
  if (!read_extents(entry["data_offsets"], offsets) || offsets.size() != 2 || offsets[0] > offsets[1])
    return "has data_offsets that are not [begin, end]";
  if (offsets[1] > data.size())
    return "ends at byte " + std::to_string(offsets[1]) + " of " + std::to_string(data.size()) +
           "; the file is truncated";

  std::uint64_t bytes = element_bytes;
  for (const std::uint64_t extent : shape) {
    if (extent > INT64_MAX || __builtin_mul_overflow(bytes, extent, &bytes))
      return "has a shape that overflows";
    tensor.shape.push_back(static_cast<std::int64_t>(extent));
  }
  if (bytes != offsets[1] - offsets[0])
    return "of shape " + to_string(tensor.shape) + " needs " + std::to_string(bytes) + " bytes and has " +
           std::to_string(offsets[1] - offsets[0]);
  tensor.bytes = data.subspan(offsets[0], bytes);
  return "";
}

/// Tensors must fill the data area exactly, in any order. Empty, or what is wrong.
std::string check_layout(const Safetensors& file, std::span<const std::byte> data) {
  std::vector<std::pair<std::size_t, const std::string*>> order;
  for (const auto& [name, tensor] : file.tensors)
    if (!tensor.bytes.empty()) order.emplace_back(tensor.bytes.data() - data.data(), &name);
  std::sort(order.begin(), order.end());
  std::size_t end = 0;
  for (const auto& [begin, name] : order) {
    if (begin < end) return "tensor " + *name + " overlaps another";
    if (begin > end) return "there is a hole before tensor " + *name;
    end = begin + file.tensors.at(*name).bytes.size();
  }
  return end == data.size() ? ""
                            : std::to_string(data.size() - end) + " bytes at the end belong to no tensor";
}

}  // namespace

Result<Safetensors> parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  const auto failed = [&](const std::string& why) { return Failure{name + ": " + why}; };
  if (bytes.size() < 8)
    return failed("is no safetensors file: " + std::to_string(bytes.size()) + " bytes long");
  std::uint64_t header_bytes = 0;
  for (int i = 7; i >= 0; --i) header_bytes = header_bytes << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  if (header_bytes > kMaxHeaderBytes)
    return failed("is no safetensors file: header of " + std::to_string(header_bytes) + " bytes");
  if (header_bytes > bytes.size() - 8) return failed("is truncated inside its header");

  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
  const auto header = parse_json(text, name + ": header", 4);
  if (!header) return header.error();
  if (!header.value().is_object()) return failed("header is not an object");

  const auto data = bytes.subspan(8 + header_bytes);
  Safetensors file;
  for (const auto& [key, entry] : header.value().items()) {
    if (key == "__metadata__") {
      if (!entry.is_object()) return failed("__metadata__ is not an object");
      for (const auto& [field, value] : entry.items()) {
        if (!value.is_string()) return failed("metadata " + field + " is not a string");
        file.metadata[field] = value.get<std::string>();
      }
    } else if (const std::string why = read_entry(entry, data, file.tensors[key]); !why.empty()) {
      return failed("tensor " + key + " " + why);
    }
  }
  if (const std::string why = check_layout(file, data); !why.empty()) return failed(why);
  return file;
}

}  // namespace mone
