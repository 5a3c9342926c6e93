#include "pipeline/npy.h"

#include <cctype>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "pipeline/output_file.h"

namespace mone {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

Failure bad(const std::string& why) { return Failure{"not a .npy file this program reads: " + why}; }

/// The header is a Python dict literal with the keys descr, fortran_order and shape, in any order.
class Header {
 public:
  explicit Header(std::string_view text) : text_(text) {}

  /// Empty when parsed; else what is wrong.
  std::string parse() {
    if (!take('{')) return "its header is not a dict";
    while (!take('}')) {
      const auto key = quoted();
      if (!key || !take(':')) return "its header has a malformed key";
      if (const std::string wrong = value_of(*key); !wrong.empty()) return wrong;
      if (!take(',') && peek() != '}') return "its header has a malformed entry";
    }
    skip_space();
    if (!text_.empty()) return "text after its header's dict";
    if (!descr || !fortran_order || !shape) return "its header lacks one of descr, fortran_order, shape";
    return {};
  }

  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::size_t>> shape;

 private:
  std::string value_of(const std::string& key) {
    if (key == "descr" && !descr) return (descr = quoted()) ? "" : "descr is not a string";
    if (key == "fortran_order" && !fortran_order) {
      return (fortran_order = boolean()) ? "" : "fortran_order is neither True nor False";
    }
    if (key == "shape" && !shape) return (shape = tuple()) ? "" : "shape is not a tuple of sizes";
    return "its header has the key '" + key + "' where only descr, fortran_order and shape may stand, once";
  }

  void skip_space() {
    while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_.front()))) text_.remove_prefix(1);
  }
  char peek() {
    skip_space();
    return text_.empty() ? '\0' : text_.front();
  }
  bool take(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (text_.substr(0, word.size()) != word) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return std::nullopt;
    const auto end = text_.find(quote, 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return value;
  }
  std::optional<bool> boolean() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    return std::nullopt;
  }
  std::optional<std::vector<std::size_t>> tuple() {
    if (!take('(')) return std::nullopt;
    std::vector<std::size_t> values;
    while (!take(')')) {
      skip_space();
      std::size_t value = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (error != std::errc{}) return std::nullopt;
      text_.remove_prefix(end - text_.data());
      values.push_back(value);
      if (!take(',') && peek() != ')') return std::nullopt;
    }
    return values;
  }

  std::string_view text_;
};

/// Product of the extents; nothing when it does not fit.
std::optional<std::size_t> elements_of(const std::vector<std::size_t>& shape) {
  std::size_t count = 1;
  for (const std::size_t extent : shape) {
    if (extent != 0 && count > std::numeric_limits<std::size_t>::max() / extent) return std::nullopt;
    count *= extent;
  }
  return count;
}

std::size_t little_endian(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

}  // namespace

Result<NpyU8> parse_npy_u8(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic || bytes.size() < 10) return bad("it does not begin like one");
  const int major = static_cast<std::uint8_t>(bytes[6]), minor = static_cast<std::uint8_t>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0) {
    return bad("its version is " + std::to_string(major) + "." + std::to_string(minor) +
               ", not 1.0, 2.0 or 3.0");
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  if (bytes.size() < 8 + length_bytes) return bad("it ends inside its header");
  const std::size_t length = little_endian(bytes.substr(8, length_bytes));
  bytes.remove_prefix(8 + length_bytes);
  if (length > bytes.size()) return bad("it ends inside its header");

  Header header(bytes.substr(0, length));
  if (const std::string wrong = header.parse(); !wrong.empty()) return bad(wrong);
  bytes.remove_prefix(length);
  if (*header.descr != "|u1" && *header.descr != "u1") {
    return bad("its elements are '" + *header.descr + "', not '|u1' (save it with .astype(numpy.uint8))");
  }
  if (*header.fortran_order) {
    return bad("it is in Fortran order (save it with numpy.ascontiguousarray)");
  }
  const auto elements = elements_of(*header.shape);
  if (!elements || *elements != bytes.size()) {
    return bad("its shape wants " + (elements ? std::to_string(*elements) : std::string("too many")) +
               " bytes of elements, it has " + std::to_string(bytes.size()));
  }
  return NpyU8{std::move(*header.shape), {bytes.begin(), bytes.end()}};
}

Result<NpyU8> read_npy_u8(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Failure{path + ": " + std::strerror(errno)};
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (bytes.bad()) return Failure{path + ": cannot be read: " + std::strerror(errno)};
  auto array = parse_npy_u8(bytes.view());
  if (!array) return Failure{path + ": " + array.error().text};
  return array;
}

std::string write_npy_u8(const std::string& path, const std::vector<std::size_t>& shape,
                         const std::vector<std::uint8_t>& data) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (";
  for (const std::size_t extent : shape) header += std::to_string(extent) + ",";
  header += "), }";
  constexpr std::size_t kBefore = 10, kAlign = 64;  // elements begin at a multiple of 64
  header += std::string(kAlign - 1 - (kBefore + header.size()) % kAlign, ' ') + "\n";
  auto file = OutputFile::open(path);
  if (!file) return file.error().text;
  const char size[] = {static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  file.value()->write(std::string(kMagic) + '\1' + '\0' + std::string(size, 2) + header);
  file.value()->write({reinterpret_cast<const char*>(data.data()), data.size()});
  return file.value()->finish();
}

}  // namespace mone
