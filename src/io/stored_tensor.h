// A tensor as it lies in a file: name, type, shape and bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"

namespace abstractllm::io {

/// How the elements of a tensor are stored. The block types are GGUF's; kMxfp4
/// is GGUF's block of 32 elements behind one scale byte. Whole numbers, kQ8_1
/// and kQ8_K are known by name and size only (StorageTraits::readable is
/// false).
enum class StorageType : std::uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool,
  kF8E4M3,
  kF8E5M2,
  kF8E8M0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kMxfp4,
  kQ8_1,
  kQ8_K,
  kIQ1_S,
  kIQ1_M,
  kIQ2_XXS,
  kIQ2_XS,
  kIQ2_S,
  kIQ3_XXS,
  kIQ3_S,
  kIQ4_NL,
  kIQ4_XS,
  kTQ1_0,
  kTQ2_0,
};

struct StorageTraits {
  StorageType type;
  std::string_view name;         ///< as the format's own documents spell it
  std::uint32_t block_elements;  ///< 1 for plain types
  std::uint32_t block_bytes;
  bool readable;  ///< whether WeightMatrix can decode it, as a number
};

/// The row of `type`. Total: every enumerator has one.
const StorageTraits& storage_traits(StorageType type) noexcept;

/// "F32", "Q4_K", ...
inline std::string_view to_string(StorageType type) noexcept {
  return storage_traits(type).name;
}

/// A tensor in a mapped file. A cheap value: copies share the mapping.
struct StoredTensor {
  std::string name;
  StorageType type = StorageType::kF32;
  std::vector<std::int64_t> shape;   ///< outermost first, row-major; may be {}
  std::span<const std::byte> bytes;  ///< may be unaligned for its type
  /// Keeps bytes alive; null: whoever made this does.
  std::shared_ptr<const base::MappedFile> file;

  /// Product of the shape; 1 for a scalar. The readers have checked it.
  std::int64_t element_count() const noexcept;

  /// "tensor 'NAME' (F16 [2, 3]) in PATH", for messages.
  std::string describe() const;
};

/// "[2, 3]".
std::string shape_text(std::span<const std::int64_t> shape);

/// Product of `shape`, or nothing if a dimension is negative or the product
/// exceeds the range of int64.
std::optional<std::int64_t> checked_element_count(
    std::span<const std::int64_t> shape) noexcept;

/// Bytes of `elements` stored as `type`, or nothing if they do not fill whole
/// blocks or the product exceeds the range of int64.
std::optional<std::int64_t> checked_byte_count(StorageType type,
                                               std::int64_t elements) noexcept;

/// Maps a model's file. Throws ModelLoadingError naming path and reason.
std::shared_ptr<const base::MappedFile> map_model_file(
    const std::filesystem::path& path);

}  // namespace abstractllm::io
