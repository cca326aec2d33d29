// Temporary file, sync, rename.
// SPDX-License-Identifier: Apache-2.0
#include "cli/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include "abstractllm/error.h"

namespace abstractllm::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int error) {
  throw FileProcessingError(
      fmt::format("[save] cannot write '{}': {}", path,
                  std::generic_category().message(error)),
      "Nothing was changed. Free some space or choose another place.");
}

// A temporary file that is gone at the end unless it was kept.
class PendingFile {
 public:
  PendingFile(const std::string& target, const std::string& shown)
      : shown_(shown) {
    for (int attempt = 0; attempt < 100 && descriptor_ < 0; ++attempt) {
      path_ = fmt::format("{}.{}-{}.tmp", target, ::getpid(), attempt);
      descriptor_ =
          ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0 && errno != EEXIST) break;
    }
    if (descriptor_ < 0) fail(shown_, errno);
  }
  ~PendingFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!kept_) ::unlink(path_.c_str());
  }
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  int descriptor() const { return descriptor_; }

  void replace(const std::string& target) {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    const bool synced = ::fsync(descriptor) == 0;
    const int sync_error = errno;
    // Some file systems report a full disk only here.
    if (::close(descriptor) != 0) fail(shown_, errno);
    if (!synced) fail(shown_, sync_error);
    if (::rename(path_.c_str(), target.c_str()) != 0) fail(shown_, errno);
    kept_ = true;
  }

 private:
  std::string shown_;
  std::string path_;
  int descriptor_ = -1;
  bool kept_ = false;
};

void write_all(int descriptor, std::string_view content,
               const std::string& shown) {
  while (!content.empty()) {
    const ssize_t count = ::write(descriptor, content.data(), content.size());
    if (count >= 0) {
      content.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      fail(shown, errno);
    }
  }
}

void write_directly(const std::string& path, std::string_view content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, errno);
  try {
    write_all(descriptor, content, path);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  if (::close(descriptor) != 0) fail(path, errno);
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view content) {
  std::error_code error;
  std::string target = path;
  if (fs::is_symlink(fs::symlink_status(path, error))) {
    const fs::path resolved = fs::weakly_canonical(path, error);
    if (!error) target = resolved.string();
  }
  std::optional<mode_t> mode;
  struct stat status {};
  if (::stat(target.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) fail(path, EISDIR);
    if (!S_ISREG(status.st_mode)) return write_directly(target, content);
    if (::access(target.c_str(), W_OK) != 0) fail(path, errno);
    mode = status.st_mode & 07777;
  }
  PendingFile pending(target, path);
  if (mode && ::fchmod(pending.descriptor(), *mode) != 0) fail(path, errno);
  write_all(pending.descriptor(), content, path);
  pending.replace(target);
}

}  // namespace abstractllm::cli
