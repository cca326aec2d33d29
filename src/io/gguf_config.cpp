// Metadata keys of GGUF, one by one.
// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "io/gguf_families.h"
#include "io/gguf_fields.h"
#include "io/gguf_names.h"

namespace abstractllm::io {
namespace {

using nlohmann::json;

constexpr double kDefaultRopeTheta = 10'000.0;
// Fields with an entry a layer are made of this; models have some hundred.
constexpr std::int64_t kMostLayers = 1 << 16;

class ConfigBuilder {
 public:
  ConfigBuilder(const GgufFile& gguf, const GgufArchitecture& architecture)
      : gguf_(gguf),
        fields_(gguf, architecture.name),
        architecture_(architecture) {}

  json build() {
    config_["model_type"] = architecture_.model_type;
    config_["architectures"] = json::array({architecture_.class_name});
    add_sizes();
    if (architecture_.has_attention) {
      add_attention();
      add_rope();
      add_experts();
    }
    add_tensor_facts();
    add_token_ids();
    add_pooling();
    add_family_fields(fields_, architecture_, config_);
    return std::move(config_);
  }

 private:
  void add_sizes() {
    config_["hidden_size"] = fields_.require_size("embedding_length");
    const std::int64_t layers = fields_.require_size("block_count");
    if (layers > kMostLayers) {
      throw ModelLoadingError(
          fmt::format("[gguf] {}: {} layers, at most {} are read",
                      gguf_.path().string(), layers, kMostLayers));
    }
    config_["num_hidden_layers"] = layers;
    const auto units = fields_.find_sizes("feed_forward_length");
    if (architecture_.varied_units && units && units->size() > 1) {
      config_["intermediate_size"] = *units;
    } else if (architecture_.has_attention) {
      config_["intermediate_size"] =
          fields_.require_size("feed_forward_length");
    }
    config_["hidden_act"] = "silu";
    if (const auto length = fields_.find_size("context_length")) {
      config_["max_position_embeddings"] = *length;
    }
    if (const auto epsilon =
            fields_.find_number("attention.layer_norm_rms_epsilon")) {
      config_["rms_norm_eps"] = *epsilon;
    } else if (const auto plain =
                   fields_.find_number("attention.layer_norm_epsilon")) {
      config_["layer_norm_eps"] = *plain;
    } else {
      fields_.fail_missing("attention.layer_norm_rms_epsilon");
    }
  }

  void add_attention() {
    const std::int64_t heads = fields_.require_size("attention.head_count");
    config_["num_attention_heads"] = heads;
    const auto varied = fields_.find_sizes("attention.head_count_kv");
    if (architecture_.varied_units && varied && !varied->empty()) {
      config_["num_key_value_heads"] = varied->front();
    } else {
      config_["num_key_value_heads"] =
          fields_.has("attention.head_count_kv")
              ? fields_.require_size("attention.head_count_kv")
              : heads;
    }
    head_dim_ =
        fields_.find_size("attention.key_length")
            .value_or(config_["hidden_size"].get<std::int64_t>() / heads);
    config_["head_dim"] = head_dim_;
    const auto value_length = fields_.find_size("attention.value_length");
    if (value_length && *value_length != head_dim_ &&
        architecture_.name != "deepseek2" && architecture_.name != "mistral4") {
      throw UnsupportedModelError(
          fmt::format("[gguf] {}: keys of {} and values of {} numbers a head",
                      gguf_.path().string(), head_dim_, *value_length));
    }
    add_window_pattern();
    const auto window = fields_.find_size("attention.sliding_window");
    if (window && *window > 0) {
      config_["sliding_window"] = *window;
      // GGUF has no architecture of its own for Mistral.
      if (architecture_.model_type == "llama") {
        config_["model_type"] = "mistral";
        config_["architectures"] = json::array({"MistralForCausalLM"});
      }
    }
  }

  // One number, every how many layers one sees all, or whether each slides.
  void add_window_pattern() {
    const auto pattern = fields_.find_sizes("attention.sliding_window_pattern");
    if (!pattern || pattern->empty()) return;
    if (pattern->size() == 1) {
      config_["sliding_window_pattern"] = pattern->front();
      return;
    }
    json types = json::array();
    for (const std::int64_t slides : *pattern) {
      types.push_back(slides != 0 ? "sliding_attention" : "full_attention");
    }
    config_["layer_types"] = std::move(types);
  }

