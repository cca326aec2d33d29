// Reading the quantisation entry of config.json.
// SPDX-License-Identifier: Apache-2.0
#include "io/quantization_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

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
  auto entry = config.find_object("quantization");
  // mlx-lm leaves the three-valued matrices of such models as they are, and may
  // quantise the others.
  const bool both = entry && published &&
                    published->is_string("quant_method") &&
                    published->require_string("quant_method") == "bitnet";
  if (both) read_method(*published, "bitnet");
  if (!entry) entry = published;
  if (!entry) return;
  if (const auto method = entry->find_string("quant_method")) {
    if (*method != "mlx") {
      read_method(*entry, *method);
      return;
    }
  }
  common_ = parse_rule(*entry);
  for (const std::string& key : entry->keys()) {
    if (entry->is_object(key)) {
      modules_.emplace(key, parse_rule(*entry->find_object(key)));
    }
  }
}

void QuantizationConfig::read_method(const JsonConfig& entry,
                                     const std::string& method) {
  const auto refuse = [&](const std::string& what) {
    throw UnsupportedModelError(
        fmt::format("[weights] {}: weights quantised with '{}'{} are not "
                    "supported",
                    entry.origin(), method, what),
        kHint);
  };
  if (method == "mxfp4") {
    common_.mode = QuantizationMode::kMxfp4;
  } else if (method == "awq") {
    packed_.method = PackedMethod::kAwq;
    packed_.bits = entry.find_int("bits").value_or(4);
    const std::string version = entry.find_string("version").value_or("gemm");
    if (version != "gemm" && version != "GEMM") {
      refuse(fmt::format(" in version '{}'", version));
    }
  } else if (method == "gptq") {
    packed_.method = PackedMethod::kGptq;
    packed_.bits = entry.find_int("bits").value_or(4);
    const std::string format =
        entry.find_string("checkpoint_format").value_or("gptq");
    if (format != "gptq" && format != "gptq_v2") {
      refuse(fmt::format(" in format '{}'", format));
    }
    packed_.zeros_less_one = format == "gptq";
    packed_.group =
        std::max<std::int64_t>(0, entry.find_int("group_size").value_or(0));
  } else if (method == "fp8" || method == "fbgemm_fp8") {
    packed_.method = PackedMethod::kFp8;
    packed_.bits = 8;
    const auto block = entry.find_ints("weight_block_size");
    if (block && block->size() == 2) packed_.block = {(*block)[0], (*block)[1]};
  } else if (method == "compressed-tensors") {
    packed_.method = PackedMethod::kCompressedTensors;
    if (const auto groups = entry.find_object("config_groups")) {
      for (const std::string& name : groups->keys()) {
        const auto weights =
            groups->require_object(name).find_object("weights");
        if (weights) {
          packed_.bits = weights->find_int("num_bits").value_or(packed_.bits);
          const auto block = weights->find_ints("block_structure");
          if (block && block->size() == 2) {
            packed_.block = {(*block)[0], (*block)[1]};
          }
        }
      }
    }
  } else if (method == "bitnet") {
    packed_.method = PackedMethod::kBitnet;
    packed_.bits = 2;
    packed_.divides_by_scale =
        entry.find_string("linear_class").value_or("bitlinear") !=
        "autobitlinear";
    packed_.rounds = entry.find_string("quantization_mode") == "online";
  } else {
    refuse("");
  }
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
