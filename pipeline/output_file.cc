#include "pipeline/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace mone {
namespace {

namespace fs = std::filesystem;

std::string failed(const std::string& path, int error = errno) {
  return path + ": cannot be written: " + std::strerror(error);
}

/// What a new file may be read and written by.
mode_t usual_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path) {
  std::unique_ptr<OutputFile> output(new OutputFile);
  std::error_code unknown;
  const fs::file_status there = fs::status(path, unknown);  // of a pipe, too, whose link leads nowhere
  const bool regular = fs::is_regular_file(there);
  output->path_ = path;
  output->in_place_ = (fs::exists(there) && !regular) ||
                      (!fs::exists(there) && fs::is_symlink(fs::symlink_status(path, unknown)));
  output->target_ = regular ? fs::canonical(path, unknown).string() : path;
  if (!output->in_place_) {
    std::string name = output->target_ + ".XXXXXX";
    const int file = ::mkostemp(name.data(), O_CLOEXEC);
    const bool no_room_beside = file < 0 && (errno == EACCES || errno == EPERM || errno == EROFS);
    if (file < 0 && !(regular && no_room_beside && ::access(output->target_.c_str(), W_OK) == 0))
      return Failure{failed(path)};
    if (file < 0) {
      output->in_place_ = true;
    } else {
      struct stat before {};
      const bool known = regular && ::stat(output->target_.c_str(), &before) == 0;
      ::fchmod(file, known ? before.st_mode & 07777 : usual_mode());
      ::close(file);
      output->written_ = name;
      output->file_.open(name, std::ios::binary);
    }
  }
  if (output->in_place_ && !regular) output->file_.open(output->target_, std::ios::binary);
  if (!output->file_) return Failure{failed(path)};
  return output;
}

OutputFile::~OutputFile() {
  if (written_.empty()) return;
  file_.close();
  std::error_code nobody;
  fs::remove(written_, nobody);
}

void OutputFile::write(std::string_view bytes) {
  if (in_place_ && !file_.is_open()) file_.open(target_, std::ios::binary);  // a file that stays until now
  file_.write(bytes.data(), std::ssize(bytes));
}

std::string OutputFile::finish() {
  file_.close();
  if (!file_) return failed(path_);
  if (in_place_) return "";
  std::error_code error;
  fs::rename(written_, target_, error);
  if (error) return path_ + ": cannot be written: " + error.message();
  written_.clear();
  return "";
}

}  // namespace mone
