// How config.json says that a module's weights are quantised.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_config.h"
#include "io/module_selector.h"
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
  kModelOpt,
};

enum class PackedCodes : std::uint8_t { kIntegers, kFp8, kNvfp4 };

/// What `quantization_config` says of a method other than MLX's.
struct PackedRule {
  PackedMethod method = PackedMethod::kNone;
  PackedCodes codes = PackedCodes::kIntegers;
  std::int64_t bits = 4;
  /// GPTQ's first version of the format stores zeros less one.
  bool zeros_less_one = false;
  /// Columns that share a scale; 0: as many as come out even.
  std::int64_t group = 0;
  /// Columns of a group are no neighbours.
  bool act_order = false;
  /// BitNet's scales divide instead of multiplying.
  bool divides_by_scale = false;
  /// BitNet's matrices are stored before they are rounded to three values.
  bool rounds = false;
  /// Rows and columns that share a scale in FP8.
  std::array<std::int64_t, 2> block = {128, 128};
};

/// Of some modules; without `rule` they are stored plainly.
struct PackedModules {
  ModuleSelector modules;
  std::optional<PackedRule> rule;
};

/// A rule, and those of modules that differ, the first that fits counting.
struct PackedRules {
  PackedRule common;
  std::vector<PackedModules> modules{};
  bool others_are_plain = false;  ///< all that `modules` does not name
};

/// Fields that are not set are inferred from the tensors.
struct QuantizationRule {
  std::optional<QuantizationMode> mode;
  std::optional<std::int64_t> bits;
  std::optional<std::int64_t> group_size;
};

/// config.json's `quantization` (MLX) or `quantization_config`, with its
/// entries for single modules. Immutable; thread-safe.
class QuantizationConfig {
 public:
  QuantizationConfig() = default;

  /// Throws UnsupportedModelError naming a method that cannot be read
  /// (bitsandbytes, ...), ModelLoadingError for wrong types.
  explicit QuantizationConfig(const JsonConfig& config);

  /// The entry of `module` in MLX's way, its gaps filled from the common one.
  QuantizationRule rule(std::string_view module) const;

  /// MLX has quantised all that it could.
  bool is_mlx() const noexcept { return is_mlx_; }

  /// What most modules have.
  const PackedRule& packed() const noexcept { return packed_.common; }

  /// Of `module`, as the checkpoint names it; nothing where it is stored
  /// plainly. What the tensors themselves tell goes before.
  std::optional<PackedRule> packed(std::string_view module) const;

 private:
  void read_mlx(const JsonConfig& entry);

  QuantizationRule common_;
  bool is_mlx_ = false;
  PackedRules packed_;
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
