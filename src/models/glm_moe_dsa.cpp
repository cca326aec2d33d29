// GLM 5: DeepSeek 3.2's sparse attention and experts.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

namespace {

// Layers may take over what the indexer of one before them has chosen.
bool shares_choices(const io::JsonConfig& config) {
  if (const auto kinds = config.find_strings("indexer_types")) {
    return std::find(kinds->begin(), kinds->end(), "shared") != kinds->end();
  }
  if (const auto pattern = config.find_strings("index_topk_pattern")) {
    return std::any_of(pattern->begin(), pattern->end(),
                       [](const std::string& kinds) {
                         return kinds.find_first_of("Ss") != std::string::npos;
                       });
  }
  return config.find_int("index_topk_freq").value_or(1) > 1;
}

}  // namespace

std::unique_ptr<Model> make_glm_moe_dsa(const ModelSource& source) {
  if (shares_choices(source.config)) {
    throw UnsupportedModelError(
        "[config] layers that share the choices of an indexer are not "
        "supported",
        "Supported: an indexer in every layer, as GLM 5 has it.");
  }
  return make_deepseek(
      source, deepseek32_routing(),
      source.config.find_bool("indexer_rope_interleave").value_or(true)
          ? IndexerRope::kInterleaved
          : IndexerRope::kHalves);
}

}  // namespace abstractllm::models
