// Waiting for a lock with an eye on cancel.
// SPDX-License-Identifier: Apache-2.0
#include "hub/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "abstractllm/error.h"

namespace abstractllm::hub {
namespace {

constexpr std::chrono::milliseconds kPatience{50};

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw FileProcessingError(fmt::format("[hub] cannot lock {}: {}",
                                        path.string(), std::strerror(errno)));
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& path,
                   const CancelToken& cancel) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(path);
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) {
      const int reason = errno;
      ::close(descriptor_);
      errno = reason;
      fail(path);
    }
    if (cancel.cancelled()) {
      ::close(descriptor_);
      throw CancelledError("[hub] the download was left", {}, "hub");
    }
    std::this_thread::sleep_for(kPatience);
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace abstractllm::hub
