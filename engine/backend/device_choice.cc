#include "engine/backend/device_choice.h"

#include <charconv>
#include <string>

namespace mone {

Result<DeviceChoice> parse_device(std::string_view text) {
  if (text.empty() || text == "auto") return DeviceChoice{};
  if (text == "cpu") return DeviceChoice{DeviceChoice::kCpu};
  DeviceChoice choice{DeviceChoice::kCuda};
  if (text == "cuda") return choice;
  const std::string_view prefix = "cuda:";
  if (text.substr(0, prefix.size()) == prefix) {
    const std::string_view number = text.substr(prefix.size());
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), choice.index);
    if (error == std::errc() && end == number.data() + number.size() && choice.index >= 0) return choice;
  }
  return Failure{"device is auto, cpu, cuda or cuda:N with N from 0 on, not \"" + std::string(text) + "\""};
}

}  // namespace mone
