// Sizes by their many names.
// SPDX-License-Identifier: Apache-2.0
#include "engine/model_outline.h"

#include <cstdint>
#include <initializer_list>
#include <string>

#include "abstractllm/error.h"
#include "engine/context_length.h"
#include "models/common/vision_language.h"
#include "models/registry.h"

namespace abstractllm::engine {
namespace {

constexpr std::int64_t kLargest = 1 << 28;

int first_of(const io::JsonConfig& config,
             std::initializer_list<const char*> names, int otherwise = 0) {
  for (const char* name : names) {
    try {
      const auto value = config.find_int(name);
      if (value && *value > 0 && *value < kLargest) {
        return static_cast<int>(*value);
      }
    } catch (const ModelLoadingError&) {
      continue;  // of another type: what it means is not known here
    }
  }
  return otherwise;
}

bool is_on(const io::JsonConfig& config, const char* name) {
  try {
    return config.find_bool(name).value_or(false);
  } catch (const ModelLoadingError&) {
    return false;
  }
}

bool has_number(const io::JsonConfig& config, const char* name) {
  try {
    return config.find_number(name).value_or(0) > 0;
  } catch (const ModelLoadingError&) {
    return false;
  }
}

std::string type_of(const io::JsonConfig& config) {
  return config.is_string("model_type") ? config.require_string("model_type")
                                        : std::string();
}

AttentionShape read_attention(const io::JsonConfig& config, int hidden) {
  AttentionShape shape;
  shape.heads = first_of(config, {"num_attention_heads", "n_head", "n_heads"});
  // Mamba 2 has heads without attention.
  if (shape.heads == 0) return shape;
  // Falcon's first kind has one head, whatever num_kv_heads says.
  const bool is_one =
      type_of(config) == "falcon" &&
      !is_on(config, "new_decoder_architecture") &&
      (!config.has("multi_query") || is_on(config, "multi_query"));
  shape.kv_heads =
      is_one ? 1
             : first_of(config, {"num_key_value_heads", "num_kv_heads"},
                        is_on(config, "multi_query") ? 1 : shape.heads);
  const int otherwise = hidden / shape.heads;
  shape.head_dim =
      first_of(config, {"head_dim", "attention_head_dim"}, otherwise);
  const int rope = first_of(config, {"qk_rope_head_dim"});
  const int rest = first_of(config, {"qk_nope_head_dim"});
  if (rope > 0 && rest > 0) shape.head_dim = rope + rest;
  shape.value_dim = first_of(config, {"v_head_dim"}, shape.head_dim);
  shape.alibi = takes_alibi(config);
  shape.softcap = has_number(config, "attn_logit_softcapping");
  return shape;
}

// The text model's fields, as they stand where its family cannot be told.
io::JsonConfig fields_of(const io::JsonConfig& config) {
  try {
    return models::text_config(config);
  } catch (const ModelLoadingError&) {
    return config.is_object("text_config")
               ? config.require_object("text_config")
               : config;
  }
}

}  // namespace

ModelOutline read_outline(const io::JsonConfig& whole) {
  const io::JsonConfig config = fields_of(whole);
  ModelOutline outline;
  outline.has_vision = whole.is_object("vision_config") ||
                       whole.is_object("img_processor") ||
                       models::reads_images(type_of(whole));
  outline.is_encoder = !type_of(whole).empty() &&
                       models::kind_of(whole) == models::ModelKind::kEncoder;
  outline.hidden_size =
      first_of(config, {"hidden_size", "n_embd", "n_embed", "d_model", "dim"});
  outline.intermediate_size =
      first_of(config,
               {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size",
                "hidden_dim"},
               4 * outline.hidden_size);
  outline.vocabulary = first_of(config, {"vocab_size"});
  try {
    outline.context_length = read_context_length(config).tokens;
  } catch (const ModelLoadingError&) {
    outline.context_length = 0;  // reading the model's text says why
  }
  outline.attention = read_attention(config, outline.hidden_size);
  return outline;
}

}  // namespace abstractllm::engine
