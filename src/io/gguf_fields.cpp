// Checked look-ups of metadata.
// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "abstractllm/error.h"
#include "io/block_decoders.h"

namespace abstractllm::io {

std::string GgufFields::key(std::string_view name) const {
  return fmt::format("{}.{}", architecture_, name);
}

void GgufFields::fail_missing(std::string_view name) const {
  throw ModelLoadingError(fmt::format("[gguf] {}: metadata '{}' is missing",
                                      gguf_.path().string(), key(name)));
}

std::optional<std::vector<std::int64_t>> GgufFields::find_sizes(
    std::string_view name) const {
  auto values = gguf_.find_ints(key(name));
  if (!values) return std::nullopt;
  for (const std::int64_t value : *values) {
    if (value >= 0) continue;
    throw ModelLoadingError(
        fmt::format("[gguf] {}: metadata '{}': expected a size, found {}",
                    gguf_.path().string(), key(name), value));
  }
  return values;
}

std::optional<std::int64_t> GgufFields::find_size(std::string_view name) const {
  const auto values = find_sizes(name);
  if (!values) return std::nullopt;
  std::int64_t size = 0;
  bool differ = values->empty();
  for (const std::int64_t value : *values) {
    if (value == 0) continue;
    differ = differ || (size != 0 && value != size);
    size = value;
  }
  if (differ) {
    throw UnsupportedModelError(fmt::format(
        "[gguf] {}: metadata '{}' differs from layer to layer: [{}]",
        gguf_.path().string(), key(name), fmt::join(*values, ", ")));
  }
  return size;
}

std::int64_t GgufFields::require_size(std::string_view name) const {
  const auto value = find_size(name);
  if (!value) fail_missing(name);
  if (*value == 0) {
    throw ModelLoadingError(fmt::format("[gguf] {}: metadata '{}' is 0",
                                        gguf_.path().string(), key(name)));
  }
  return *value;
}

std::optional<double> GgufFields::find_number(std::string_view name) const {
  const auto value = gguf_.find_float(key(name));
  if (!value) return std::nullopt;
  return std::strtod(fmt::format("{}", static_cast<float>(*value)).c_str(),
                     nullptr);
}

const StoredTensor* GgufFields::find_tensor(std::string_view name) const {
  const auto& tensors = gguf_.tensors();
  const auto found = std::find_if(
      tensors.begin(), tensors.end(),
      [&](const StoredTensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

std::vector<float> GgufFields::vector(std::string_view name) const {
  const StoredTensor* tensor = find_tensor(name);
  if (tensor == nullptr) return {};
  const StorageTraits& traits = storage_traits(tensor->type);
  if (!traits.readable || traits.block_elements != 1) {
    throw ModelLoadingError(fmt::format(
        "[gguf] {}: expected floating-point numbers", tensor->describe()));
  }
  std::vector<float> values(static_cast<std::size_t>(tensor->element_count()));
  widen_elements(tensor->type, tensor->bytes.data(), values.size(),
                 values.data());
  return values;
}

}  // namespace abstractllm::io
