// LFM 2: short convolutions, and attention in some layers.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

bool attends(const io::JsonConfig& config, int layer) {
  if (const auto types = config.find_strings("layer_types")) {
    return static_cast<std::size_t>(layer) < types->size() &&
           (*types)[layer] == "full_attention";
  }
  const auto indices = config.find_ints("full_attn_idxs");
  return indices &&
         std::find(indices->begin(), indices->end(), layer) != indices->end();
}

// The stored size is shrunk to two thirds and rounded up.
int feed_forward_size(const io::JsonConfig& config, int stored) {
  if (!flag_or(config, "block_auto_adjust_ff_dim", true)) {
    return stored;
  }
  const double multiplier =
      config.find_number("block_ffn_dim_multiplier").value_or(1.0);
  const int size = static_cast<int>(multiplier * (2 * stored / 3));
  const int unit = size_or(config, "block_multiple_of", 256);
  return (size + unit - 1) / unit * unit;
}

// LFM 2 MoE's.
MoeConfig read_moe_config(const io::JsonConfig& config) {
  MoeConfig moe;
  moe.experts = count_experts(config);
  if (moe.experts == 0) return moe;
  moe.intermediate_size = require_size(config, "moe_intermediate_size");
  moe.router = {.chosen = require_size(config, "num_experts_per_tok"),
                .score = ops::RouterScore::kSigmoid,
                .normalise = flag_or(config, "norm_topk_prob", true),
                .scale = number_or(config, "routed_scaling_factor", 1)};
  return moe;
}

}  // namespace

std::unique_ptr<Model> make_lfm2(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config = read_dense_config(fields, {.rope = {.theta = 1000000},
                                                  .norm_eps = "norm_eps",
                                                  .norm_eps_value = 1e-5});
  const int hidden = config.hidden_size;
  const MoeConfig moe = read_moe_config(fields);
  const auto first_sparse = fields.find_int("num_dense_layers").value_or(2);
  const int inner =
      moe.experts > 0
          ? config.intermediate_size
          : feed_forward_size(fields, size_or(fields, "block_ff_dim",
                                              config.intermediate_size));
  const int kernel = size_or(fields, "conv_L_cache", 3);
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.names.output = "out_proj";
  traits.names.query_norm = "q_layernorm";
  traits.names.key_norm = "k_layernorm";
  traits.names.final_norm = "model.embedding_norm";
  traits.names.before_attention = "operator_norm";
  traits.names.before_mlp = "ffn_norm";
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    if (attends(fields, index)) {
      return read_attention(weights, config, traits,
                            prefix + traits.names.attention, index,
                            std::move(frame));
    }
    return read_short_convolution(weights, hidden, kernel, prefix + "conv.",
                                  std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    const std::string module = prefix + "feed_forward.";
    if (moe.experts > 0 && index >= first_sparse) {
      ops::MoeBlock block =
          read_mixtral_moe(weights, config, moe, module, std::move(frame));
      if (weights.has_vector(module + "expert_bias")) {
        block.correction = ops::make_floats(
            weights.vector(module + "expert_bias", moe.experts));
      }
      return block;
    }
    // mlx-lm writes Llama's names.
    const bool renamed = weights.has_matrix(module + "gate_proj");
    const auto read = [&](const char* own, const char* other, int outputs,
                          int inputs) {
      return weights.linear(module + (renamed ? other : own), outputs, inputs,
                            Bias::kNone);
    };
    return ops::MlpBlock{.frame = std::move(frame),
                         .activation = ops::Activation::kSilu,
                         .gate = read("w1", "gate_proj", inner, hidden),
                         .up = read("w3", "up_proj", inner, hidden),
                         .down = read("w2", "down_proj", hidden, inner)};
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
