// Fields of transformers 5 under the names of before.
// SPDX-License-Identifier: Apache-2.0
#include "convert/mlx_config.h"

#include <nlohmann/json.hpp>

namespace abstractllm::convert {
namespace {

using nlohmann::ordered_json;

bool lacks(const ordered_json& config, const char* field) {
  return !config.contains(field) || config[field].is_null();
}

void copy(const ordered_json& from, const char* field, ordered_json& to,
          const char* name) {
  if (!lacks(from, field) && lacks(to, name)) to[name] = from[field];
}

// What bends frequencies, without what it stands beside.
void write_scaling(const ordered_json& rope, ordered_json& config) {
  const auto type = rope.find("rope_type");
  if (type == rope.end() || !type->is_string() || *type == "default") return;
  if (!lacks(config, "rope_scaling")) return;
  ordered_json scaling = rope;
  scaling.erase("rope_theta");
  scaling.erase("partial_rotary_factor");
  scaling["type"] = *type;
  config["rope_scaling"] = scaling;
}

void write_rope(ordered_json& config) {
  if (!config.contains("rope_parameters")) return;
  const ordered_json rope = config["rope_parameters"];
  if (!rope.is_object()) return;
  const auto full = rope.find("full_attention");
  const bool by_kind = full != rope.end() && full->is_object();
  const ordered_json& common = by_kind ? *full : rope;
  copy(common, "rope_theta", config, "rope_theta");
  copy(common, "partial_rotary_factor", config, "partial_rotary_factor");
  write_scaling(common, config);
  const auto sliding = rope.find("sliding_attention");
  if (by_kind && sliding != rope.end() && sliding->is_object()) {
    copy(*sliding, "rope_theta", config, "rope_local_base_freq");
  }
}

// mlx-lm builds DeepSeek 2 with YaRN alone, which by a factor of 1 bends
// nothing.
void write_yarn_of_one(ordered_json& config) {
  const auto type = config.find("model_type");
  if (type == config.end() || *type != "deepseek_v2") return;
  if (!lacks(config, "rope_scaling")) return;
  ordered_json scaling{{"type", "yarn"}, {"factor", 1.0}};
  copy(config, "max_position_embeddings", scaling,
       "original_max_position_embeddings");
  config["rope_scaling"] = scaling;
}

// Of models of pictures mlx-lm reads it at the top.
void write_vocabulary(ordered_json& config) {
  const auto type = config.find("model_type");
  if (type == config.end() || (*type != "gemma3" && *type != "gemma4")) return;
  if (config.contains("text_config") && config["text_config"].is_object()) {
    const ordered_json text = config["text_config"];
    copy(text, "vocab_size", config, "vocab_size");
  }
}

void complete(ordered_json& config) {
  write_rope(config);
  write_yarn_of_one(config);
  write_vocabulary(config);
  copy(config, "num_local_experts", config, "num_experts");
  if (config.contains("text_config") && config["text_config"].is_object()) {
    complete(config["text_config"]);
  }
}

}  // namespace

std::string completed_for_mlx(const std::string& config) {
  ordered_json json = ordered_json::parse(config);
  complete(json);
  return json.dump();
}

}  // namespace abstractllm::convert
