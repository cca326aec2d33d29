// A whole file mapped into memory, read-only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace abstractllm::base {

/// The bytes of a regular file, as they are on disk. Pages are read when they
/// are touched, and the kernel may drop them again. Immutable; thread-safe.
///
/// Limit: a file that another process shortens while it is mapped raises
/// SIGBUS on access to the part that is gone; no check here can prevent that.
/// Replace model files by renaming, never in place.
class MappedFile {
 public:
  /// Maps `path`; an empty file gives empty bytes(). Throws
  /// FileProcessingError naming the path and the system's reason.
  static std::shared_ptr<const MappedFile> open(
      const std::filesystem::path& path);

  /// A copy of `bytes` in memory that stands in for a file called `path`.
  static std::shared_ptr<const MappedFile> in_memory(
      std::span<const std::byte> bytes, const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Hint: the file is going to be read once from front to back.
  void advise_sequential() const noexcept;

  /// Hint: `range` (within bytes()) is going to be read soon.
  void advise_willneed(std::span<const std::byte> range) const noexcept;

  /// Hint: the whole pages in `range` (within bytes()) are not needed any
  /// more. They count no longer as resident; a later access reads them again.
  void advise_dontneed(std::span<const std::byte> range) const noexcept;

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes)
      : path_(std::move(path)), bytes_(bytes) {}

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  std::unique_ptr<std::byte[]> memory_;  // of in_memory(); else null
};

}  // namespace abstractllm::base
