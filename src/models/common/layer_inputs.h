// Embeddings of a token for each layer, of Gemma 3n and 4.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "models/common/weight_reader.h"

namespace abstractllm::models {

/// Makes what every layer gets beside the stream.
struct LayerInputs {
  ops::Linear embedding;   ///< (vocabulary, layers * width)
  ops::Linear projection;  ///< (layers * width, hidden)
  ops::Norm norm;          ///< (width)
  int width = 0;

  /// ids: (tokens) int32, evaluated; those that the table lacks count as 0
  /// -> (tokens, layers * width).
  mlx::core::array embed(const mlx::core::array& ids) const;

  /// stream: (tokens, hidden), the embeddings; embedded: what embed() gave ->
  /// (tokens, layers, width).
  mlx::core::array mix(const mlx::core::array& stream,
                       const mlx::core::array& embedded) const;
};

/// How a layer takes its input in.
struct LayerInputGate {
  ops::Linear gate;        ///< (width, hidden)
  ops::Linear projection;  ///< (hidden, width)
  ops::Norm norm;          ///< (hidden)

  /// norm(projection(activation(gate(x)) * input)): x: (tokens, hidden),
  /// input: (tokens, width) -> (tokens, hidden).
  mlx::core::array run(const mlx::core::array& x, const mlx::core::array& input,
                       ops::Activation activation) const;
};

/// Sizes of the inputs.
struct LayerInputSizes {
  int hidden = 0;
  int layers = 0;
  int width = 0;
  int vocabulary = 0;
  float norm_eps = 0;
};

/// The modules of a model begin with `prefix` ("model."). Throws
/// ModelLoadingError.
LayerInputs read_layer_inputs(const WeightReader& weights,
                              const LayerInputSizes& sizes,
                              const std::string& prefix);

/// The modules of a layer begin with `prefix` ("...layers.0.").
LayerInputGate read_layer_input_gate(const WeightReader& weights,
                                     const LayerInputSizes& sizes,
                                     const std::string& prefix);

}  // namespace abstractllm::models
