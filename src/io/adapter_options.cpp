// Lists of options by what they do.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "abstractllm/error.h"
#include "base/log.h"

namespace abstractllm::io {
namespace {

// Other computations than W + up * down.
constexpr std::array<std::string_view, 8> kOther{"alora_invocation_tokens",
                                                 "arrow_config",
                                                 "kasa_config",
                                                 "layer_replication",
                                                 "monteclora_config",
                                                 "use_bdlora",
                                                 "use_qalora",
                                                 "trainable_token_indices"};

// Read elsewhere, or of training alone.
constexpr std::array<std::string_view, 36> kKnown{"alpha_pattern",
                                                  "auto_mapping",
                                                  "base_model_name_or_path",
                                                  "bias",
                                                  "corda_config",
                                                  "enable_lora",
                                                  "ensure_weight_tying",
                                                  "eva_config",
                                                  "exclude_modules",
                                                  "fan_in_fan_out",
                                                  "inference_mode",
                                                  "init_lora_weights",
                                                  "layers_pattern",
                                                  "layers_to_transform",
                                                  "loftq_config",
                                                  "lora_alpha",
                                                  "lora_bias",
                                                  "lora_dropout",
                                                  "lora_ga_config",
                                                  "megatron_config",
                                                  "megatron_core",
                                                  "merge_weights",
                                                  "modules_to_save",
                                                  "peft_type",
                                                  "peft_version",
                                                  "qalora_group_size",
                                                  "r",
                                                  "rank_pattern",
                                                  "revision",
                                                  "runtime_config",
                                                  "target_modules",
                                                  "target_parameters",
                                                  "task_type",
                                                  "use_dora",
                                                  "use_rslora",
                                                  "velora_config"};

bool is_set(const JsonConfig& config, const std::string& key) {
  const auto text = config.find_json(key);
  return text && *text != "false" && *text != "[]" && *text != "{}" &&
         *text != "\"\"";
}

// Loading makes the first product anew out of the model's weights and takes it
// from them, so that the file alone does not say what the change is.
void refuse_edited_weights(const JsonConfig& config) {
  if (!config.is_string("init_lora_weights")) return;
  std::string kind = config.find_string("init_lora_weights").value_or("");
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  const bool edits = kind.starts_with("pissa") || kind.starts_with("corda") ||
                     kind == "olora" || kind == "loftq" || kind == "lora_ga";
  if (!edits) return;
  throw UnsupportedFeatureError(
      fmt::format("[adapter] {}: init_lora_weights '{}' also changes the "
                  "model's own weights, which is not supported",
                  config.origin(), kind),
      "Save the adapter as plain LoRA: PEFT does that with "
      "path_initial_model_for_weight_conversion.");
}

}  // namespace

void refuse_other_adapters(const JsonConfig& config) {
  refuse_edited_weights(config);
  for (const std::string& key : config.keys()) {
    if (!is_set(config, key)) continue;
    if (std::find(kOther.begin(), kOther.end(), key) != kOther.end()) {
      throw UnsupportedFeatureError(
          fmt::format("[adapter] {}: '{}' is not supported", config.origin(),
                      key),
          "Supported are LoRA and DoRA of modules. Merge the adapter into the "
          "model with PEFT.");
    }
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) {
      base::log(base::LogLevel::kWarning, "adapter",
                fmt::format("{}: '{}' is not known here and has no effect",
                            config.origin(), key));
    }
  }
}

KeptModules::KeptModules(const JsonConfig& config)
    : names_(config.find_strings("modules_to_save")
                 .value_or(std::vector<std::string>{})),
      keeps_tied_(config.find_bool("ensure_weight_tying").value_or(false)) {}

bool KeptModules::is_copy(std::string_view module) const {
  if (keeps_tied_) return false;
  return std::any_of(
      names_.begin(), names_.end(), [&](const std::string& name) {
        return module == name ||
               (module.ends_with(name) && module.size() > name.size() &&
                module[module.size() - name.size() - 1] == '.');
      });
}

}  // namespace abstractllm::io
