// Numbers of the GGUF format that both halves of its reader need.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace abstractllm::io::gguf {

static_assert(std::endian::native == std::endian::little,
              "the readers copy little-endian numbers as they are");

// Numbers of the format: do not renumber.
enum ValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
  kValueTypes = 13,
};

inline constexpr const char* kValueTypeNames[kValueTypes] = {
    "uint8",   "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
    "boolean", "string", "array",  "uint64", "int64",  "float64"};

// 0 where the size is not fixed.
inline constexpr std::size_t kValueBytes[kValueTypes] = {1, 1, 2, 2, 4, 4, 4,
                                                         1, 0, 0, 8, 8, 8};

template <typename T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace abstractllm::io::gguf
