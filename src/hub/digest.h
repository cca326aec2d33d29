// SHA-256 and SHA-1 of bytes that come in pieces, as hubs name their files.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace abstractllm::hub {

/// FIPS 180-4. SHA-1 names git's objects and guards against damage alone, not
/// against forgery. One thread at a time.
class Digest {
 public:
  enum class Kind { kSha1, kSha256 };

  explicit Digest(Kind kind);

  void update(std::string_view bytes);

  /// Lower-case hex of everything so far. The object is spent after it.
  std::string finish();

 private:
  void take_block(const unsigned char* block);
  void take_sha1(const std::array<std::uint32_t, 16>& words);
  void take_sha256(const std::array<std::uint32_t, 16>& words);

  Kind kind_;
  std::array<std::uint32_t, 8> state_;
  std::array<unsigned char, 64> held_;
  std::size_t held_bytes_ = 0;
  std::uint64_t bytes_ = 0;
};

/// A digest by the etag that a hub gives a file: 64 hex digits are the SHA-256
/// of its bytes, 40 the SHA-1 of the git object made of them.
class EtagDigest {
 public:
  /// Whether `etag` can be checked at all.
  static bool knows(std::string_view etag);

  /// REQUIRES: knows(etag). `size`: of the whole file.
  EtagDigest(std::string_view etag, std::uint64_t size);

  void update(std::string_view bytes) { digest_.update(bytes); }
  /// What the etag should have been. The object is spent after it.
  std::string finish() { return digest_.finish(); }

 private:
  Digest digest_;
};

}  // namespace abstractllm::hub
