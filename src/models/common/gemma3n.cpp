// Reading of Gemma 3n checkpoints.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gemma3n.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

// The value below which a normal variable lies with `probability`, by Newton's
// method. REQUIRES: 0 < probability < 1.
float normal_quantile(double probability) {
  double x = 0;
  for (int i = 0; i < 100; ++i) {
    const double below = 0.5 * std::erfc(-x / std::sqrt(2.0));
    const double density =
        std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    // Long steps from where the curve is flat would leave the range.
    const double step = std::clamp((below - probability) / density, -0.5, 0.5);
    x -= step;
    if (std::abs(step) < 1e-12) break;
  }
  return static_cast<float>(x);
}

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.num_attention_heads = require_size(config, "num_attention_heads");
  read.num_key_value_heads = require_size(config, "num_key_value_heads");
  read.head_dim = size_or(config, "head_dim", kGemmaHeadDim);
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "rms_norm_eps", 1e-6);
  read.activation =
      read_activation(config, "hidden_activation", "gelu_pytorch_tanh");
  read.windows =
      read_windows(config, read.num_hidden_layers, 5, /* window = */ 512);
  check_shared_heads(read);
  return read;
}

class PartsReader {
 public:
  PartsReader(const ModelSource& source, const io::JsonConfig& fields)
      : source_(source),
        fields_(fields),
        weights_(source.weights, source.backend),
        config_(read_config(fields)),
        prefix_(language_prefix(weights_)),
        ropes_(read_gemma_ropes(fields, config_.head_dim)),
        inputs_{.hidden = config_.hidden_size,
                .layers = config_.num_hidden_layers,
                .width = size_or(fields, "hidden_size_per_layer_input", 256),
                .vocabulary = size_or(fields, "vocab_size_per_layer_input",
                                      config_.vocab_size),
                .norm_eps = config_.norm_eps},
        streams_(size_or(fields, "altup_num_inputs", 4)),
        own_layers_(read_own_layers(fields, config_.num_hidden_layers, 15)) {
    traits_.query_key_norm = HeadNorm::kEachHead;
  }

  Gemma3nParts read() const {
    const int hidden = config_.hidden_size;
    Gemma3nParts parts{.embedding = linear(prefix_ + "embed_tokens",
                                           config_.vocab_size, hidden),
                       .inputs = read_layer_inputs(weights_, inputs_, prefix_),
                       .widening = projections("altup_projections"),
                       .narrowing = projections("altup_unembed_projections"),
                       .layers = {},
                       .final_norm = norm(prefix_ + "norm", hidden),
                       .logit_softcap = number_unless_null(
                           fields_, "final_logit_softcapping", 30)};
    if (!flag_or(fields_, "tie_word_embeddings", true)) {
      parts.head = linear("lm_head", config_.vocab_size, hidden);
    }
    source_.weights.find_tensor("lm_head.weight");
    for (int i = 0; i < config_.num_hidden_layers; ++i) {
      parts.layers.push_back(layer(i));
      if (source_.on_progress) {
        source_.on_progress((i + 1.0) / config_.num_hidden_layers);
      }
    }
    return parts;
  }

 private:
  ops::Linear linear(const std::string& module, int outputs, int inputs) const {
    return weights_.linear(module, outputs, inputs, Bias::kNone);
  }

  ops::Norm norm(const std::string& module, int size) const {
    return weights_.norm(ops::NormKind::kRms, module, size, config_.norm_eps);
  }

  std::vector<ops::Linear> projections(const std::string& name) const {
    std::vector<ops::Linear> read;
    const auto count = static_cast<std::size_t>(streams_ - 1);
    if (weights_.has_matrix(prefix_ + name)) {  // GGUF stacks them
      return weights_.split_linear(prefix_ + name,
                                   std::vector<int>(count, config_.hidden_size),
                                   config_.hidden_size, Bias::kNone);
    }
    for (std::size_t i = 0; i < count; ++i) {
      read.push_back(linear(prefix_ + name + '.' + std::to_string(i),
                            config_.hidden_size, config_.hidden_size));
    }
    return read;
  }

