// What a Gemma 4 checkpoint holds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "models/common/gemma.h"
#include "models/common/layer_inputs.h"
#include "ops/moe.h"

namespace abstractllm::models {

/// Experts beside the gated unit of a layer: norm(unit + experts).
struct Gemma4Experts {
  ops::MoeBlock block;
  ops::Norm norm;  ///< (hidden)
};

struct Gemma4Layer {
  ops::AttentionBlock attention;
  int cache = 0;  ///< index of the KvLayer that it fills or uses
  ops::MlpBlock mlp;
  std::optional<Gemma4Experts> experts = std::nullopt;
  std::optional<LayerInputGate> input = std::nullopt;
  float scale = 1.0f;  ///< of what the layer gives
};

struct Gemma4Parts {
  ops::Linear embedding;  ///< (vocabulary, hidden)
  std::optional<ops::Linear> head = std::nullopt;
  std::optional<LayerInputs> inputs = std::nullopt;
  std::vector<Gemma4Layer> layers;
  ops::Norm final_norm;
  float logit_softcap = 0;  ///< 0: none
};

/// From config.json or its text_config. Tensors of layers that reuse others'
/// keys and values, and of towers for images and sound, are passed over.
/// Throws ModelLoadingError.
Gemma4Parts read_gemma4_parts(const ModelSource& source);

}  // namespace abstractllm::models
