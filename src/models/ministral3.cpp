// Ministral 3: Mistral with YaRN, whose queries grow with the position.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

constexpr char kRopeScaling[] =
    R"({"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 16.0,
        "original_max_position_embeddings": 16384, "beta_fast": 32.0,
        "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
        "llama_4_scaling_beta": 0.1})";

}  // namespace

std::unique_ptr<Model> make_ministral3(const ModelSource& source) {
  const io::JsonConfig fields =
      with_default_rope_scaling(source.config, kRopeScaling);
  const DenseConfig config =
      read_dense_config(fields, {.norm_eps_value = 1e-5, .head_dim = 128});
  DecoderParts parts = read_dense_parts(source, config, {});
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    grow_queries(fields, block.spec);
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