  void add_rope() {
    config_["rope_theta"] =
        fields_.find_number("rope.freq_base").value_or(kDefaultRopeTheta);
    const auto rotated = fields_.find_size("rope.dimension_count");
    // Said even where it is 1: some families take another value by default.
    if (rotated && head_dim_ > 0) {
      config_["partial_rotary_factor"] =
          static_cast<double>(*rotated) / static_cast<double>(head_dim_);
    }
    const auto type = gguf_.find_string(fields_.key("rope.scaling.type"));
    // Files before 2023-10 have the linear factor alone.
    const auto old_factor = fields_.find_number("rope.scale_linear");
    if (!type && !old_factor) return;
    const std::string rope_type(type.value_or("linear"));
    if (rope_type == "none") return;
    json scaling{{"rope_type", rope_type}, {"type", rope_type}};
    const auto add = [&](const char* field, const char* name) {
      if (const auto value = fields_.find_number(name)) {
        scaling[field] = *value;
      }
    };
    if (old_factor) scaling["factor"] = *old_factor;
    add("factor", "rope.scaling.factor");
    add("attention_factor", "rope.scaling.attn_factor");
    add("beta_fast", "rope.scaling.yarn_beta_fast");
    add("beta_slow", "rope.scaling.yarn_beta_slow");
    if (const auto length =
            fields_.find_size("rope.scaling.original_context_length")) {
      scaling["original_max_position_embeddings"] = *length;
    }
    config_["rope_scaling"] = std::move(scaling);
  }

  void add_experts() {
    const auto experts = fields_.find_size("expert_count");
    if (!experts || *experts == 0) return;
    // Mixtral's name of the field, and Qwen's.
    config_["num_local_experts"] = *experts;
    config_["num_experts"] = *experts;
    config_["norm_topk_prob"] = architecture_.normalised_experts;
    if (const auto size = fields_.find_size("expert_feed_forward_length")) {
      config_["moe_intermediate_size"] = *size;
    }
    if (const auto size =
            fields_.find_size("expert_shared_feed_forward_length")) {
      config_["shared_expert_intermediate_size"] = *size;
    }
    config_["num_experts_per_tok"] = fields_.require_size("expert_used_count");
    if (architecture_.model_type == "llama") {
      config_["model_type"] = "mixtral";
      config_["architectures"] = json::array({"MixtralForCausalLM"});
    }
  }

  void add_tensor_facts() {
    config_["tie_word_embeddings"] =
        fields_.find_tensor("output.weight") == nullptr;
    config_["attention_bias"] =
        fields_.find_tensor("blk.0.attn_q.bias") != nullptr ||
        fields_.find_tensor("blk.0.attn_qkv.bias") != nullptr;
    config_["mlp_bias"] = fields_.find_tensor("blk.0.ffn_gate.bias") != nullptr;
    if (const auto size = fields_.find_size("vocab_size")) {
      config_["vocab_size"] = *size;
    }
    // The embedding decides: some files count the vocabulary without padding.
    const StoredTensor* embedding = fields_.find_tensor("token_embd.weight");
    if (embedding != nullptr && embedding->shape.size() == 2) {
      config_["vocab_size"] = embedding->shape[0];
    }
  }

  // How embeddings are made of hidden states, in sentence-transformers' words.
  void add_pooling() {
    switch (fields_.find_size("pooling_type").value_or(0)) {
      case 1:
        config_["pooling_mode"] = "mean";
        break;
      case 2:
        config_["pooling_mode"] = "cls";
        break;
      case 3:
        config_["pooling_mode"] = "lasttoken";
        break;
      default:
        break;
    }
  }

  void add_token_ids() {
    const auto id = [&](std::string_view name) {
      return gguf_.find_int(fmt::format("tokenizer.ggml.{}_token_id", name));
    };
    if (const auto bos = id("bos")) config_["bos_token_id"] = *bos;
    if (const auto pad = id("padding")) config_["pad_token_id"] = *pad;
    std::vector<std::int64_t> ends;
    for (const char* name : {"eos", "eot", "eom"}) {
      const auto end = id(name);
      if (end && std::find(ends.begin(), ends.end(), *end) == ends.end()) {
        ends.push_back(*end);
      }
    }
    if (ends.size() == 1) config_["eos_token_id"] = ends.front();
    if (ends.size() > 1) config_["eos_token_id"] = ends;
  }

  const GgufFile& gguf_;
  const GgufFields fields_;
  const GgufArchitecture& architecture_;
  json config_ = json::object();
  std::int64_t head_dim_ = 0;
};

}  // namespace

JsonConfig config_from_gguf(const GgufFile& gguf) {
  const auto name = gguf.find_string("general.architecture");
  if (!name) {
    throw ModelLoadingError(
        fmt::format("[gguf] {}: metadata 'general.architecture' is missing",
                    gguf.path().string()));
  }
  const GgufArchitecture* architecture = find_gguf_architecture(*name);
  if (architecture == nullptr) {
    const auto known = gguf_architecture_names();
    const auto nearest = base::nearest_names(*name, known, 1);
    throw UnsupportedModelError(
        fmt::format("[gguf] {}: architecture '{}' is not supported in GGUF "
                    "files; nearest: {}",
                    gguf.path().string(), *name, nearest.front()),
        fmt::format("Supported: {}.", fmt::join(known, ", ")));
  }
  const json config = ConfigBuilder(gguf, *architecture).build();
  return JsonConfig::parse(config.dump(), gguf.path().string());
}

}  // namespace abstractllm::io
