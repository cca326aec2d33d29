// gpt-oss: experts with a clamped unit, mostly in MXFP4; attention with sinks,
// every other layer with a window.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

struct Sizes {
  int experts;
  int outputs;  // of an expert, as stored
  int inputs;
};

// Row `first`, `first` + `step`, ... of each expert.
std::vector<std::int32_t> every(int first, int step, int outputs) {
  std::vector<std::int32_t> rows;
  for (int row = first; row < outputs; row += step) rows.push_back(row);
  return rows;
}

// In half precision the checkpoint holds (experts, inputs, outputs), in MXFP4
// (experts, outputs, inputs).
OwnedMatrices read_matrices(const WeightReader& weights,
                            const std::string& name, const Sizes& sizes) {
  const auto [experts, outputs, inputs] = sizes;
  if (!weights.has_matrix(name + "_blocks")) {
    return weights.transposed(name, experts, outputs, inputs);
  }
  OwnedMatrices read;
  const io::WeightMatrix all = weights.matrix(name, experts * outputs, inputs);
  for (int e = 0; e < experts; ++e) {
    read.matrices.push_back(all.slice_rows(std::int64_t{e} * outputs, outputs));
  }
  return read;
}

std::vector<float> pick(const std::vector<float>& values, int outputs,
                        const std::vector<std::int32_t>& rows) {
  std::vector<float> picked;
  for (std::size_t first = 0; first < values.size(); first += outputs) {
    for (const std::int32_t row : rows) picked.push_back(values[first + row]);
  }
  return picked;
}

// The rows `first`, `first` + `step`, ... of a stored projection.
ops::ExpertLinear read_rows(const WeightReader& weights,
                            const std::string& name, const Sizes& sizes,
                            int first, int step) {
  const std::vector<std::int32_t> rows = every(first, step, sizes.outputs);
  OwnedMatrices read = read_matrices(weights, name, sizes);
  for (io::WeightMatrix& matrix : read.matrices) {
    if (step > 1) matrix = matrix.permute_rows(rows);
  }
  const std::vector<float> bias =
      weights.vector(name + "_bias", sizes.experts * sizes.outputs);
  ops::ExpertLinear experts =
      weights.experts(read.matrices, pick(bias, sizes.outputs, rows));
  weights.note_stack(name, sizes.outputs, first, step, experts);
  return experts;
}

ops::MoeBlock read_experts(const WeightReader& weights,
                           const DenseConfig& config, const MoeConfig& moe,
                           const ops::ClampedUnit& unit,
                           const std::string& prefix,
                           ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  const std::string experts = prefix + "experts.";
  const bool split = weights.has_matrix(experts + "gate_proj");
  // mlx-lm stores the two halves apart; the published files interleave them.
  const auto half = [&](const char* name, int first) {
    return split ? weights.experts(experts, name, experts + name, moe.experts,
                                   inner, hidden)
                 : read_rows(weights, experts + "gate_up_proj",
                             {moe.experts, 2 * inner, hidden}, first, 2);
  };
  return {.frame = std::move(frame),
          .router = weights.linear(prefix + "router", moe.experts, hidden,
                                   Bias::kRequired),
          .spec = moe.router,
          .clamped = unit,
          .gate = half("gate_proj", 0),
          .up = half("up_proj", 1),
          .down = split ? weights.experts(experts, "down_proj",
                                          experts + "down_proj", moe.experts,
                                          hidden, inner)
                        : read_rows(weights, experts + "down_proj",
                                    {moe.experts, hidden, inner}, 0, 1)};
}

constexpr char kRopeScaling[] =
    R"({"rope_type": "yarn", "rope_theta": 150000.0, "factor": 32.0, "beta_fast": 32.0,
        "beta_slow": 1.0, "truncate": false,
        "original_max_position_embeddings": 4096})";

}  // namespace

std::unique_ptr<Model> make_gpt_oss(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(with_default_rope_scaling(source.config, kRopeScaling),
                        {.rope = {.theta = 150000},
                         .sliding_window_pattern = 2,
                         .norm_eps_value = 1e-5,
                         .head_dim = 64,
                         .sliding_window = 128});
  const bool biased = flag_or(source.config, "attention_bias", true);
  const Bias bias = biased ? Bias::kRequired : Bias::kNone;
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = config.intermediate_size,
      .router = {.chosen = require_size(source.config, "num_experts_per_tok"),
                 .normalise = true}};
  check_router(moe);
  const ops::ClampedUnit unit{.limit =
                                  number_or(source.config, "swiglu_limit", 7)};
  const auto experts = [&](const WeightReader& weights,
                           const std::string& prefix, int /*index*/,
                           ops::ResidualFrame frame) -> FeedForward {
    return read_experts(weights, config, moe, unit, prefix + "mlp.",
                        std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config,
                                        {.query_key_value_bias = bias,
                                         .output_bias = bias,
                                         .feed_forward = experts});
  const WeightReader weights(source.weights, source.backend);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    const std::string layer = "model.layers." + std::to_string(index);
    block.spec.sinks = ops::make_floats(
        weights.vector(layer + ".self_attn.sinks", config.num_attention_heads));
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
