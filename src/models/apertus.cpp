// Apertus: a learned activation without a gate, norms of queries and keys.
// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

// The two slopes are stored before their softplus: in tensors, or by layer in
// what stands for the config in GGUF files.
ops::Xielu read_xielu(const WeightReader& weights, const io::JsonConfig& config,
                      const std::string& module, int layer) {
  const auto value = [&](const std::string& name,
                         std::optional<float> otherwise) {
    const auto listed = config.find_numbers("xielu_" + name);
    const auto index = static_cast<std::size_t>(layer);
    if (listed && index < listed->size()) {
      return static_cast<float>((*listed)[index]);
    }
    if (otherwise && !weights.has_vector(module + name)) return *otherwise;
    return weights.vector(module + name, 1).front();
  };
  return ops::make_xielu(value("alpha_p", std::nullopt),
                         value("alpha_n", std::nullopt), value("beta", 0.5f),
                         value("eps", -1e-6f));
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
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    ops::MlpBlock block =
        read_plain_mlp(weights, config, prefix + "mlp.up_proj",
                       prefix + "mlp.down_proj", std::move(frame));
    block.xielu =
        read_xielu(weights, source.config, prefix + "mlp.act_fn.", index);
    return block;
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
