// What layers of ModernBERT see, and how they turn.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/modernbert.h"

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

std::vector<bool> read_modernbert_slides(const io::JsonConfig& config,
                                         int layers) {
  std::vector<bool> slides(layers);
  if (const auto types = config.find_strings("layer_types")) {
    if (static_cast<int>(types->size()) < layers) {
      throw ModelLoadingError("[config] layer_types has " +
                              std::to_string(types->size()) +
                              " entries, expected " + std::to_string(layers));
    }
    for (int i = 0; i < layers; ++i) {
      slides[i] = (*types)[i] == "sliding_attention";
    }
    return slides;
  }
  const int every = size_or(config, "global_attn_every_n_layers", 3);
  for (int i = 0; i < layers; ++i) slides[i] = i % every != 0;
  return slides;
}

ops::RopeTable read_modernbert_rope(const io::JsonConfig& config,
                                    const char* kind, const char* field,
                                    RopeDefaults defaults) {
  if (const auto table = find_layer_rope(config, kind, defaults)) return *table;
  defaults.theta = config.find_number(field).value_or(defaults.theta);
  const auto scaling = config.find_object("rope_scaling");
  return scaling ? read_rope_parameters(config, *scaling, defaults)
                 : plain_rope(defaults);
}

}  // namespace abstractllm::models
