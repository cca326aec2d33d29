// Writes GGUF files for tests, valid ones and others.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace abstractllm::io {

/// Collects metadata and tensors in the order given and lays them out as the
/// format asks. Numbers of types are the format's.
class GgufBuilder {
 public:
  template <typename T>
  static std::string bytes_of(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
  }

  static std::string text_of(std::string_view text) {
    return bytes_of<std::uint64_t>(text.size()).append(text);
  }

  GgufBuilder& version(std::uint32_t version) {
    version_ = version;
    return *this;
  }

  /// A metadata entry of any type with the bytes of its value.
  GgufBuilder& raw(std::string_view key, std::uint32_t type,
                   std::string_view value) {
    entries_ += text_of(key) + bytes_of(type);
    entries_ += value;
    ++entry_count_;
    return *this;
  }

  GgufBuilder& put(std::string_view key, std::uint32_t value) {
    return raw(key, 4, bytes_of(value));
  }
  GgufBuilder& put(std::string_view key, float value) {
    return raw(key, 6, bytes_of(value));
  }
  GgufBuilder& put(std::string_view key, bool value) {
    return raw(key, 7, bytes_of(value));
  }
  GgufBuilder& put(std::string_view key, const char* value) {
    return raw(key, 8, text_of(value));
  }
  GgufBuilder& put(std::string_view key,
                   const std::vector<std::string>& values) {
    std::string bytes =
        bytes_of<std::uint32_t>(8) + bytes_of<std::uint64_t>(values.size());
    for (const std::string& value : values) bytes += text_of(value);
    return raw(key, 9, bytes);
  }
  template <typename T>
  GgufBuilder& put_array(std::string_view key, std::uint32_t type,
                         const std::vector<T>& values) {
    std::string bytes = bytes_of(type) + bytes_of<std::uint64_t>(values.size());
    for (const T value : values) bytes += bytes_of(value);
    return raw(key, 9, bytes);
  }

  GgufBuilder& alignment(std::uint32_t alignment) {
    alignment_ = alignment;
    return put("general.alignment", alignment);
  }

  /// `shape` outermost first; placed after the tensors before it.
  GgufBuilder& tensor(std::string_view name, std::uint32_t type,
                      const std::vector<std::uint64_t>& shape,
                      std::string_view data) {
    data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_);
    return tensor_at(name, type, shape, data_.size(), data);
  }

  /// The same with an offset that may be wrong; `data` is appended.
  GgufBuilder& tensor_at(std::string_view name, std::uint32_t type,
                         const std::vector<std::uint64_t>& shape,
                         std::uint64_t offset, std::string_view data) {
    table_ += text_of(name);
    table_ += bytes_of(static_cast<std::uint32_t>(shape.size()));
    for (auto size = shape.rbegin(); size != shape.rend(); ++size) {
      table_ += bytes_of(*size);
    }
    table_ += bytes_of(type) + bytes_of(offset);
    data_ += data;
    ++tensor_count_;
    return *this;
  }

  std::string build() const {
    std::string file = "GGUF" + bytes_of(version_) + bytes_of(tensor_count_) +
                       bytes_of(entry_count_) + entries_ + table_;
    file.resize((file.size() + alignment_ - 1) / alignment_ * alignment_);
    return file + data_;
  }

 private:
  std::uint32_t version_ = 3;
  std::uint32_t alignment_ = 32;
  std::uint64_t entry_count_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::string entries_;
  std::string table_;
  std::string data_;
};

}  // namespace abstractllm::io
