// Apertus: a learned activation without a gate, norms of queries and keys.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

// The two slopes are stored before their softplus.
ops::Xielu read_xielu(const WeightReader& weights, const std::string& module) {
  const auto value = [&](const char* name, float otherwise) {
    return weights.has_vector(module + name)
               ? weights.vector(module + name, 1).front()
               : otherwise;
  };
  return ops::make_xielu(weights.vector(module + "alpha_p", 1).front(),
                         weights.vector(module + "alpha_n", 1).front(),
                         value("beta", 0.5f), value("eps", -1e-6f));
}

constexpr char kRopeScaling[] =
    R"({"rope_type": "llama3", "rope_theta": 12000000.0, "factor": 8.0,
        "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192})";

}  // namespace

std::unique_ptr<Model> make_apertus(const ModelSource& source) {
  const std::string activation =
      source.config.find_string("hidden_act").value_or("xielu");
  if (activation != "xielu") {
    throw ModelLoadingError("[config] activation '" + activation +
                                "' is not supported in this family",
                            "Supported: xielu.");
  }
  // The activation is none of those that have a name alone.
  const DenseConfig config = read_dense_config(
      with_default_rope_scaling(source.config, kRopeScaling),
      {.rope = {.theta = 12000000}, .norm_eps_value = 1e-5, .activation = ""});
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.names.before_attention = "attention_layernorm";
  traits.names.before_mlp = "feedforward_layernorm";
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    ops::MlpBlock block =
        read_plain_mlp(weights, config, prefix + "mlp.up_proj",
                       prefix + "mlp.down_proj", std::move(frame));
    block.xielu = read_xielu(weights, prefix + "mlp.act_fn.");
    return block;
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
