// One function a quantiser.
// SPDX-License-Identifier: Apache-2.0
#include "io/quantization_methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return text;
}

[[noreturn]] void refuse(const JsonConfig& entry, const std::string& method,
                         const std::string& what = {}) {
  throw UnsupportedModelError(
      fmt::format("[weights] {}: weights quantised with '{}'{} are not "
                  "supported",
                  entry.origin(), method, what),
      "Use the model in MLX format, in GGUF, or not quantised.");
}

bool is_set(const JsonConfig& entry, const char* field) {
  const auto text = entry.find_json(field);
  return text && *text == "true";
}

bool has_any(const JsonConfig& entry, std::initializer_list<const char*> keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const char* key) { return entry.has(key); });
}

// Groups of -1 are whole rows.
std::int64_t group_of(const JsonConfig& entry) {
  const auto group = entry.has("group_size") ? entry.find_int("group_size")
                                             : entry.find_int("q_group_size");
  return std::max<std::int64_t>(0, group.value_or(0));
}

std::int64_t bits_of(const JsonConfig& entry) {
  const auto bits =
      entry.has("bits") ? entry.find_int("bits") : entry.find_int("w_bit");
  return bits.value_or(4);
}

void read_block(const JsonConfig& entry, const char* field, PackedRule& rule) {
  const auto block = entry.find_ints(field);
  if (block && block->size() == 2) rule.block = {(*block)[0], (*block)[1]};
}

PackedRules read_awq(const JsonConfig& entry, const std::string& method) {
  const std::string version = entry.find_string("version").value_or("gemm");
  if (lowered(version) != "gemm") {
    refuse(entry, method, fmt::format(" in version '{}'", version));
  }
  return {.common = {.method = PackedMethod::kAwq,
                     .bits = bits_of(entry),
                     .group = group_of(entry)}};
}

// GPTQModel's `dynamic`: "-:PATTERN" is stored plainly, "+:PATTERN" and
// "PATTERN" have fields of their own.
void add_dynamic(const JsonConfig& entry, PackedRules& rules) {
  const auto dynamic = entry.find_object("dynamic");
  if (!dynamic) return;
  std::vector<PackedModules> with_rules;
  for (const std::string& key : dynamic->keys()) {
    if (key.starts_with("-:")) {
      rules.modules.push_back({ModuleSelector::begins(key.substr(2)), {}});
      continue;
    }
    const bool is_marked = key.starts_with("+:");
    const JsonConfig said = dynamic->require_object(key);
    PackedRule rule = rules.common;
    if (said.has("bits")) rule.bits = bits_of(said);
    if (said.has("group_size")) rule.group = group_of(said);
    rule.act_order = said.find_bool("desc_act").value_or(rule.act_order);
    with_rules.push_back({ModuleSelector::begins(
                              std::string_view(key).substr(is_marked ? 2 : 0)),
                          rule});
  }
  rules.modules.insert(rules.modules.end(), with_rules.begin(),
                       with_rules.end());
}

PackedRules read_gptq(const JsonConfig& entry, const std::string& method) {
  const std::string format =
      entry.find_string("checkpoint_format").value_or("gptq");
  if (format != "gptq" && format != "gptq_v2") {
    refuse(entry, method, fmt::format(" in format '{}'", format));
  }
  PackedRules rules{
      .common = {.method = PackedMethod::kGptq,
                 .bits = bits_of(entry),
                 .zeros_less_one = format == "gptq",
                 .group = group_of(entry),
                 .act_order = entry.find_bool("desc_act").value_or(false)}};
  add_dynamic(entry, rules);
  return rules;
}

// Intel's auto-round writes the packings of others.
PackedRules read_auto_round(const JsonConfig& entry,
                            const std::string& method) {
  const std::string packing =
      entry.find_string("packing_format").value_or("auto_round");
  PackedRules rules;
  if (packing.ends_with("auto_gptq")) {
    rules = read_gptq(entry, method);
  } else if (packing.ends_with("auto_awq")) {
    rules = read_awq(entry, method);
  } else {
    refuse(entry, method, fmt::format(" in the packing '{}'", packing));
  }
  const auto extra = entry.find_object("extra_config");
  if (!extra) return rules;
  for (const std::string& module : extra->keys()) {
    const JsonConfig said = extra->require_object(module);
    PackedRule rule = rules.common;
    if (said.has("bits")) rule.bits = bits_of(said);
    if (said.has("group_size")) rule.group = group_of(said);
    std::optional<PackedRule> stored = rule;
    if (rule.bits >= 16) stored.reset();
    rules.modules.push_back({ModuleSelector(module), stored});
  }
  return rules;
}

PackedRules read_fp8(const JsonConfig& entry) {
  PackedRules rules{.common = {.method = PackedMethod::kFp8,
                               .codes = PackedCodes::kFp8,
                               .bits = 8}};
  read_block(entry, "weight_block_size", rules.common);
  return rules;
}

PackedRule read_group(const JsonConfig& weights, PackedMethod method) {
  PackedRule rule{.method = method};
  rule.bits = weights.find_int("num_bits").value_or(rule.bits);
  if (weights.find_string("type").value_or("int") == "float") {
    rule.codes = rule.bits == 8 ? PackedCodes::kFp8 : PackedCodes::kNvfp4;
  }
  const auto strategy = weights.find_string("strategy");
  if (!strategy || strategy->ends_with("group")) rule.group = group_of(weights);
  rule.act_order = weights.is_string("actorder") &&
                   weights.require_string("actorder") == "group";
  read_block(weights, "block_structure", rule);
  return rule;
}

