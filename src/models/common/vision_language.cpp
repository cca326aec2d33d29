// Configs, names and the text half of models of images and text.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/vision_language.h"

#include <algorithm>
#include <array>
#include <utility>

#include "abstractllm/error.h"
#include "io/weight_source.h"
#include "models/class_defaults.h"
#include "models/registry.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

struct Defaults {
  std::string_view type;    // model_type of the part
  std::string_view family;  // the text model that computes it; empty: a tower
  const char* fields;
};

// What the published classes take for fields that a config leaves out.
constexpr std::array kDefaults{
    Defaults{"gemma", "gemma",
             R"({"hidden_size": 3072, "intermediate_size": 24576,
                 "num_hidden_layers": 28, "num_attention_heads": 16,
                 "num_key_value_heads": 16, "head_dim": 256,
                 "vocab_size": 256000, "max_position_embeddings": 8192})"},
    Defaults{"gemma2", "gemma2",
             R"({"hidden_size": 2304, "intermediate_size": 9216,
                 "num_hidden_layers": 26, "num_attention_heads": 8,
                 "num_key_value_heads": 4, "head_dim": 256,
                 "vocab_size": 256000, "max_position_embeddings": 8192,
                 "sliding_window": 4096, "query_pre_attn_scalar": 256,
                 "attn_logit_softcapping": 50.0,
                 "final_logit_softcapping": 30.0})"},
    Defaults{"gemma3_text", "gemma3_text",
             R"({"hidden_size": 2304, "intermediate_size": 9216,
                 "num_hidden_layers": 26, "num_attention_heads": 8,
                 "num_key_value_heads": 4, "head_dim": 256,
                 "vocab_size": 262208, "max_position_embeddings": 131072,
                 "sliding_window": 4096, "query_pre_attn_scalar": 256})"},
    Defaults{"llama", "llama",
             R"({"hidden_size": 4096, "intermediate_size": 11008,
                 "num_hidden_layers": 32, "num_attention_heads": 32,
                 "vocab_size": 32000, "max_position_embeddings": 2048,
                 "rms_norm_eps": 1e-6})"},
    Defaults{"mistral", "mistral",
             R"({"hidden_size": 4096, "intermediate_size": 14336,
                 "num_hidden_layers": 32, "num_attention_heads": 32,
                 "num_key_value_heads": 8, "head_dim": 128,
                 "vocab_size": 32000, "max_position_embeddings": 131072,
                 "rms_norm_eps": 1e-6})"},
    Defaults{"mllama_text_model", "mllama",
             R"({"hidden_size": 4096, "intermediate_size": 14336,
                 "num_hidden_layers": 40, "num_attention_heads": 32,
                 "num_key_value_heads": 8, "vocab_size": 128256,
                 "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
                 "rope_theta": 500000.0})"},
    Defaults{"phi3_v", "phi3", "{}"},
    Defaults{"qwen2", "qwen2",
             R"({"hidden_size": 4096, "intermediate_size": 22016,
                 "num_hidden_layers": 32, "num_attention_heads": 32,
                 "num_key_value_heads": 32, "vocab_size": 151936,
                 "max_position_embeddings": 32768, "rms_norm_eps": 1e-6})"},
    Defaults{"qwen2_5_vl", "qwen2", "{}"},
    Defaults{"qwen2_5_vl_text", "qwen2", "{}"},
    Defaults{"qwen2_vl", "qwen2", "{}"},
    Defaults{"qwen2_vl_text", "qwen2", "{}"},
    Defaults{"qwen3", "qwen3", "{}"},
    Defaults{"qwen3_vl_moe_text", "qwen3_moe", R"({"norm_topk_prob": true})"},
    Defaults{"qwen3_vl_text", "qwen3", "{}"},
    Defaults{"clip_vision_model", "",
             R"({"hidden_size": 768, "intermediate_size": 3072,
                 "num_hidden_layers": 12, "num_attention_heads": 12,
                 "image_size": 224, "patch_size": 32, "num_channels": 3,
                 "layer_norm_eps": 1e-5, "hidden_act": "quick_gelu"})"},
    Defaults{"siglip_vision_model", "",
             R"({"hidden_size": 768, "intermediate_size": 3072,
                 "num_hidden_layers": 12, "num_attention_heads": 12,
                 "image_size": 224, "patch_size": 16, "num_channels": 3,
                 "layer_norm_eps": 1e-6,
                 "hidden_act": "gelu_pytorch_tanh"})"},
    Defaults{"internvl_vision", "",
             R"({"hidden_size": 1024, "intermediate_size": 4096,
                 "num_hidden_layers": 24, "num_attention_heads": 16,
                 "image_size": 448, "patch_size": 14, "num_channels": 3,
                 "layer_norm_eps": 1e-6, "hidden_act": "gelu"})"},
    Defaults{"mllama_vision_model", "",
             R"({"hidden_size": 1280, "intermediate_size": 5120,
                 "num_hidden_layers": 32, "num_global_layers": 8,
                 "attention_heads": 16, "image_size": 448, "patch_size": 14,
                 "num_channels": 3, "norm_eps": 1e-5, "hidden_act": "gelu",
                 "max_num_tiles": 4})"},
    Defaults{"pixtral", "",
             R"({"hidden_size": 1024, "intermediate_size": 4096,
                 "num_hidden_layers": 24, "num_attention_heads": 16,
                 "patch_size": 16, "num_channels": 3,
                 "hidden_act": "gelu"})"},
    Defaults{"idefics3_vision", "",
             R"({"hidden_size": 1152, "intermediate_size": 3072,
                 "num_hidden_layers": 12, "num_attention_heads": 16,
                 "image_size": 224, "patch_size": 32, "num_channels": 3,
                 "layer_norm_eps": 1e-6,
                 "hidden_act": "gelu_pytorch_tanh"})"},
};

