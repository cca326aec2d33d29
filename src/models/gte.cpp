// GTE 1.5 and multilingual, Arctic Embed M 2: norms behind each half, gated
// units, rotation. The published files call the type "new".
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/encoder.h"
#include "models/common/rope_config.h"

namespace abstractllm::models {

namespace {

// https://kexue.fm/archives/9706: formula 6, or 10 to 13 where mixed_b says how
// the stretching grows over the frequencies.
ops::RopeTable stretch_rope(const io::JsonConfig& scaling, double theta,
                            int dims) {
  const double factor = scaling.require_number("factor");
  const auto mixed = scaling.find_number("mixed_b");
  if (!(factor >= 1 && factor < 1e6)) {
    throw ModelLoadingError("[config] rope_scaling: factor is " +
                            std::to_string(factor) + ", expected at least 1");
  }
  const int pairs = dims / 2;
  std::vector<float> factors;
  for (int i = 1; i <= pairs; ++i) {
    factors.push_back(static_cast<float>(
        mixed ? std::exp(std::log(factor) / std::pow(pairs, *mixed) *
                         std::pow(i, *mixed))
              : std::pow(factor, 2.0 / dims)));
  }
  ops::RopeTable table =
      plain_rope({.theta = mixed ? theta : theta * factor, .dims = dims});
  if (factor > 1) apply_frequency_factors(table, factors);
  return table;
}

ops::RopeTable read_turns(const io::JsonConfig& config, int dims) {
  const auto scaling = find_rope_scaling(config);
  const bool published = config.find_string("model_type") == "new";
  const double theta = published ? 10000 : 160000;
  if (scaling && scaling->find_string("type") == "ntk") {
    return stretch_rope(*scaling,
                        config.find_number("rope_theta").value_or(theta), dims);
  }
  return read_rope(config, {.theta = theta, .dims = dims});
}

void check_form(const io::JsonConfig& config) {
  const bool usual =
      config.find_string("position_embedding_type").value_or("rope") !=
          "absolute" &&
      config.find_string("layer_norm_type").value_or("layer_norm") ==
          "layer_norm" &&
      !config.find_bool("logn_attention_scale").value_or(false);
  if (usual) return;
  throw UnsupportedModelError(
      "[config] learned positions, other norms than layer_norm or "
      "logn_attention_scale are not supported",
      "Supported: GTE as it is published.");
}

class LayerReader {
 public:
  LayerReader(const WeightReader& weights, const EncoderConfig& config,
              const ops::RopeTable& rope)
      : weights_(weights), config_(config), rope_(rope) {}

  // In the published names where `published`.
  EncoderLayer read(const std::string& prefix, bool published) const {
    const int hidden = config_.hidden_size;
    const int inner = config_.intermediate_size;
    const auto pick = [&](const char* own, const char* llama) {
      return prefix + (published ? own : llama);
    };
    const std::string attention = pick("attention.", "self_attn.");
    const std::vector<ops::Linear> heads =
        parts(attention, "qkv_proj", {"q_proj", "k_proj", "v_proj"}, hidden);
    const std::vector<ops::Linear> unit =
        parts(prefix + "mlp.", "up_gate_proj", {"up_proj", "gate_proj"}, inner);
    ops::AttentionSpec spec = config_.attention();
    spec.rope = rope_;
    return {.attention = ops::AttentionBlock{.frame = {},
                                             .spec = std::move(spec),
                                             .query = heads[0],
                                             .key = heads[1],
                                             .value = heads[2],
                                             .output = weights_.linear(
                                                 attention + "o_proj", hidden,
                                                 hidden, Bias::kIfPresent)},
            .attention_norm = norm(pick("attn_ln", "post_attention_layernorm")),
            .mlp = ops::MlpBlock{.frame = {},
                                 .activation = config_.activation,
                                 .gate = unit[1],
                                 .up = unit[0],
                                 .down = weights_.linear(
                                     prefix + "mlp.down_proj", hidden, inner,
                                     Bias::kIfPresent)},
            .mlp_norm = norm(pick("mlp_ln", "post_mlp_layernorm"))};
  }

  ops::Norm norm(const std::string& module) const {
    return weights_.norm(ops::NormKind::kLayer, module, config_.hidden_size,
                         config_.norm_eps);
  }

 private:
  // Modules of `outputs` rows each, in one or apart.
  std::vector<ops::Linear> parts(const std::string& prefix, const char* whole,
                                 const std::vector<const char*>& names,
                                 int outputs) const {
    const int hidden = config_.hidden_size;
    if (weights_.has_matrix(prefix + whole)) {
      return weights_.split_linear(prefix + whole,
                                   std::vector<int>(names.size(), outputs),
                                   hidden, Bias::kIfPresent);
    }
    std::vector<ops::Linear> read;
    for (const char* name : names) {
      read.push_back(
          weights_.linear(prefix + name, outputs, hidden, Bias::kIfPresent));
    }
    return read;
  }

  const WeightReader& weights_;
  const EncoderConfig& config_;
  const ops::RopeTable& rope_;
};

}  // namespace

std::unique_ptr<Model> make_gte(const ModelSource& source) {
  check_form(source.config);
  const EncoderConfig config = read_encoder_config(source.config);
  const ops::RopeTable rope = read_turns(source.config, config.head_dim());
  const WeightReader weights(source.weights, source.backend);
  const std::string prefix =
      find_prefix(weights, "embeddings.word_embeddings", {"", "new.", "gte."});
  const LayerReader reader(weights, config, rope);
  EncoderParts parts{
      .embedding =
          weights.linear(prefix + "embeddings.word_embeddings",
                         config.vocab_size, config.hidden_size, Bias::kNone),
      .embedding_norm = reader.norm(prefix + "embeddings.LayerNorm")};
  const auto types = source.config.find_int("type_vocab_size").value_or(1);
  if (types > 0) {
    parts.token_type =
        read_token_type(weights, prefix + "embeddings.token_type_embeddings",
                        static_cast<int>(types), config.hidden_size);
  }
  const bool published =
      weights.has_vector(prefix + "encoder.layer.0.attn_ln.weight");
  const std::string layers =
      prefix + (published ? "encoder.layer." : "layers.");
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    parts.layers.push_back(
        reader.read(layers + std::to_string(i) + ".", published));
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  skip_heads(source.weights, prefix,
             {"embeddings.position_ids", "pooler.", "lm_head.", "classifier."});
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
