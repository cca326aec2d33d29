// How config.json says that a module's weights are quantised.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "io/json_config.h"
#include "io/stored_tensor.h"

namespace abstractllm::io {

enum class QuantizationMode : std::uint8_t { kAffine, kMxfp4, kMxfp8, kNvfp4 };

/// Whose packing of quantised weights a checkpoint has.
enum class PackedMethod : std::uint8_t {
  kNone,  ///< MLX's, or plain tensors
  kAwq,
  kGptq,
  kFp8,
  kCompressedTensors,
  kBitnet,
};

/// What `quantization_config` says of a method other than MLX's.
struct PackedRule {
  PackedMethod method = PackedMethod::kNone;
  std::int64_t bits = 4;
  /// GPTQ's first version of the format stores zeros less one.
  bool zeros_less_one = false;
  /// Columns that share a scale in GPTQ and AWQ; 0: as many as come out even.
  std::int64_t group = 0;
  /// BitNet's scales divide instead of multiplying.
  bool divides_by_scale = false;
  /// BitNet's matrices are stored before they are rounded to three values.
  bool rounds = false;
  /// Rows and columns that share a scale in FP8.
  std::array<std::int64_t, 2> block = {128, 128};
};

/// Fields that are not set are inferred from the tensors.
struct QuantizationRule {
  std::optional<QuantizationMode> mode;
  std::optional<std::int64_t> bits;
  std::optional<std::int64_t> group_size;
};

/// config.json's `quantization` (MLX) or `quantization_config`, with MLX's
/// entries for single modules. Immutable; thread-safe.
class QuantizationConfig {
 public:
  QuantizationConfig() = default;

  /// Throws UnsupportedModelError naming a method that cannot be read
  /// (bitsandbytes, ...), ModelLoadingError for wrong types.
  explicit QuantizationConfig(const JsonConfig& config);

  /// The entry of `module`, its gaps filled from the common one.
  QuantizationRule rule(std::string_view module) const;

  const PackedRule& packed() const noexcept { return packed_; }

 private:
  void read_method(const JsonConfig& entry, const std::string& method);

  QuantizationRule common_;
  PackedRule packed_;
  std::map<std::string, QuantizationRule, std::less<>> modules_;
};

struct AffineLayout {
  int bits = 0;
  int group_size = 0;
};

/// Bits and group size of MLX codes from the rule, the rest from the shapes of
/// `weight` (U32 words) and `scales`. Where several fit, the group is the first
/// possible of 64 (MLX's default), 32, 128 and 16. Throws ModelLoadingError if
/// none fits.
AffineLayout infer_affine_layout(const QuantizationRule& rule,
                                 const StoredTensor& weight,
                                 const StoredTensor& scales);

}  // namespace abstractllm::io
