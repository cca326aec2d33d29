// The first bytes of a file on its way in, and the digest of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "hub/digest.h"

namespace abstractllm::hub {

/// What the whole file has to be. A plain value.
struct ExpectedFile {
  std::string name;  ///< for errors
  std::optional<std::uint64_t> size{};
  std::string etag{};  ///< one that EtagDigest does not know is not checked
};

/// Grows at its end only, so that what is on disk is at any time the beginning
/// of the file: a later call, or another program, goes on from there. One
/// thread at a time.
///
/// Throws FileProcessingError for what the file system refuses, and
/// ResourceExceededError where it is full.
class PartialFile {
 public:
  /// Opens what is there; nothing of it is kept where it is longer than the
  /// file can be. Reads it once for the digest.
  PartialFile(std::filesystem::path path, ExpectedFile expected);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  std::uint64_t size() const noexcept { return size_; }

  /// Throws ProviderAPIError for more bytes than the file can have.
  void append(std::string_view bytes);

  /// Forgets all bytes.
  void restart();

  /// Whether size and digest are the expected ones; says in `why` what is not.
  /// No more bytes can follow.
  bool check(std::string& why);

  /// Flushes the file and gives it its final name.
  void move_to(const std::filesystem::path& path);

 private:
  void start_digest();
  void read_digest();
  [[noreturn]] void fail(std::string_view what, int reason) const;

  const std::filesystem::path path_;
  const ExpectedFile expected_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::optional<EtagDigest> digest_;
};

}  // namespace abstractllm::hub
