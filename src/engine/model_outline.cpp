// Sizes by their many names.
// SPDX-License-Identifier: Apache-2.0
#include "engine/model_outline.h"

#include <algorithm>
#include <initializer_list>

#include "abstractllm/error.h"
#include "engine/context_length.h"

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

AttentionShape read_attention(const io::JsonConfig& config, int hidden) {
  AttentionShape shape;
  shape.heads = first_of(
      config, {"num_attention_heads", "n_head", "num_heads", "n_heads"});
  // Falcon's first kind has one head, whatever num_kv_heads says.
  const bool is_one =
      config.is_string("model_type") &&
      config.require_string("model_type") == "falcon" &&
      !is_on(config, "new_decoder_architecture") &&
      (!config.has("multi_query") || is_on(config, "multi_query"));
  shape.kv_heads =
      is_one ? 1
             : first_of(config, {"num_key_value_heads", "num_kv_heads"},
                        is_on(config, "multi_query") ? 1 : shape.heads);
  const int otherwise = shape.heads > 0 ? hidden / shape.heads : 0;
  shape.head_dim =
      first_of(config, {"head_dim", "attention_head_dim"}, otherwise);
  const int rope = first_of(config, {"qk_rope_head_dim"});
  const int rest = first_of(config, {"qk_nope_head_dim"});
  if (rope > 0 && rest > 0) shape.head_dim = rope + rest;
  shape.value_dim = first_of(config, {"v_head_dim"}, shape.head_dim);
  shape.window = first_of(config, {"sliding_window"});
  shape.softcap = has_number(config, "attn_logit_softcapping");
  return shape;
}

std::uint64_t estimate(const ModelOutline& outline,
                       const io::JsonConfig& config) {
  const auto size = [](int number) {
    return static_cast<std::uint64_t>(number);
  };
  const std::uint64_t hidden = size(outline.hidden_size);
  const AttentionShape& a = outline.attention;
  const std::uint64_t attention =
      hidden * size(a.head_dim) * (2 * size(a.heads) + 2 * size(a.kv_heads));
  const int expert_size =
      first_of(config, {"moe_intermediate_size", "expert_intermediate_size"},
               outline.intermediate_size);
  const std::uint64_t mlp =
      outline.experts > 0
          ? 3 * hidden * size(expert_size) * size(outline.experts)
          : 3 * hidden * size(outline.intermediate_size);
  return size(outline.layers) * (attention + mlp + 2 * hidden) +
         hidden * size(outline.vocabulary) * (outline.ties_embeddings ? 1 : 2);
}

std::string form_of(const io::WeightMatrix& matrix) {
  if (matrix.encoding() == io::WeightEncoding::kDense) {
    return std::string(io::to_string(matrix.stored_type()));
  }
  const std::string groups =
      ", groups of " + std::to_string(matrix.group_size());
  if (matrix.encoding() == io::WeightEncoding::kMxfp4) return "mxfp4" + groups;
  return std::to_string(matrix.bits()) + " bits" + groups;
}

// The module whose weight a tensor is; empty for what goes with one.
std::string module_of(const std::string& name) {
  for (const std::string_view part :
       {".scales", ".biases", "_scales", ".qzeros", ".g_idx", "_scale",
        "_scale_inv", "_zero_point", "_shape"}) {
    if (name.ends_with(part)) return {};
  }
  for (const std::string_view weight :
       {".weight", ".qweight", ".weight_packed", "_blocks"}) {
    if (name.ends_with(weight)) {
      return name.substr(0, name.size() - weight.size());
    }
  }
  return name;
}

}  // namespace

ModelOutline read_outline(const io::JsonConfig& whole) {
  const io::JsonConfig config = whole.is_object("text_config")
                                    ? whole.require_object("text_config")
                                    : whole;
  ModelOutline outline;
  outline.has_vision = whole.is_object("vision_config");
  outline.hidden_size =
      first_of(config, {"hidden_size", "n_embd", "n_embed", "d_model"});
  outline.layers = first_of(
      config, {"num_hidden_layers", "n_layer", "num_layers", "n_layers"});
  outline.intermediate_size = first_of(
      config, {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"},
      4 * outline.hidden_size);
  outline.vocabulary = first_of(config, {"vocab_size"});
  outline.experts = first_of(config, {"num_experts", "num_local_experts",
                                      "n_routed_experts", "moe_num_experts"});
  try {
    outline.context_length = read_context_length(config).tokens;
  } catch (const ModelLoadingError&) {
    outline.context_length = 0;  // reading the model's text says why
  }
  outline.ties_embeddings = is_on(config, "tie_word_embeddings");
  outline.attention = read_attention(config, outline.hidden_size);
  outline.estimated_parameters = estimate(outline, config);
  const AttentionShape& a = outline.attention;
  const int latent = first_of(config, {"kv_lora_rank"});
  const std::uint64_t a_layer =
      latent > 0 ? static_cast<std::uint64_t>(latent) +
                       static_cast<std::uint64_t>(
                           first_of(config, {"qk_rope_head_dim"}))
                 : static_cast<std::uint64_t>(a.kv_heads) *
                       static_cast<std::uint64_t>(a.head_dim + a.value_dim);
  outline.kv_elements = a_layer * static_cast<std::uint64_t>(outline.layers);
  return outline;
}

WeightSummary summarise_weights(const io::WeightSource& weights) {
  WeightSummary summary;
  summary.bytes = weights.total_bytes();
  for (const std::string& name : weights.names()) {
    const std::string module = module_of(name);
    if (module.empty()) continue;
    if (!weights.has_matrix(module)) continue;
    try {
      const io::WeightMatrix matrix = weights.matrix(module);
      const auto rows = static_cast<std::uint64_t>(matrix.rows());
      const auto columns = static_cast<std::uint64_t>(matrix.columns());
      summary.parameters += rows * columns;
      // Norms and biases are no products.
      if (rows == 1) continue;
      summary.forms[form_of(matrix)] += rows * columns;
      ++summary.products[{
          .outputs = static_cast<int>(matrix.rows()),
          .inputs = static_cast<int>(matrix.columns()),
          .bits = matrix.bits(),
          .group_size = matrix.group_size(),
          .is_mxfp4 = matrix.encoding() == io::WeightEncoding::kMxfp4}];
    } catch (const Error&) {
      // Building the model names it.
      continue;
    }
  }
  return summary;
}

}  // namespace abstractllm::engine
