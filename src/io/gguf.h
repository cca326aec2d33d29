// Reader of GGUF files, versions 2 and 3, little endian.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/stored_tensor.h"

namespace abstractllm::io {

/// A GGUF model: its metadata and its tensors. A split model
/// (NAME-00001-of-0000N.gguf) is opened by the path of any part and joined;
/// its metadata is the first part's. Metadata values are read when asked for.
/// Immutable; thread-safe.
class GgufFile {
 public:
  /// Maps the file (or all parts) and checks header, metadata and tensor
  /// table. Throws ModelLoadingError naming file, entry, expected and found;
  /// big endian files and version 1 are refused by name.
  static GgufFile open(const std::filesystem::path& path);

  /// One mapped file, without the other parts of a split model.
  static GgufFile read(std::shared_ptr<const base::MappedFile> file);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::uint32_t version() const noexcept { return version_; }

  /// Sorted.
  std::vector<std::string_view> metadata_keys() const;

  // The look-ups return nothing if the key is absent, and throw
  // ModelLoadingError if the value is of another kind.

  /// The view lives as long as this object or a tensor of the first part.
  std::optional<std::string_view> find_string(std::string_view key) const;
  /// Any integer type; throws if a uint64 exceeds the range of int64.
  std::optional<std::int64_t> find_int(std::string_view key) const;
  /// float32, float64 or any integer type.
  std::optional<double> find_float(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  /// Views into the mapping: nothing is copied.
  std::optional<std::vector<std::string_view>> find_strings(
      std::string_view key) const;
  /// An array of any integer or bool type; a single integer counts as an
  /// array of one.
  std::optional<std::vector<std::int64_t>> find_ints(
      std::string_view key) const;
  /// An array of float32, float64 or any integer type.
  std::optional<std::vector<float>> find_floats(std::string_view key) const;

  bool has(std::string_view key) const {
    return values_.find(key) != values_.end();
  }

  /// In the order of the file; names as in the file, shapes outermost first.
  const std::vector<StoredTensor>& tensors() const noexcept { return tensors_; }

 private:
  GgufFile() = default;

  struct Value {
    std::uint32_t type = 0;  // of the value, or of an array's elements
    bool is_array = false;
    std::uint64_t count = 1;  // of elements
    std::span<const std::byte> bytes;
  };

  class Reader;
  class Joiner;
  const Value* find(std::string_view key) const;
  [[noreturn]] void fail_kind(std::string_view key, const Value& value,
                              std::string_view expected) const;

  std::filesystem::path path_;
  std::uint32_t version_ = 0;
  std::shared_ptr<const base::MappedFile> file_;
  std::map<std::string_view, Value, std::less<>> values_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace abstractllm::io