// compressed-tensors' groups: modules by name or pattern, or all that are
// "Linear". ModelOpt has taken the form over.
void read_groups(const JsonConfig& entry, PackedMethod method,
                 PackedRules& rules) {
  const auto groups = entry.find_object("config_groups");
  if (!groups) return;
  bool is_first = true;
  bool names_all = false;
  for (const std::string& name : groups->keys()) {
    const JsonConfig group = groups->require_object(name);
    const auto weights = group.find_object("weights");
    if (!weights) continue;
    const PackedRule rule = read_group(*weights, method);
    if (is_first) rules.common = rule;
    is_first = false;
    const auto targets = group.find_strings("targets").value_or(
        std::vector<std::string>{"Linear"});
    for (const std::string& target : targets) {
      if (target != "Linear") {
        rules.modules.push_back({ModuleSelector(target), rule});
      } else if (!names_all) {
        names_all = true;
        rules.common = rule;
      }
    }
  }
  rules.others_are_plain = !is_first && !names_all;
}

PackedRules read_compressed_tensors(const JsonConfig& entry,
                                    const std::string& method) {
  constexpr std::array<std::string_view, 7> kFormats{
      "pack-quantized",      "int-quantized",   "naive-quantized",
      "float-quantized",     "mixed-precision", "dense",
      "nvfp4-pack-quantized"};
  const auto check = [&](const JsonConfig& from) {
    const auto format = from.find_string("format");
    if (!format) return;
    if (std::find(kFormats.begin(), kFormats.end(), *format) ==
        kFormats.end()) {
      refuse(entry, method, fmt::format(" in format '{}'", *format));
    }
  };
  check(entry);
  if (const auto groups = entry.find_object("config_groups")) {
    for (const std::string& name : groups->keys()) {
      check(groups->require_object(name));
    }
  }
  PackedRules rules{.common = {.method = PackedMethod::kCompressedTensors}};
  read_groups(entry, PackedMethod::kCompressedTensors, rules);
  return rules;
}

// By the name that ModelOpt gives it; nothing for one that is not decoded.
std::optional<PackedRule> modelopt_rule(const std::string& algorithm) {
  PackedRule rule{.method = PackedMethod::kModelOpt};
  if (algorithm == "NVFP4" || algorithm == "W4A16_NVFP4") {
    rule.codes = PackedCodes::kNvfp4;
    rule.group = 16;
    return rule;
  }
  if (algorithm == "FP8" || algorithm == "FP8_PB_WO" ||
      algorithm == "FP8_PER_CHANNEL_PER_TOKEN") {
    rule.codes = PackedCodes::kFp8;
    rule.bits = 8;
    return rule;
  }
  return std::nullopt;
}

PackedRules read_modelopt(const JsonConfig& entry, const std::string& method) {
  const auto require = [&](const std::string& algorithm) {
    const auto rule = modelopt_rule(algorithm);
    if (!rule) refuse(entry, method, fmt::format(" as {}", algorithm));
    return *rule;
  };
  const auto algorithm = entry.find_string("quant_algo");
  PackedRules rules{.common = {.method = PackedMethod::kModelOpt}};
  // Caches alone are quantised.
  rules.others_are_plain = !algorithm || *algorithm == "MIXED_PRECISION";
  if (!rules.others_are_plain) rules.common = require(*algorithm);
  if (const auto layers = entry.find_object("quantized_layers")) {
    for (const std::string& name : layers->keys()) {
      const JsonConfig layer = layers->require_object(name);
      rules.modules.push_back(
          {ModuleSelector(name), require(layer.require_string("quant_algo"))});
    }
  }
  return rules;
}

PackedRules read_bitnet(const JsonConfig& entry) {
  return {
      .common = {.method = PackedMethod::kBitnet,
                 .bits = 2,
                 .divides_by_scale =
                     entry.find_string("linear_class").value_or("bitlinear") !=
                     "autobitlinear",
                 .rounds = entry.find_string("quantization_mode") == "online"}};
}

}  // namespace

std::string quantization_method(const JsonConfig& entry) {
  if (const auto said = entry.find_string("quant_method")) {
    return lowered(*said);
  }
  for (const char* field :
       {"load_in_4bit", "load_in_8bit", "_load_in_4bit", "_load_in_8bit"}) {
    if (is_set(entry, field)) return "bitsandbytes";
  }
  if (has_any(entry, {"quant_algo", "kv_cache_quant_algo"})) return "modelopt";
  if (entry.has("config_groups")) return "compressed-tensors";
  if (has_any(entry, {"w_bit", "q_group_size"})) return "awq";
  if (has_any(entry, {"desc_act", "damp_percent", "checkpoint_format"})) {
    return "gptq";
  }
  if (entry.has("weight_block_size")) return "fp8";
  if (has_any(entry, {"bits", "group_size", "mode"})) return "mlx";
  const auto keys = entry.keys();
  const bool has_entries =
      std::any_of(keys.begin(), keys.end(),
                  [&](const std::string& key) { return entry.is_object(key); });
  return has_entries ? "mlx" : "";
}

PackedRules read_packed_rules(const JsonConfig& entry,
                              const std::string& method) {
  if (method == "awq") return read_awq(entry, method);
  if (method == "gptq" || method == "gptqmodel")
    return read_gptq(entry, method);
  if (method == "auto-round" || method == "intel/auto-round") {
    return read_auto_round(entry, method);
  }
  if (method == "fp8" || method == "fbgemm_fp8") return read_fp8(entry);
  if (method == "compressed-tensors") {
    return read_compressed_tensors(entry, method);
  }
  if (method.starts_with("modelopt")) return read_modelopt(entry, method);
  if (method == "bitnet") return read_bitnet(entry);
  refuse(entry, method);
}

}  // namespace abstractllm::io
