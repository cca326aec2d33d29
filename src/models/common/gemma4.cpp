// Reading of Gemma 4 checkpoints.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gemma4.h"

#include <cmath>
#include <string>

#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

// What config.json takes for granted.
struct Defaults {
  int window = 512;
  int layer_width = 256;
};

// The form without encoders has a longer window and no inputs of layers.
Defaults defaults_of(const io::JsonConfig& config) {
  const std::string type = config.find_string("model_type").value_or("");
  if (type.starts_with("gemma4_unified")) {
    return {.window = 1024, .layer_width = 0};
  }
  return {};
}

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.intermediate_size = require_size(config, "intermediate_size");
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.num_attention_heads = require_size(config, "num_attention_heads");
  read.num_key_value_heads = require_size(config, "num_key_value_heads");
  read.head_dim = size_or(config, "head_dim", kGemmaHeadDim);
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "rms_norm_eps", 1e-6);
  read.activation =
      read_activation(config, "hidden_activation", "gelu_pytorch_tanh");
  read.windows = read_windows(config, read.num_hidden_layers, 6,
                              defaults_of(config).window);
  read.windows.back() = 0;  // whatever layer_types says
  read.bidirectional = sees_both_ways(config);
  if (read.bidirectional) {
    // The window counts both sides together.
    for (int& window : read.windows) {
      if (window > 0) window = window / 2 + 1;
    }
  }
  return read;
}

// Heads of layers that see all, or as per_layer_config says.
void set_heads(const io::JsonConfig& config, int index, DenseConfig& layer) {
  if (const auto layers = config.find_object("per_layer_config")) {
    if (const auto own = layers->find_object(std::to_string(index))) {
      layer.head_dim = size_or(*own, "head_dim", layer.head_dim);
      layer.num_key_value_heads =
          size_or(*own, "num_key_value_heads", layer.num_key_value_heads);
    }
  } else if (layer.windows[static_cast<std::size_t>(index)] == 0) {
    layer.head_dim = size_or(config, "global_head_dim", 512);
    if (flag_or(config, "attention_k_eq_v", false)) {
      layer.num_key_value_heads = size_or(config, "num_global_key_value_heads",
                                          layer.num_key_value_heads);
    }
  }
  check_shared_heads(layer);
}

ops::RopeTable read_layer_rope(const io::JsonConfig& config, bool slides,
                               int dims) {
  const char* kind = slides ? "sliding_attention" : "full_attention";
  if (auto table = find_layer_rope(config, kind, {.dims = dims})) {
    return *table;
  }
  if (slides) return plain_rope({.dims = dims});
  return read_rope_parameters(
      config,
      io::JsonConfig::parse(R"({"rope_type": "proportional",
                                "partial_rotary_factor": 0.25})",
                            "the family's rotation"),
      {.theta = 1000000, .dims = dims});
}

class PartsReader {
 public:
  PartsReader(const ModelSource& source, const io::JsonConfig& fields)
      : source_(source),
        fields_(fields),
        weights_(source.weights, source.backend),
        config_(read_config(fields)),
        prefix_(language_prefix(weights_)),
        inputs_{
            .hidden = config_.hidden_size,
            .layers = config_.num_hidden_layers,
            .width = layer_width(fields),
            .vocabulary = size_or(fields, "vocab_size_per_layer_input", 262144),
            .norm_eps = config_.norm_eps},
        own_layers_(read_own_layers(fields, config_.num_hidden_layers, 0)) {}

  Gemma4Parts read() const {
    const int hidden = config_.hidden_size;
    Gemma4Parts parts{
        .embedding =
            linear(prefix_ + "embed_tokens", config_.vocab_size, hidden),
        .layers = {},
        .final_norm = norm(prefix_ + "norm", hidden),
        .logit_softcap = number_or(fields_, "final_logit_softcapping", 0)};
    if (inputs_.width > 0) {
      parts.inputs = read_layer_inputs(weights_, inputs_, prefix_);
    }
    const std::string head =
        weights_.prefix_of("lm_head", {"language_model."}, "") + "lm_head";
    if (!flag_or(fields_, "tie_word_embeddings", true)) {
      parts.head = linear(head, config_.vocab_size, hidden);
    }
    source_.weights.find_tensor(head + ".weight");
    for (int i = 0; i < config_.num_hidden_layers; ++i) {
      parts.layers.push_back(layer(i));
      if (source_.on_progress) {
        source_.on_progress((i + 1.0) / config_.num_hidden_layers);
      }
    }
    return parts;
  }

 private:
  static int layer_width(const io::JsonConfig& fields) {
    const char* field = "hidden_size_per_layer_input";
    if (fields.find_int(field) == 0) return 0;
    const int otherwise = defaults_of(fields).layer_width;
    return fields.has(field) ? require_size(fields, field) : otherwise;
  }

  ops::Linear linear(const std::string& module, int outputs, int inputs) const {
    return weights_.linear(module, outputs, inputs, Bias::kNone);
  }

  ops::Norm norm(const std::string& module, int size) const {
    return weights_.norm(ops::NormKind::kRms, module, size, config_.norm_eps);
  }

  ops::ResidualFrame frame(const std::string& before,
                           const std::string& after) const {
    return {.before = norm(before, config_.hidden_size),
            .after = norm(after, config_.hidden_size)};
  }

