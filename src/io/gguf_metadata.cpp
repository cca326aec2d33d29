// GGUF metadata look-ups.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "io/gguf_format.h"

namespace abstractllm::io {
namespace {

using namespace gguf;

std::string type_name(std::uint32_t type, bool is_array) {
  const char* name = type < kValueTypes ? kValueTypeNames[type] : "unknown";
  return is_array ? fmt::format("array of {}", name) : name;
}

bool is_integer(std::uint32_t type) {
  return type <= kInt32 || type == kUint64 || type == kInt64;
}

// REQUIRES: is_integer(type) or kBool.
std::int64_t load_integer(std::uint32_t type, const std::byte* bytes) {
  switch (type) {
    case kUint8:
      return load<std::uint8_t>(bytes);
    case kInt8:
      return load<std::int8_t>(bytes);
    case kUint16:
      return load<std::uint16_t>(bytes);
    case kInt16:
      return load<std::int16_t>(bytes);
    case kUint32:
      return load<std::uint32_t>(bytes);
    case kInt32:
      return load<std::int32_t>(bytes);
    case kBool:
      return load<std::uint8_t>(bytes) != 0;
    default:
      return load<std::int64_t>(bytes);
  }
}

double load_number(std::uint32_t type, const std::byte* bytes) {
  if (type == kFloat32) return load<float>(bytes);
  if (type == kFloat64) return load<double>(bytes);
  if (type == kUint64) {
    return static_cast<double>(load<std::uint64_t>(bytes));
  }
  return static_cast<double>(load_integer(type, bytes));
}

}  // namespace

std::vector<std::string_view> GgufFile::metadata_keys() const {
  std::vector<std::string_view> keys;
  keys.reserve(values_.size());
  for (const auto& [key, value] : values_) keys.push_back(key);
  return keys;
}

const GgufFile::Value* GgufFile::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void GgufFile::fail_kind(std::string_view key, const Value& value,
                         std::string_view expected) const {
  throw ModelLoadingError(fmt::format(
      "[gguf] {}: metadata '{}': expected {}, found {}", path_.string(), key,
      expected, type_name(value.type, value.is_array)));
}

std::optional<std::string_view> GgufFile::find_string(
    std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_array || value->type != kString) {
    fail_kind(key, *value, "a string");
  }
  return as_text(value->bytes.subspan(sizeof(std::uint64_t)));
}

std::optional<std::int64_t> GgufFile::find_int(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_array || !is_integer(value->type)) {
    fail_kind(key, *value, "an integer");
  }
  const std::int64_t number = load_integer(value->type, value->bytes.data());
  if (value->type == kUint64 && number < 0) {
    fail_kind(key, *value, "an integer below 2^63");
  }
  return number;
}

std::optional<double> GgufFile::find_float(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_array || value->type == kString || value->type == kBool) {
    fail_kind(key, *value, "a number");
  }
  return load_number(value->type, value->bytes.data());
}

std::optional<bool> GgufFile::find_bool(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_array || value->type != kBool) {
    fail_kind(key, *value, "a boolean");
  }
  return load<std::uint8_t>(value->bytes.data()) != 0;
}

std::optional<std::vector<std::string_view>> GgufFile::find_strings(
    std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array || value->type != kString) {
    fail_kind(key, *value, "an array of strings");
  }
  std::vector<std::string_view> strings;
  strings.reserve(static_cast<std::size_t>(value->count));
  // The lengths were checked when the file was opened.
  const std::byte* at = value->bytes.data();
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto length = load<std::uint64_t>(at);
    at += sizeof(length);
    strings.emplace_back(reinterpret_cast<const char*>(at),
                         static_cast<std::size_t>(length));
    at += length;
  }
  return strings;
}

std::optional<std::vector<std::int64_t>> GgufFile::find_ints(
    std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!is_integer(value->type) && value->type != kBool) {
    fail_kind(key, *value, "an array of integers");
  }
  std::vector<std::int64_t> numbers;
  numbers.reserve(static_cast<std::size_t>(value->count));
  const std::size_t size = kValueBytes[value->type];
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const std::int64_t number =
        load_integer(value->type, value->bytes.data() + i * size);
    if (value->type == kUint64 && number < 0) {
      fail_kind(key, *value, "integers below 2^63");
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::optional<std::vector<float>> GgufFile::find_floats(
    std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array || value->type == kString || value->type == kBool) {
    fail_kind(key, *value, "an array of numbers");
  }
  std::vector<float> numbers(static_cast<std::size_t>(value->count));
  const std::size_t size = kValueBytes[value->type];
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(
        load_number(value->type, value->bytes.data() + i * size));
  }
  return numbers;
}

}  // namespace abstractllm::io
