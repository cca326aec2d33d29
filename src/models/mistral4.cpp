// Mistral 4: DeepSeek's latent attention, with queries that grow with the
// position, and experts by softmax.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

namespace {

constexpr char kRopeScaling[] =
    R"({"type": "yarn", "rope_theta": 10000.0, "factor": 128.0,
        "original_max_position_embeddings": 8192, "beta_fast": 32.0,
        "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
        "llama_4_scaling_beta": 0.1})";

}  // namespace

std::unique_ptr<Model> make_mistral4(const ModelSource& source) {
  const io::JsonConfig fields =
      with_default_rope_scaling(source.config, kRopeScaling);
  DecoderParts parts = read_deepseek_parts(
      {fields, source.weights, source.backend, source.on_progress},
      {.score = ops::RouterScore::kSoftmax,
       .group_score = ops::GroupScore::kSumOfTwoLargest,
       .scale_normalised = true,
       .normalise = true,
       .normalises_single = true,
       .shared = 1});
  for (DecoderLayer& layer : parts.layers) {
    grow_queries(fields, std::get<ops::LatentAttentionBlock>(layer.mixer).spec);
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
