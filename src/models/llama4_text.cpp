// Llama 4's language model: most layers rotate and see the stretch that they
// are in, the others see all without rotation; experts get weighted inputs.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

// no_rope_layers holds, against its name, 1 for the layers that rotate.
bool rotates(const io::JsonConfig& config, int layer) {
  const auto flags = config.find_ints("no_rope_layers");
  if (flags && static_cast<std::size_t>(layer) < flags->size()) {
    return (*flags)[layer] != 0;
  }
  return (layer + 1) % size_or(config, "no_rope_layer_interval", 4) != 0;
}

bool is_chunked(const io::JsonConfig& config, int layer) {
  const auto types = config.find_strings("layer_types");
  if (types && static_cast<std::size_t>(layer) < types->size()) {
    return (*types)[layer] == "chunked_attention";
  }
  return rotates(config, layer);
}

bool has_layer_experts(const io::JsonConfig& config, int layer) {
  if (const auto layers = config.find_ints("moe_layers")) {
    return std::find(layers->begin(), layers->end(), layer) != layers->end();
  }
  return (layer + 1) % size_or(config, "interleave_moe_layer_step", 1) == 0;
}

ops::MoeBlock read_experts(const WeightReader& weights,
                           const DenseConfig& config, const MoeConfig& moe,
                           const std::string& prefix,
                           ops::ResidualFrame frame) {
  check_router(moe);
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  const std::string experts = prefix + "experts.";
  const bool split = weights.has_matrix(experts + "gate_proj");
  const auto stored = [&](const char* name, int outputs, int inputs) {
    return weights.expert_rows(experts + name, moe.experts, outputs, 0, outputs,
                               inputs);
  };
  // mlx-lm splits the published stacks, which have the inputs first.
  const auto rows = [&](const char* stack, int all, int first, int outputs,
                        int inputs) {
    return weights.turned_expert_rows(experts + stack, moe.experts, all, first,
                                      outputs, inputs);
  };
  const std::string shared = prefix + "shared_expert.";
  return {
      .frame = std::move(frame),
      .router =
          weights.linear(prefix + "router", moe.experts, hidden, Bias::kNone),
      .spec = moe.router,
      .activation = config.activation,
      .gate = split ? stored("gate_proj", inner, hidden)
                    : rows("gate_up_proj", 2 * inner, 0, inner, hidden),
      .up = split ? stored("up_proj", inner, hidden)
                  : rows("gate_up_proj", 2 * inner, inner, inner, hidden),
      .down = split ? stored("down_proj", hidden, inner)
                    : rows("down_proj", hidden, 0, hidden, inner),
      .shared = ops::SharedExpert{
          .gate =
              weights.linear(shared + "gate_proj", inner, hidden, Bias::kNone),
          .up = weights.linear(shared + "up_proj", inner, hidden, Bias::kNone),
          .down = weights.linear(shared + "down_proj", hidden, inner,
                                 Bias::kNone)}};
}

// The norm of queries and keys has no weights.
ops::Norm plain_norm(const WeightReader& weights, int size, float eps) {
  return {.kind = ops::NormKind::kRms,
          .weight = ops::make_vector(weights.backend(),
                                     std::vector<float>(size, 1.0f)),
          .bias = std::nullopt,
          .eps = eps,
          .cpu = weights.backend().cpu};
}

void edit_block(const ModelSource& source, const DenseConfig& config, int index,
                ops::AttentionBlock& block) {
  const io::JsonConfig& fields = source.config;
  if (is_chunked(fields, index) && !fields.is_null("attention_chunk_size")) {
    block.spec.window = size_or(fields, "attention_chunk_size", 8192);
    block.spec.chunked = true;
  }
  if (!rotates(fields, index)) {
    block.spec.rope = {};
    if (flag_or(fields, "attn_temperature_tuning", true)) {
      block.spec.temperature = number_or(fields, "attn_scale", 0.1);
      block.spec.temperature_step = size_or(fields, "floor_scale", 8192);
    }
  } else if (flag_or(fields, "use_qk_norm", true)) {
    // It stands behind the rotation, which changes no length.
    const WeightReader weights(source.weights, source.backend);
    block.query_norm = plain_norm(weights, config.head_dim, config.norm_eps);
    block.key_norm = block.query_norm;
  }
}

// `root`: what the names of all tensors begin with.
std::unique_ptr<Model> make_text_model(const ModelSource& source,
                                       const std::string& root) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config =
      read_dense_config(fields, {.rope = {.theta = 500000, .interleaved = true},
                                 .norm_eps_value = 1e-5,
                                 .head_dim = 128});
  DenseConfig dense = config;
  dense.intermediate_size =
      size_or(fields, "intermediate_size_mlp", config.intermediate_size);
  const MoeConfig moe{
      .experts = count_experts(fields),
      .intermediate_size = config.intermediate_size,
      .router = {.chosen = size_or(fields, "num_experts_per_tok", 1),
                 .score = ops::RouterScore::kSigmoid,
                 .scales_input = true}};
  DenseTraits traits;
  for (std::string* name : {&traits.names.embedding, &traits.names.layers,
                            &traits.names.final_norm, &traits.names.head}) {
    *name = root + *name;
  }
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    const std::string module = prefix + "feed_forward.";
    if (moe.experts > 0 && has_layer_experts(fields, index)) {
      return read_experts(weights, config, moe, module, std::move(frame));
    }
    return read_gated_mlp(weights, dense, traits, module, std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    edit_block(source, config, index, block);
  });
  return make_decoder(std::move(parts));
}

}  // namespace

// The language model of a checkpoint for text and images stands behind
// text_config and a prefix.
std::unique_ptr<Model> make_llama4_text(const ModelSource& source) {
  const auto text = source.config.find_object("text_config");
  if (!text) return make_text_model(source, "");
  pass_over(source.weights, {"vision_model.", "multi_modal_projector."});
  return make_text_model(
      {*text, source.weights, source.backend, source.on_progress},
      "language_model.");
}

}  // namespace abstractllm::models
