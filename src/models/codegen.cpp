// CodeGen: GPT-J with fused queries, values and keys in four blocks.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gpt2.h"

namespace abstractllm::models {

namespace {

// One for each core that the first of these models was trained on.
constexpr int kBlocks = 4;

}  // namespace

std::unique_ptr<Model> make_codegen(const ModelSource& source) {
  DenseConfig config = read_gpt2_config(source.config);
  if (config.num_attention_heads % kBlocks != 0) {
    throw ModelLoadingError("[config] n_head is " +
                            std::to_string(config.num_attention_heads) +
                            ", expected a multiple of 4");
  }
  config.rope = plain_rope(
      {.dims = checked_rotary_dim(size_or(source.config, "rotary_dim", 64),
                                  config.head_dim),
       .interleaved = true});
  DenseTraits traits{.norm = ops::NormKind::kLayer,
                     .names = gpt2_names("transformer.")};
  traits.names.attention = "attn.";
  traits.names.output = "out_proj";
  traits.names.before_mlp = "ln_1";
  traits.projections = [&](const WeightReader& weights,
                           const std::string& prefix) {
    const int size = config.hidden_size / kBlocks;
    const auto part = [&](int index) {
      return weights.pick_linear(
          prefix + "qkv_proj", 3 * config.hidden_size, config.hidden_size,
          head_rows(kBlocks, 3 * size, index * size, size), Bias::kNone);
    };
    return std::vector<ops::Linear>{part(0), part(2), part(1)};
  };
  traits.feed_forward = plain_mlps(config, "mlp.fc_in", "mlp.fc_out");
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = true;
  pass_over(source.weights, {"transformer.h.0.attn.causal_mask"});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    pass_over(source.weights,
              {traits.names.layers + std::to_string(i) + ".attn.causal_mask"});
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