  ops::AttentionBlock attention(int index, const std::string& layer) const {
    const std::string module = layer + "self_attn.";
    ops::ResidualFrame frame{
        .before = norm(layer + "input_layernorm", config_.hidden_size),
        .after = norm(layer + "post_attention_layernorm", config_.hidden_size)};
    ops::AttentionBlock block =
        index < own_layers_ ? read_attention(weights_, config_, traits_, module,
                                             index, std::move(frame))
                            : read_reusing_attention(weights_, config_, module,
                                                     index, std::move(frame));
    block.spec.scale = 1.0f;
    block.spec.rope = config_.windows[index] > 0 ? ropes_.local : ropes_.global;
    block.value_norm = weights_.norm(ops::NormKind::kRms,
                                     std::vector<float>(config_.head_dim, 1.0f),
                                     config_.norm_eps);
    return block;
  }

  // Of layer `index`; Gemma 3n has one size for all or a list.
  int inner_size(int index) const {
    const auto sizes = fields_.find_ints("intermediate_size");
    if (!sizes || sizes->size() == 1) {
      return require_size(fields_, "intermediate_size");
    }
    if (static_cast<int>(sizes->size()) <= index || (*sizes)[index] < 1) {
      throw ModelLoadingError(
          "[config] intermediate_size has no size of layer " +
          std::to_string(index));
    }
    return static_cast<int>((*sizes)[index]);
  }

  std::optional<float> cutoff(int index) const {
    constexpr int kSparseLayers = 10;  // of models with more, where unsaid
    const auto pattern = fields_.find_numbers("activation_sparsity_pattern");
    double share =
        config_.num_hidden_layers > kSparseLayers && index < kSparseLayers
            ? 0.95
            : 0.0;
    if (pattern) {
      share = index < static_cast<int>(pattern->size()) ? (*pattern)[index] : 0;
    }
    if (share <= 0) return std::nullopt;
    if (!(share < 1)) {
      throw ModelLoadingError("[config] activation_sparsity_pattern holds " +
                              std::to_string(share) + ", expected less than 1");
    }
    return normal_quantile(share);
  }

  ops::MlpBlock feed_forward(int index, const std::string& layer) const {
    DenseConfig own = config_;
    own.intermediate_size = inner_size(index);
    return read_gated_mlp(weights_, own, traits_, layer + "mlp.",
                          {.before = norm(layer + "pre_feedforward_layernorm",
                                          config_.hidden_size),
                           .after = norm(layer + "post_feedforward_layernorm",
                                         config_.hidden_size)});
  }

  Gemma3nLayer layer(int index) const {
    const std::string name = prefix_ + "layers." + std::to_string(index) + ".";
    const int hidden = config_.hidden_size;
    const int rank = size_or(fields_, "laurel_rank", 64);
    Gemma3nLayer layer{
        .updates = read_alternating_updates(
            weights_, name + "altup.", hidden, streams_,
            static_cast<int>(fields_.find_int("altup_active_idx").value_or(0)),
            config_.norm_eps),
        .narrow = linear(name + "laurel.linear_left", rank, hidden),
        .widen = linear(name + "laurel.linear_right", hidden, rank),
        .past_norm = norm(name + "laurel.post_laurel_norm", hidden),
        .attention = attention(index, name),
        .cache = gemma_key_layer(config_.windows, own_layers_, index),
        .mlp = feed_forward(index, name),
        .cutoff = cutoff(index),
        .input = read_layer_input_gate(weights_, inputs_, name)};
    const std::vector<float> scale =
        weights_.vector(name + "altup.correct_output_scale", hidden);
    if (flag_or(fields_, "altup_correct_scale", true)) {
      layer.output_scale = ops::make_floats(scale);
    }
    return layer;
  }

  const ModelSource& source_;
  const io::JsonConfig& fields_;
  WeightReader weights_;
  DenseConfig config_;
  std::string prefix_;
  GemmaRopes ropes_;
  LayerInputSizes inputs_;
  int streams_;
  int own_layers_;  // the first ones, with keys and values of their own
  DenseTraits traits_;
};

}  // namespace

Gemma3nParts read_gemma3n_parts(const ModelSource& source) {
  const auto text = source.config.find_object("text_config");
  for (const char* prefix : {"", "model."}) {
    const std::string part = prefix;
    pass_over(source.weights, {part + "vision_tower.", part + "audio_tower.",
                               part + "embed_vision.", part + "embed_audio."});
  }
  return PartsReader(source, text ? *text : source.config).read();
}

}  // namespace abstractllm::models
