// Header length (8 bytes, little endian), JSON header, data.
// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "abstractllm/error.h"
#include "io/json_text.h"

namespace abstractllm::io {
namespace {

using nlohmann::json;

// The format's own limit; a header of a model with 200,000 tensors has 30 MB.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
// Tensors in use have at most 5 dimensions; more only costs work.
constexpr std::size_t kMaxDimensions = 16;
// A header is an object of objects of arrays.
constexpr int kMaxHeaderDepth = 4;
constexpr std::size_t kLengthBytes = 8;

constexpr const char* kIncompleteHint =
    "The file may be an incomplete download: fetch it again.";

struct NamedType {
  std::string_view name;
  StorageType type;
};

constexpr NamedType kTypes[] = {
    {"F64", StorageType::kF64},        {"F32", StorageType::kF32},
    {"F16", StorageType::kF16},        {"BF16", StorageType::kBF16},
    {"I8", StorageType::kI8},          {"I16", StorageType::kI16},
    {"I32", StorageType::kI32},        {"I64", StorageType::kI64},
    {"U8", StorageType::kU8},          {"U16", StorageType::kU16},
    {"U32", StorageType::kU32},        {"U64", StorageType::kU64},
    {"BOOL", StorageType::kBool},      {"F8_E4M3", StorageType::kF8E4M3},
    {"F8_E5M2", StorageType::kF8E5M2}, {"F8_E8M0", StorageType::kF8E8M0},
};

std::uint64_t read_little_endian_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return value;
}

class HeaderReader {
 public:
  HeaderReader(std::shared_ptr<const base::MappedFile> file)
      : file_(std::move(file)) {}

