// Reading the quantisation entry of config.json.
// SPDX-License-Identifier: Apache-2.0
#include "io/quantization_config.h"

#include <fmt/format.h>

#include "abstractllm/error.h"
#include "io/quantization_methods.h"

namespace abstractllm::io {
namespace {

constexpr const char* kBitnet = "bitnet";
constexpr const char* kHint =
    "Use the model in MLX format, in GGUF, or not quantised.";

QuantizationMode parse_mode(const JsonConfig& entry, const std::string& mode) {
  if (mode == "affine") return QuantizationMode::kAffine;
  if (mode == "mxfp4") return QuantizationMode::kMxfp4;
  if (mode == "mxfp8") return QuantizationMode::kMxfp8;
  if (mode == "nvfp4") return QuantizationMode::kNvfp4;
  throw UnsupportedModelError(
      fmt::format("[weights] {}: quantisation mode '{}' is not supported, only "
                  "affine, mxfp4, mxfp8 and nvfp4",
                  entry.origin(), mode),
      kHint);
}

QuantizationRule parse_rule(const JsonConfig& entry) {
  QuantizationRule rule;
  if (const auto mode = entry.find_string("mode")) {
    rule.mode = parse_mode(entry, *mode);
  }
  rule.bits = entry.find_int("bits");
  rule.group_size = entry.find_int("group_size");
  return rule;
}

bool fits(std::int64_t bits) { return bits >= 2 && bits <= 8 && bits != 7; }

}  // namespace

QuantizationConfig::QuantizationConfig(const JsonConfig& config) {
  const auto published = config.find_object("quantization_config");
  const auto mlx = config.find_object("quantization");
  if (mlx) {
    // mlx-lm leaves the three-valued matrices of such models as they are, and
    // may quantise the others.
    if (published && quantization_method(*published) == kBitnet) {
      packed_ = read_packed_rules(*published, kBitnet);
    }
    read_mlx(*mlx);
    return;
  }
  if (!published) return;
  const std::string method = quantization_method(*published);
  if (method == "mlx") {
    read_mlx(*published);
  } else if (method == "mxfp4") {
    common_.mode = QuantizationMode::kMxfp4;
  } else if (!method.empty()) {
    packed_ = read_packed_rules(*published, method);
  }
}

void QuantizationConfig::read_mlx(const JsonConfig& entry) {
  is_mlx_ = true;
  common_ = parse_rule(entry);
  for (const std::string& key : entry.keys()) {
    if (entry.is_object(key)) {
      modules_.emplace(key, parse_rule(*entry.find_object(key)));
    }
  }
}

std::optional<PackedRule> QuantizationConfig::packed(
    std::string_view module) const {
  for (const PackedModules& each : packed_.modules) {
    if (each.modules.selects(module)) return each.rule;
  }
  if (packed_.others_are_plain) return std::nullopt;
  return packed_.common;
}

QuantizationRule QuantizationConfig::rule(std::string_view module) const {
  const auto found = modules_.find(module);
  if (found == modules_.end()) return common_;
  QuantizationRule rule = found->second;
  // What mlx-lm takes where an entry names no mode, whatever the others have.
  if (!rule.mode) rule.mode = QuantizationMode::kAffine;
  if (rule.mode != common_.mode.value_or(QuantizationMode::kAffine)) {
    return rule;
  }
  if (!rule.bits) rule.bits = common_.bits;
  if (!rule.group_size) rule.group_size = common_.group_size;
  return rule;
}

AffineLayout infer_affine_layout(const QuantizationRule& rule,
                                 const StoredTensor& weight,
                                 const StoredTensor& scales) {
  const std::int64_t words = weight.shape.empty() ? 0 : weight.shape.back();
  const std::int64_t groups = scales.shape.empty() ? 0 : scales.shape.back();
  // Bits of the codes of one group.
  const std::int64_t group_bits =
      groups > 0 && words <= (std::int64_t{1} << 40) && words * 32 % groups == 0
          ? words * 32 / groups
          : 0;
  for (const std::int64_t group : {64, 32, 128, 16}) {
    if (rule.group_size.value_or(group) != group) continue;
    if (group_bits == 0 || group_bits % group != 0) continue;
    const std::int64_t bits = group_bits / group;
    if (!fits(bits) || rule.bits.value_or(bits) != bits) continue;
    return {static_cast<int>(bits), static_cast<int>(group)};
  }
  const auto asked = [](std::optional<std::int64_t> value) {
    return value ? fmt::format("{}", *value) : std::string("any");
  };
  throw ModelLoadingError(fmt::format(
      "[weights] {}: {} words for {} scales a row; expected codes of {} bits "
      "in groups of {}",
      weight.describe(), words, groups, asked(rule.bits),
      asked(rule.group_size)));
}

}  // namespace abstractllm::io
