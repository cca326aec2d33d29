// Linear attention by the gated delta rule.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/recurrent.h"

namespace abstractllm::ops {

/// Sizes of a layer. Immutable.
struct DeltaRuleSpec {
  int key_heads = 0;
  int value_heads = 0;  ///< a multiple of key_heads; neighbours share a key
  int key_dim = 0;
  int value_dim = 0;
  /// Multiplies the sigmoids of the corrections; 2 lets a state turn round.
  float share_scale = 1.0f;

  int keys() const { return key_heads * key_dim; }
  int values() const { return value_heads * value_dim; }
  /// Of the convolution: query, key and value.
  int channels() const { return 2 * keys() + values(); }
};

/// Gated DeltaNet, arXiv:2412.06464. Each head has a matrix of (value_dim,
/// key_dim); a token lets it decay by exp(decay * softplus(rate +
/// step_bias)), corrects what it gives for the key towards the value, by the
/// share share_scale * sigmoid(correction), and reads it by the query. Queries
/// and keys are convolved and of length one. Immutable after load.
struct DeltaRuleBlock {
  ResidualFrame frame;
  DeltaRuleSpec spec;
  /// (channels + values, hidden): query, key, value, gate.
  Linear input;
  Linear rates;  ///< (2 * value_heads, hidden): correction, rate
  CausalConvolution convolution;
  mlx::core::array step_bias;  ///< (value_heads) float32
  mlx::core::array decay;      ///< (value_heads) float32, negative
  Norm norm;      ///< (value_dim); what it gives is multiplied by silu(gate)
  Linear output;  ///< (hidden, values)
};

/// input, residual: (tokens, hidden) -> (tokens, hidden). The caches of
/// `layer` hold a RecurrentState, which moves on.
mlx::core::array delta_rule_block(const mlx::core::array& input,
                                  const mlx::core::array& residual,
                                  const DeltaRuleBlock& block, int layer,
                                  const Step& step);

/// The same over stock MLX operations, on any backend.
mlx::core::array delta_rule_block_stock(const mlx::core::array& input,
                                        const mlx::core::array& residual,
                                        const DeltaRuleBlock& block, int layer,
                                        const Step& step);

/// The same as one CPU kernel. `block` must outlive the evaluation.
/// REQUIRES: packed weights.
mlx::core::array delta_rule_block_cpu(const mlx::core::array& input,
                                      const mlx::core::array& residual,
                                      const DeltaRuleBlock& block, int layer,
                                      const Step& step);

}  // namespace abstractllm::ops
