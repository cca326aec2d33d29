// Hunyuan with experts (A13B): one of them, shared, sees every token.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/hunyuan.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

// Some configs have one number for all layers, others one each.
int of_layer(const io::JsonConfig& config, const char* field, int layer,
             int otherwise) {
  const auto values = config.find_ints(field);
  if (!values || values->empty()) return otherwise;
  const bool each = values->size() > 1;
  if (each && layer >= static_cast<int>(values->size())) {
    throw ModelLoadingError("[config] " + std::string(field) + " has " +
                            std::to_string(values->size()) +
                            " entries, expected one a layer");
  }
  const auto value = (*values)[each ? static_cast<std::size_t>(layer) : 0];
  if (value >= 1 && value <= (1 << 20)) return static_cast<int>(value);
  throw ModelLoadingError("[config] " + std::string(field) + " holds " +
                          std::to_string(value));
}

}  // namespace

std::unique_ptr<Model> make_hunyuan_v1_moe(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.norm_eps_value = 1e-5});
  const io::JsonConfig& fields = source.config;
  DenseTraits traits;
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    const int inner = config.intermediate_size;
    MoeConfig moe{.experts = of_layer(fields, "num_experts", index, 1),
                  .intermediate_size =
                      of_layer(fields, "moe_intermediate_size", index, inner),
                  .router = {.chosen = of_layer(fields, "moe_topk", index, 1),
                             .normalise = true},
                  .shared_name = "shared_mlp",
                  .router_name = "gate.wg"};
    if (flag_or(fields, "use_mixed_mlp_moe", true)) {
      moe.shared_intermediate_size =
          inner * of_layer(fields, "num_shared_expert", index, 1);
    }
    return read_feed_forward(weights, config, traits, moe, moe.experts > 1,
                             prefix + "mlp.", std::move(frame));
  };
  return make_decoder(read_hunyuan_parts(source, config, traits));
}

}  // namespace abstractllm::models
