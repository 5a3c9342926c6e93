#include "pipeline/output_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace mone {
namespace {

namespace fs = std::filesystem;

std::string failed(const std::string& path) { return path + ": cannot be written: " + std::strerror(errno); }

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path) {
  std::unique_ptr<OutputFile> output(new OutputFile);
  std::error_code unknown;
  const fs::path there = fs::canonical(path, unknown);
  output->path_ = path;
  output->target_ = unknown ? path : there.string();
  output->in_place_ = !unknown && !fs::is_regular_file(there, unknown);
  output->written_ = output->target_ + (output->in_place_ ? "" : ".part");
  output->file_.open(output->written_, std::ios::binary);
  if (!output->file_ && !unknown &&
      !output->in_place_) {  // a folder that takes no new files, around a file that may be written
    output->in_place_ = true;
    output->written_ = output->target_;
    output->file_.clear();
    output->file_.open(output->written_, std::ios::binary);
  }
  if (!output->file_) return Failure{failed(path)};
  return output;
}

OutputFile::~OutputFile() {
  if (in_place_ || written_.empty()) return;
  file_.close();
  std::error_code nobody;
  fs::remove(written_, nobody);
}

void OutputFile::write(std::string_view bytes) { file_.write(bytes.data(), std::ssize(bytes)); }

std::string OutputFile::finish() {
  file_.close();
  if (!file_) return failed(path_);
  if (in_place_) return "";
  std::error_code error, unknown;
  const fs::file_status before = fs::status(target_, unknown);
  if (fs::exists(before)) fs::permissions(written_, before.permissions(), unknown);
  fs::rename(written_, target_, error);
  if (error) return path_ + ": cannot be written: " + error.message();
  written_.clear();
  return "";
}

}  // namespace mone
