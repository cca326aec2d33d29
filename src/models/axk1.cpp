// A.X K1: DeepSeek 3 with a norm of what experts give. It stands beside the
// experts' modules, where transformers saves it among them.
// SPDX-License-Identifier: Apache-2.0
#include <variant>

#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_axk1(const ModelSource& source) {
  DeepseekRouting routing = kDeepseek3Routing;
  routing.first_sparse = 1;
  routing.shared = 1;
  DecoderParts parts = read_deepseek_parts(source, routing);
  const WeightReader weights(source.weights, source.backend);
  for (std::size_t i = 0; i < parts.layers.size(); ++i) {
    auto* experts = std::get_if<ops::MoeBlock>(&parts.layers[i].feed_forward);
    if (experts == nullptr) continue;
    const ops::Norm& before = *experts->frame.before;
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    const bool inside =
        weights.has_vector(layer + "mlp.post_mlp_layernorm.weight");
    experts->frame.after =
        weights.norm(ops::NormKind::kRms,
                     layer + (inside ? "mlp." : "") + "post_mlp_layernorm",
                     experts->router.inputs(), before.eps);
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
