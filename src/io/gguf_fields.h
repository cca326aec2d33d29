// Metadata of a GGUF file's own architecture, checked for sense.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.h"

namespace abstractllm::io {

/// Names are without the architecture, as in "attention.head_count". Refers to
/// `gguf`; one thread at a time.
class GgufFields {
 public:
  GgufFields(const GgufFile& gguf, std::string_view architecture)
      : gguf_(gguf), architecture_(architecture) {}

  const GgufFile& file() const noexcept { return gguf_; }
  std::string key(std::string_view name) const;
  bool has(std::string_view name) const { return gguf_.has(key(name)); }

  /// A number, or an array with one number a layer if all that are not 0 are
  /// the same. Throws ModelLoadingError for a negative one and
  /// UnsupportedModelError where layers differ.
  std::optional<std::int64_t> find_size(std::string_view name) const;
  /// Throws ModelLoadingError if it is missing or 0.
  std::int64_t require_size(std::string_view name) const;
  /// One number a layer.
  std::optional<std::vector<std::int64_t>> find_sizes(
      std::string_view name) const;
  /// The shortest decimal that gives the same float32: 1e-05.
  std::optional<double> find_number(std::string_view name) const;

  /// Null if there is none; under GGUF's names.
  const StoredTensor* find_tensor(std::string_view name) const;
  /// Its elements; empty if there is none. Throws ModelLoadingError for a type
  /// that is no floating-point one.
  std::vector<float> vector(std::string_view name) const;

  [[noreturn]] void fail_missing(std::string_view name) const;

 private:
  const GgufFile& gguf_;
  std::string_view architecture_;
};

}  // namespace abstractllm::io