// A prefix of a checkpoint and what stands for it. The first that fits counts.
struct Prefix {
  std::string_view own;
  std::string_view canonical;
};
constexpr std::array kPrefixes{
    Prefix{"model.vision_embed_tokens.img_processor.vision_model.",
           "vision_tower."},
    Prefix{"model.vision_embed_tokens.img_processor.", "vision_tower."},
    Prefix{"model.vision_embed_tokens.", "vision_embed_tokens."},
    Prefix{"model.language_model.model.", "model."},
    Prefix{"model.language_model.lm_head.", "lm_head."},
    Prefix{"model.language_model.", "model."},
    Prefix{"language_model.model.", "model."},
    Prefix{"language_model.lm_head.", "lm_head."},
    Prefix{"language_model.output.", "output."},  // of InternLM 2
    Prefix{"language_model.", "model."},
    Prefix{"model.text_model.", "model."},
    Prefix{"text_model.", "model."},
    Prefix{"model.vision_tower.vision_model.", "vision_tower."},
    Prefix{"model.vision_tower.", "vision_tower."},
    Prefix{"vision_tower.vision_model.", "vision_tower."},
    Prefix{"model.visual.", "vision_tower."},
    Prefix{"visual.", "vision_tower."},
    Prefix{"model.vision_model.", "vision_tower."},
    Prefix{"vision_model.", "vision_tower."},
    Prefix{"model.vision_encoder.", "vision_tower."},
    Prefix{"model.vision_projection.", "multi_modal_projector."},
    Prefix{"model.multi_modal_projector.", "multi_modal_projector."},
    Prefix{"model.connector.", "connector."},
    Prefix{"model.image_newline", "image_newline"},
    Prefix{"mlp1.0.", "multi_modal_projector.layer_norm."},
    Prefix{"mlp1.1.", "multi_modal_projector.linear_1."},
    Prefix{"mlp1.3.", "multi_modal_projector.linear_2."},
};

