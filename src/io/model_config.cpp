// Names of parts of a config.json.
// SPDX-License-Identifier: Apache-2.0
#include "io/model_config.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "io/quantization_side_files.h"

namespace abstractllm::io {
namespace {

struct OlderName {
  std::string_view model_type;
  std::string_view now;
};

// Types of repositories from before their code came to transformers, whose
// tensors are those of today.
constexpr std::array kOlderTypes{
    OlderName{"RefinedWeb", "falcon"},
    OlderName{"RefinedWebModel", "falcon"},
    OlderName{"stablelm_epoch", "stablelm"},
};

// Their fields that were called otherwise.
constexpr std::array kOlderFields{
    std::pair{"n_head", "num_attention_heads"},
    std::pair{"n_head_kv", "num_kv_heads"},
    std::pair{"n_layer", "num_hidden_layers"},
    std::pair{"norm_eps", "layer_norm_eps"},
    std::pair{"rope_pct", "partial_rotary_factor"},
};

JsonConfig in_names_of_today(JsonConfig config) {
  if (!config.is_string("model_type")) return config;
  const std::string type = config.require_string("model_type");
  for (const OlderName& older : kOlderTypes) {
    if (type != older.model_type) continue;
    for (const auto& [name, now] : kOlderFields) {
      if (const auto value = config.find_json(name);
          value && !config.has(now)) {
        config = config.with_field(now, *value);
      }
    }
    // RefinedWeb is the 40B's, whose halves of a layer have a norm each.
    if (type == "RefinedWeb" && !config.has("new_decoder_architecture")) {
      config = config.with_field("new_decoder_architecture", "true");
    }
    return config.with_field("model_type",
                             "\"" + std::string(older.now) + "\"");
  }
  return config;
}

}  // namespace

JsonConfig load_model_config(const std::filesystem::path& path) {
  JsonConfig config = with_quantization_file(
      in_names_of_today(JsonConfig::load(path)), path.parent_path());
  // InternVL in its authors' layout.
  constexpr const char* kOlder = "llm_config";
  if (config.has("text_config") || !config.is_object(kOlder)) return config;
  return config.with_field("text_config", *config.find_json(kOlder));
}

}  // namespace abstractllm::io