  ops::AttentionBlock attention(int index, const std::string& layer) const {
    DenseConfig own = config_;
    set_heads(fields_, index, own);
    const bool slides = config_.windows[static_cast<std::size_t>(index)] > 0;
    DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
    if (!slides && flag_or(fields_, "attention_k_eq_v", false)) {
      traits.projections = [&own](const WeightReader& weights,
                                  const std::string& prefix) {
        const auto part = [&](const char* name, int heads) {
          return weights.linear(prefix + name, heads * own.head_dim,
                                own.hidden_size, Bias::kIfPresent);
        };
        const ops::Linear key = part("k_proj", own.num_key_value_heads);
        return std::vector<ops::Linear>{part("q_proj", own.num_attention_heads),
                                        key, key};
      };
    }
    const std::string module = layer + "self_attn.";
    ops::ResidualFrame around =
        frame(layer + "input_layernorm", layer + "post_attention_layernorm");
    ops::AttentionBlock block =
        index < own_layers_ ? read_attention(weights_, own, traits, module,
                                             index, std::move(around))
                            : read_reusing_attention(weights_, own, module,
                                                     index, std::move(around));
    block.spec.scale = 1.0f;
    block.spec.rope = read_layer_rope(fields_, slides, own.head_dim);
    const auto factors = source_.weights.find_vector("rope_freqs.weight");
    if (factors && !slides) apply_frequency_factors(block.spec.rope, *factors);
    block.value_norm =
        weights_.norm(ops::NormKind::kRms,
                      std::vector<float>(own.head_dim, 1.0f), config_.norm_eps);
    return block;
  }

  ops::MlpBlock feed_forward(int index, const std::string& layer,
                             bool has_experts) const {
    DenseConfig own = config_;
    if (index >= own_layers_ &&
        flag_or(fields_, "use_double_wide_mlp", false)) {
      own.intermediate_size *= 2;
    }
    const std::string after = layer + "post_feedforward_layernorm";
    return read_gated_mlp(weights_, own, {}, layer + "mlp.",
                          frame(layer + "pre_feedforward_layernorm",
                                has_experts ? after + "_1" : after));
  }

  // In one stack with the gates before the up rows, or in mlx-lm's.
  ops::MoeBlock moe(const std::string& layer) const {
    const int hidden = config_.hidden_size;
    const MoeConfig sizes{
        .experts = require_size(fields_, "num_experts"),
        .intermediate_size = require_size(fields_, "moe_intermediate_size"),
        .router = {.chosen = require_size(fields_, "top_k_experts"),
                   .normalise = true}};
    check_router(sizes);
    const int inner = sizes.intermediate_size;
    const std::string experts = layer + "experts.";
    const bool fused = weights_.has_matrix(experts + "gate_up_proj");
    const auto half = [&](const char* name, int first) {
      const std::string split = experts + "switch_glu." + name;
      return weights_.expert_rows(fused ? experts + "gate_up_proj" : split,
                                  sizes.experts, fused ? 2 * inner : inner,
                                  fused ? first : 0, inner, hidden);
    };
    const std::string router = layer + "router.";
    std::vector<float> scale = weights_.vector(router + "scale", hidden);
    for (float& value : scale) value /= std::sqrt(static_cast<float>(hidden));
    return {.frame = frame(layer + "pre_feedforward_layernorm_2",
                           layer + "post_feedforward_layernorm_2"),
            .router = linear(router + "proj", sizes.experts, hidden),
            .router_norm =
                weights_.norm(ops::NormKind::kRms, scale, config_.norm_eps),
            .expert_scales = ops::make_floats(
                weights_.vector(router + "per_expert_scale", sizes.experts)),
            .spec = sizes.router,
            .activation = config_.activation,
            .gate = half("gate_proj", 0),
            .up = half("up_proj", inner),
            .down = weights_.expert_rows(
                experts + (fused ? "down_proj" : "switch_glu.down_proj"),
                sizes.experts, hidden, 0, hidden, inner)};
  }

  Gemma4Layer layer(int index) const {
    const std::string name = prefix_ + "layers." + std::to_string(index) + ".";
    const bool has_experts = flag_or(fields_, "enable_moe_block", false);
    Gemma4Layer layer{
        .attention = attention(index, name),
        .cache = gemma_key_layer(config_.windows, own_layers_, index),
        .mlp = feed_forward(index, name, has_experts)};
    if (has_experts) {
      layer.experts = {moe(name), norm(name + "post_feedforward_layernorm",
                                       config_.hidden_size)};
    }
    if (inputs_.width > 0) {
      layer.input = read_layer_input_gate(weights_, inputs_, name);
    }
    if (weights_.has_vector(name + "layer_scalar")) {
      layer.scale = weights_.vector(name + "layer_scalar", 1).front();
    }
    return layer;
  }

  const ModelSource& source_;
  const io::JsonConfig& fields_;
  WeightReader weights_;
  DenseConfig config_;
  std::string prefix_;
  LayerInputSizes inputs_;
  int own_layers_;  // the first ones, with keys and values of their own
};

}  // namespace

Gemma4Parts read_gemma4_parts(const ModelSource& source) {
  const auto text = source.config.find_object("text_config");
  for (const char* prefix : {"", "model."}) {
    const std::string part = prefix;
    pass_over(source.weights,
              {part + "vision_tower.", part + "audio_tower.",
               part + "embed_vision.", part + "embed_audio.",
               part + "vision_embedder.", part + "multi_modal_projector."});
  }
  return PartsReader(source, text ? *text : source.config).read();
}

}  // namespace abstractllm::models
