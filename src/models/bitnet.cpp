// BitNet: Llama with norms before the last matrix of each half, squared ReLU,
// and matrices of three values. Activations are not rounded to 8 bits.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_bitnet(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.rope = {.theta = 500000},
                                        .norm_eps_value = 1e-5,
                                        .activation_name = "relu2"});
  DenseTraits traits;
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    const std::string module = prefix + traits.names.attention;
    ops::AttentionBlock block = read_attention(weights, config, traits, module,
                                               index, std::move(frame));
    block.output_norm =
        weights.norm(ops::NormKind::kRms, module + "attn_sub_norm",
                     config.hidden_size, config.norm_eps);
    return block;
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    const std::string module = prefix + traits.names.mlp;
    ops::MlpBlock block =
        read_gated_mlp(weights, config, traits, module, std::move(frame));
    block.inner_norm =
        weights.norm(ops::NormKind::kRms, module + "ffn_sub_norm",
                     config.intermediate_size, config.norm_eps);
    return block;
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
