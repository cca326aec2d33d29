// A file that one process at a time holds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "abstractllm/cancel.h"

namespace abstractllm::hub {

/// flock(2) on a file that stays: the lock that Hugging Face's tools take, so
/// that they and we wait for each other. Two of one process exclude each other
/// too. Released when destroyed, and by the system when the process ends. One
/// thread at a time.
class FileLock {
 public:
  /// Makes the file and its folder where they are missing, and waits until no
  /// one else holds the lock. Throws FileProcessingError and CancelledError.
  FileLock(const std::filesystem::path& path, const CancelToken& cancel);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace abstractllm::hub