  SafetensorsFile read() {
    const json header = parse_header();
    SafetensorsFile result;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        result.metadata = read_metadata(entry);
      } else {
        result.tensors.push_back(read_tensor(name, entry));
      }
    }
    check_coverage(result.tensors);
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw ModelLoadingError(
        fmt::format("[safetensors] {}: {}", file_->path().string(), what),
        std::move(hint));
  }

  [[noreturn]] void fail_tensor(const std::string& name,
                                const std::string& what) const {
    fail(fmt::format("tensor '{}': {}", name, what));
  }

  json parse_header() {
    const auto bytes = file_->bytes();
    if (bytes.size() < kLengthBytes) {
      fail(fmt::format("expected a header length of {} bytes, found a file of "
                       "{} bytes",
                       kLengthBytes, bytes.size()),
           kIncompleteHint);
    }
    const std::uint64_t length = read_little_endian_u64(bytes);
    if (length > kMaxHeaderBytes) {
      fail(fmt::format("header of {} bytes, more than the limit of {}", length,
                       kMaxHeaderBytes),
           "This may not be a safetensors file.");
    }
    if (length > bytes.size() - kLengthBytes) {
      fail(fmt::format("header of {} bytes in a file of {} bytes", length,
                       bytes.size()),
           kIncompleteHint);
    }
    const auto header = bytes.subspan(kLengthBytes, length);
    data_ = bytes.subspan(kLengthBytes + length);
    json value = parse_json_text(
        {reinterpret_cast<const char*>(header.data()), header.size()},
        file_->path().string(),
        {.bytes = kMaxHeaderBytes, .depth = kMaxHeaderDepth});
    if (!value.is_object()) fail("expected a JSON object as header");
    return value;
  }

  std::map<std::string, std::string> read_metadata(const json& entry) const {
    std::map<std::string, std::string> metadata;
    if (entry.is_null()) return metadata;  // MLX writes null for none
    if (!entry.is_object()) fail("expected an object as __metadata__");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) {
        fail(fmt::format("__metadata__ '{}': expected a string", key));
      }
      metadata.emplace(key, value.get<std::string>());
    }
    return metadata;
  }

  StoredTensor read_tensor(const std::string& name, const json& entry) const {
    if (!entry.is_object()) fail_tensor(name, "expected an object");
    StoredTensor tensor;
    tensor.name = name;
    tensor.type = read_type(name, entry);
    tensor.shape = read_sizes(name, entry, "shape", kMaxDimensions);
    tensor.file = file_;
    const auto offsets = read_sizes(name, entry, "data_offsets", 2);
    if (offsets.size() != 2) fail_tensor(name, "expected two data_offsets");
    const auto size = static_cast<std::int64_t>(data_.size());
    if (offsets[0] > offsets[1] || offsets[1] > size) {
      throw ModelLoadingError(
          fmt::format("[safetensors] {}: tensor '{}': data from {} to {} in "
                      "{} bytes of data",
                      file_->path().string(), name, offsets[0], offsets[1],
                      size),
          kIncompleteHint);
    }
    const std::int64_t found = offsets[1] - offsets[0];
    std::optional<std::int64_t> expected;
    if (const auto count = checked_element_count(tensor.shape)) {
      expected = checked_byte_count(tensor.type, *count);
    }
    if (!expected) {
      fail_tensor(
          name, fmt::format("{} {} is larger than any file",
                            to_string(tensor.type), shape_text(tensor.shape)));
    }
    if (*expected != found) {
      fail_tensor(
          name,
          fmt::format("{} {} takes {} bytes, found {}", to_string(tensor.type),
                      shape_text(tensor.shape), *expected, found));
    }
    tensor.bytes = data_.subspan(static_cast<std::size_t>(offsets[0]),
                                 static_cast<std::size_t>(found));
    return tensor;
  }

  StorageType read_type(const std::string& name, const json& entry) const {
    const auto found = entry.find("dtype");
    if (found == entry.end() || !found->is_string()) {
      fail_tensor(name, "expected a string as dtype");
    }
    const auto& text = found->get_ref<const std::string&>();
    for (const NamedType& known : kTypes) {
      if (known.name == text) return known.type;
    }
    fail_tensor(name, fmt::format("dtype '{}' is not supported", text));
  }

  std::vector<std::int64_t> read_sizes(const std::string& name,
                                       const json& entry, const char* key,
                                       std::size_t limit) const {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_array()) {
      fail_tensor(name, fmt::format("expected an array as {}", key));
    }
    if (found->size() > limit) {
      fail_tensor(name, fmt::format("{} of {} numbers, more than {}", key,
                                    found->size(), limit));
    }
    std::vector<std::int64_t> sizes;
    for (const json& value : *found) {
      if (!value.is_number_unsigned() ||
          value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
        fail_tensor(name,
                    fmt::format("{}: expected a size, found {}", key,
                                value.dump(-1, ' ', true,
                                           json::error_handler_t::replace)));
      }
      sizes.push_back(value.get<std::int64_t>());
    }
    return sizes;
  }

  // The format asks for data without gaps, so that a file has one meaning.
  void check_coverage(std::vector<StoredTensor>& tensors) const {
    std::sort(tensors.begin(), tensors.end(),
              [](const StoredTensor& a, const StoredTensor& b) {
                return std::pair(a.bytes.data(), a.bytes.size()) <
                       std::pair(b.bytes.data(), b.bytes.size());
              });
    std::size_t end = 0;
    const StoredTensor* previous = nullptr;
    for (const StoredTensor& tensor : tensors) {
      const auto start =
          static_cast<std::size_t>(tensor.bytes.data() - data_.data());
      if (start < end) {
        fail_tensor(tensor.name,
                    fmt::format("data from {} overlaps tensor '{}', which ends "
                                "at {}",
                                start, previous->name, end));
      }
      if (start > end) {
        fail_tensor(tensor.name,
                    fmt::format("data from {}, expected {}: {} bytes belong to "
                                "no tensor",
                                start, end, start - end));
      }
      end = start + tensor.bytes.size();
      previous = &tensor;
    }
    if (end != data_.size()) {
      fail(fmt::format("{} bytes of data, but the tensors end at {}",
                       data_.size(), end));
    }
  }

  std::shared_ptr<const base::MappedFile> file_;
  std::span<const std::byte> data_;
};

}  // namespace

SafetensorsFile read_safetensors(
    const std::shared_ptr<const base::MappedFile>& file) {
  return HeaderReader(file).read();
}

SafetensorsFile open_safetensors(const std::filesystem::path& path) {
  return read_safetensors(map_model_file(path));
}

}  // namespace abstractllm::io
