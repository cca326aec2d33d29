// ERNIE 4.5 with experts: chosen by corrected softmax, shared ones beside them.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

// Which layers have experts: every n-th from a first to a last one.
bool has_experts_here(const io::JsonConfig& config, int layer, int layers) {
  const auto first = config.find_int("moe_layer_start_index").value_or(1);
  auto last = config.find_int("moe_layer_end_index").value_or(-1);
  if (last < 0) last = layers - 1;
  const int interval = size_or(config, "moe_layer_interval", 1);
  return layer >= first && layer <= last && (layer + 1) % interval == 0;
}

}  // namespace

std::unique_ptr<Model> make_ernie4_5_moe(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_dense_config(
      fields,
      {.rope = {.theta = 500000, .interleaved = true}, .norm_eps_value = 1e-5});
  MoeConfig moe{
      .experts = require_size(fields, "moe_num_experts"),
      .intermediate_size = require_size(fields, "moe_intermediate_size"),
      .router = {.chosen = require_size(fields, "moe_k"), .normalise = true},
      .shared_name = "shared_experts"};
  moe.shared_intermediate_size =
      shared_width(fields, "moe_num_shared_experts", moe.intermediate_size, 0);
  DenseTraits traits;
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    FeedForward half = read_feed_forward(
        weights, config, traits, moe,
        has_experts_here(fields, index, config.num_hidden_layers),
        prefix + "mlp.", std::move(frame));
    auto* block = std::get_if<ops::MoeBlock>(&half);
    if (block == nullptr) return half;
    // transformers 5 may keep it with the router.
    for (const char* module : {"mlp.", "mlp.gate."}) {
      const std::string correction =
          prefix + module + "moe_statics.e_score_correction_bias";
      if (!weights.has_vector(correction)) continue;
      block->correction =
          ops::make_floats(weights.vector(correction, moe.experts));
    }
    return half;
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
