// What a Gemma 3n checkpoint holds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "models/common/alternating_updates.h"
#include "models/common/gemma.h"
#include "models/common/layer_inputs.h"

namespace abstractllm::models {

struct Gemma3nLayer {
  AlternatingUpdates updates;
  ops::Linear narrow;   ///< (rank, hidden): the way past the attention
  ops::Linear widen;    ///< (hidden, rank)
  ops::Norm past_norm;  ///< (hidden)
  ops::AttentionBlock attention;
  int cache = 0;  ///< index of the KvLayer that it fills or uses
  ops::MlpBlock mlp;
  /// Gates below this many deviations above their mean are 0; absent: all stay.
  std::optional<float> cutoff = std::nullopt;
  std::optional<mlx::core::array> output_scale = std::nullopt;  ///< (hidden)
  LayerInputGate input;
};

struct Gemma3nParts {
  ops::Linear embedding;  ///< (vocabulary, hidden)
  std::optional<ops::Linear> head = std::nullopt;
  LayerInputs inputs;
  std::vector<ops::Linear> widening;   ///< (hidden, hidden) a further stream
  std::vector<ops::Linear> narrowing;  ///< likewise
  std::vector<Gemma3nLayer> layers;
  ops::Norm final_norm;
  float logit_softcap = 0;  ///< 0: none
};

/// From config.json or its text_config. Tensors of layers that reuse others'
/// keys and values, and of towers for images and sound, are passed over.
/// Throws ModelLoadingError.
Gemma3nParts read_gemma3n_parts(const ModelSource& source);

}  // namespace abstractllm::models
