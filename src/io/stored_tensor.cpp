// The table of storage types, and checked sizes.
// SPDX-License-Identifier: Apache-2.0
#include "io/stored_tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <limits>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

using enum StorageType;

// In the order of StorageType. Sizes of the block types are ggml's.
constexpr std::array kTable{
    StorageTraits{kF64, "F64", 1, 8, true},
    StorageTraits{kF32, "F32", 1, 4, true},
    StorageTraits{kF16, "F16", 1, 2, true},
    StorageTraits{kBF16, "BF16", 1, 2, true},
    StorageTraits{kI8, "I8", 1, 1, false},
    StorageTraits{kI16, "I16", 1, 2, false},
    StorageTraits{kI32, "I32", 1, 4, false},
    StorageTraits{kI64, "I64", 1, 8, false},
    StorageTraits{kU8, "U8", 1, 1, false},
    StorageTraits{kU16, "U16", 1, 2, false},
    StorageTraits{kU32, "U32", 1, 4, false},
    StorageTraits{kU64, "U64", 1, 8, false},
    StorageTraits{kBool, "BOOL", 1, 1, false},
    StorageTraits{kF8E4M3, "F8_E4M3", 1, 1, true},
    StorageTraits{kF8E5M2, "F8_E5M2", 1, 1, true},
    StorageTraits{kF8E8M0, "F8_E8M0", 1, 1, true},
    StorageTraits{kQ4_0, "Q4_0", 32, 18, true},
    StorageTraits{kQ4_1, "Q4_1", 32, 20, true},
    StorageTraits{kQ5_0, "Q5_0", 32, 22, true},
    StorageTraits{kQ5_1, "Q5_1", 32, 24, true},
    StorageTraits{kQ8_0, "Q8_0", 32, 34, true},
    StorageTraits{kQ2_K, "Q2_K", 256, 84, true},
    StorageTraits{kQ3_K, "Q3_K", 256, 110, true},
    StorageTraits{kQ4_K, "Q4_K", 256, 144, true},
    StorageTraits{kQ5_K, "Q5_K", 256, 176, true},
    StorageTraits{kQ6_K, "Q6_K", 256, 210, true},
    StorageTraits{kMxfp4, "MXFP4", 32, 17, true},
    StorageTraits{kQ8_1, "Q8_1", 32, 36, false},
    StorageTraits{kQ8_K, "Q8_K", 256, 292, false},
    StorageTraits{kIQ1_S, "IQ1_S", 256, 50, true},
    StorageTraits{kIQ1_M, "IQ1_M", 256, 56, true},
    StorageTraits{kIQ2_XXS, "IQ2_XXS", 256, 66, true},
    StorageTraits{kIQ2_XS, "IQ2_XS", 256, 74, true},
    StorageTraits{kIQ2_S, "IQ2_S", 256, 82, true},
    StorageTraits{kIQ3_XXS, "IQ3_XXS", 256, 98, true},
    StorageTraits{kIQ3_S, "IQ3_S", 256, 110, true},
    StorageTraits{kIQ4_NL, "IQ4_NL", 32, 18, true},
    StorageTraits{kIQ4_XS, "IQ4_XS", 256, 136, true},
    StorageTraits{kTQ1_0, "TQ1_0", 256, 54, true},
    StorageTraits{kTQ2_0, "TQ2_0", 256, 66, true},
};

constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].type) != i) return false;
  }
  return kTable.size() == static_cast<std::size_t>(kTQ2_0) + 1;
}
static_assert(table_is_in_order());

}  // namespace

const StorageTraits& storage_traits(StorageType type) noexcept {
  return kTable[static_cast<std::size_t>(type)];
}

std::int64_t StoredTensor::element_count() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::string StoredTensor::describe() const {
  return fmt::format("tensor '{}' ({} {}) in {}", name, to_string(type),
                     shape_text(shape),
                     file ? file->path().string() : "memory");
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::optional<std::int64_t> checked_element_count(
    std::span<const std::int64_t> shape) noexcept {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size != 0 && count > kMax / size) return std::nullopt;
    count *= size;
  }
  return count;
}

std::optional<std::int64_t> checked_byte_count(StorageType type,
                                               std::int64_t elements) noexcept {
  const StorageTraits& traits = storage_traits(type);
  if (elements < 0 || elements % traits.block_elements != 0) {
    return std::nullopt;
  }
  const std::int64_t blocks = elements / traits.block_elements;
  if (blocks > std::numeric_limits<std::int64_t>::max() / traits.block_bytes) {
    return std::nullopt;
  }
  return blocks * traits.block_bytes;
}

std::shared_ptr<const base::MappedFile> map_model_file(
    const std::filesystem::path& path) {
  try {
    return base::MappedFile::open(path);
  } catch (const FileProcessingError& error) {
    throw ModelLoadingError(error.message(), error.hint());
  }
}

}  // namespace abstractllm::io
