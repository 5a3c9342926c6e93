#include "pipeline/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace mone {
namespace {

namespace fs = std::filesystem;

std::string failed(const std::string& path) { return path + ": cannot be written: " + std::strerror(errno); }

/// Makes a file that must not be there yet. @return its descriptor, or -1 and errno
int make_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path) {
  std::unique_ptr<OutputFile> output(new OutputFile);
  output->path_ = output->target_ = path;
  std::error_code unknown;
  struct stat there {};
  const bool exists = ::stat(path.c_str(), &there) == 0;  // of a pipe, too, whose link has no path to follow
  const bool leads_nowhere = !exists && fs::is_symlink(fs::symlink_status(path, unknown));
  if (leads_nowhere || (exists && !S_ISREG(there.st_mode))) {
    output->begin();
    if (!output->file_) return Failure{failed(path)};
    return output;
  }
  if (exists && ::access(path.c_str(), W_OK) != 0) return Failure{failed(path)};
  if (exists) {
    output->target_ = fs::canonical(path, unknown).string();
    output->permissions_ = static_cast<int>(there.st_mode & 07777);
  }
  output->beside_ = output->target_ + "." + std::to_string(::getpid());
  const int file = make_file(output->beside_);
  if (file < 0) {
    output->beside_.clear();
    // A folder that takes no new files, around a file that may be written.
    const bool forbidden = errno == EACCES || errno == EPERM || errno == EROFS;
    if (!exists || !forbidden) return Failure{failed(path)};
    return output;
  }
  // Hours may pass until there is something to write, and whoever stops the program then wants no empty file.
  ::close(file);
  ::unlink(output->beside_.c_str());
  return output;
}

/// Opens what is written to, if it is not open yet.
void OutputFile::begin() {
  if (begun_) return;
  begun_ = true;
  if (beside_.empty()) return file_.open(target_, std::ios::binary);
  const int file = make_file(beside_);
  if (file < 0) {
    beside_.clear();  // another's
    return file_.setstate(std::ios::failbit);
  }
  if (permissions_ >= 0) ::fchmod(file, static_cast<mode_t>(permissions_));
  ::close(file);
  file_.open(beside_, std::ios::binary);
}

OutputFile::~OutputFile() {
  if (beside_.empty() || !begun_) return;
  file_.close();
  ::unlink(beside_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  begin();
  file_.write(bytes.data(), std::ssize(bytes));
}

std::string OutputFile::finish() {
  begin();
  file_.close();
  if (!file_) return failed(path_);
  if (!beside_.empty() && ::rename(beside_.c_str(), target_.c_str()) != 0) return failed(path_);
  beside_.clear();
  return "";
}

}  // namespace mone