const Defaults* find_defaults(std::string_view type) {
  for (const Defaults& row : kDefaults) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

io::JsonConfig with_defaults_of(const io::JsonConfig& config,
                                std::string_view type) {
  const Defaults* row = find_defaults(type);
  if (row == nullptr) return config;
  const auto defaults =
      io::JsonConfig::parse(row->fields, std::string(type) + "'s defaults");
  io::JsonConfig whole = config;
  for (const std::string& key : defaults.keys()) {
    if (config.has(key) || config.is_null(key)) continue;
    whole = whole.with_field(key, *defaults.find_json(key));
  }
  return whole;
}

// The model_type of a text_config that does not say it.
std::string_view default_text_type(std::string_view type) {
  if (type == "gemma3") return "gemma3_text";
  if (type == "internvl" || type == "internvl_chat") return "qwen2";
  if (type == "mistral3" || type == "pixtral") return "mistral";
  if (type == "mllama") return "mllama_text_model";
  if (type == "paligemma") return "gemma";
  if (type == "qwen3_vl_moe") return "qwen3_vl_moe_text";
  if (type == "qwen3_vl") return "qwen3_vl_text";
  if (type == "qwen2_vl" || type == "qwen2_5_vl") return "qwen2_vl_text";
  return "llama";
}

// And of a vision_config.
std::string_view default_tower_type(std::string_view type) {
  if (type == "gemma3" || type == "paligemma") return "siglip_vision_model";
  if (type == "internvl" || type == "internvl_chat") return "internvl_vision";
  if (type == "mistral3" || type == "pixtral") return "pixtral";
  if (type == "mllama") return "mllama_vision_model";
  if (type == "idefics3" || type == "smolvlm") return "idefics3_vision";
  return "clip_vision_model";
}

std::string text_type(const io::JsonConfig& config) {
  const std::string type = config.require_string("model_type");
  const auto text = config.find_object("text_config");
  if (!text) return type;
  return text->find_string("model_type")
      .value_or(std::string(default_text_type(type)));
}

// A text model that looks at prompts in another way.
class LanguageModel : public Model {
 public:
  LanguageModel(std::unique_ptr<Model> model, PromptSight sight)
      : model_(std::move(model)), sight_(sight) {}

  mx::array embed(const mx::array& ids) const override {
    return model_->embed(ids);
  }
  mx::array forward(const mx::array& embeddings,
                    const ops::Step& step) const override {
    return model_->forward(embeddings, step);
  }
  mx::array logits(const mx::array& hidden) const override {
    return model_->logits(hidden);
  }
  ops::KvLayers make_cache() const override { return model_->make_cache(); }
  int vocabulary_size() const override { return model_->vocabulary_size(); }
  PositionBorder position_border() const override {
    return model_->position_border();
  }
  PromptSight prompt_sight() const override { return sight_; }
  ImageMode image_mode() const override { return model_->image_mode(); }
  std::int32_t image_token() const override { return model_->image_token(); }

 private:
  std::unique_ptr<Model> model_;
  PromptSight sight_;
};

}  // namespace

io::JsonConfig text_config(const io::JsonConfig& config) {
  const auto text = config.find_object("text_config");
  if (!text) return with_class_defaults(config);
  io::JsonConfig own = *text;
  // Models of one vocabulary may say so beside the text model.
  for (const char* field : {"tie_word_embeddings", "vocab_size"}) {
    if (own.has(field) || !config.has(field)) continue;
    own = own.with_field(field, *config.find_json(field));
  }
  return with_class_defaults(with_defaults_of(own, text_type(config)));
}

io::JsonConfig vision_config(const io::JsonConfig& config) {
  const io::JsonConfig own = config.require_object("vision_config");
  const std::string fallback(
      default_tower_type(config.require_string("model_type")));
  const std::string type = own.find_string("model_type").value_or(fallback);
  const bool known = find_defaults(type) != nullptr;
  return with_defaults_of(own, known ? type : fallback);
}

std::vector<int> cross_attention_layers(const io::JsonConfig& text_config) {
  const std::int64_t count = text_config.require_int("num_hidden_layers");
  std::vector<int> layers;
  for (const std::int64_t layer :
       text_config.find_ints("cross_attention_layers")
           .value_or(std::vector<std::int64_t>{3, 8, 13, 18, 23, 28, 33, 38})) {
    if (layer < 0 || layer >= count) {
      throw ModelLoadingError("[config] cross_attention_layers names layer " +
                              std::to_string(layer) + " of " +
                              std::to_string(count));
    }
    layers.push_back(static_cast<int>(layer));
  }
  std::sort(layers.begin(), layers.end());
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

std::string canonical_name(std::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    if (name.starts_with(prefix.own)) {
      return std::string(prefix.canonical) +
             std::string(name.substr(prefix.own.size()));
    }
  }
  return std::string(name);
}

io::WeightSource canonical_weights(const io::WeightSource& weights) {
  const auto type = weights.config().find_string("model_type");
  if (weights.is_gguf() || !type || !reads_images(*type)) return weights;
  return weights.renamed(canonical_name);
}

std::unique_ptr<Model> make_language_model(const ModelSource& source,
                                           PromptSight sight) {
  const std::string type = text_type(source.config);
  const Defaults* row = find_defaults(type);
  const std::string family(row != nullptr ? row->family : type);
  if (reads_images(family)) {
    throw ModelLoadingError(
        "[config] " + source.config.origin() + ": text_config is " +
            (source.config.has("text_config") ? "of model_type '" + type + "'"
                                              : std::string("missing")) +
            ", expected a language model",
        "The folder's config.json is not the one that belongs to its weights.");
  }
  const io::JsonConfig config = text_config(source.config);
  std::unique_ptr<Model> model = make_model_of_type(
      family, {config, source.weights, source.backend, source.on_progress});
  if (sight == PromptSight::kCausal) return model;
  return std::make_unique<LanguageModel>(std::move(model), sight);
}

}  // namespace abstractllm::models
