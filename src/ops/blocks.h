// The two halves of a transformer layer as single operations, so that a
// backend can replace each by one kernel without touching a model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <optional>

#include "mlx/array.h"
#include "ops/kv_layer.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/rope.h"

namespace abstractllm::ops {

/// How a sub-layer f sits in the residual stream:
/// output = residual + scale * after(f(before(input))).
struct ResidualFrame {
  std::optional<Norm> before = std::nullopt;
  std::optional<Norm> after = std::nullopt;
  float scale = 1.0f;
};

/// Sizes and rules of one attention layer. Immutable.
struct AttentionSpec {
  int heads = 0;
  int kv_heads = 0;  ///< divides heads
  int head_dim = 0;
  /// Size of a value where it is less than that of a key; 0: head_dim.
  int value_dim = 0;
  float scale = 0;  ///< of the scores, mostly head_dim^-1/2
  /// A position sees itself and the window - 1 before it; 0: all before it.
  int window = 0;
  /// Windows are stretches that begin at multiples of `window` instead.
  bool chunked = false;
  /// As many positions behind it are seen, too: all of a text's tokens come in
  /// one step.
  bool bidirectional = false;
  /// Scores become softcap * tanh(score / softcap); 0: unchanged.
  float softcap = 0;
  RopeTable rope;
  /// Of each head of queries and keys, behind the rotation.
  std::optional<Norm> rotated_query_norm = std::nullopt;
  std::optional<Norm> rotated_key_norm = std::nullopt;
  /// (heads) float32: a score of each head that draws weight from no value.
  std::optional<mlx::core::array> sinks = std::nullopt;
  /// (heads) float32, ALiBi: a score changes by slope * (key's position -
  /// query's). Goes without softcap.
  std::optional<mlx::core::array> slopes = std::nullopt;
  /// Falcon's ALiBi: a score changes by scale * (slope * key's position), where
  /// the product is rounded to bf16. The slopes are bf16 values.
  bool rounds_slopes = false;
  /// (heads, 2 * reach + 1) float32: added to a score by the key's position
  /// less the query's, cut to [-reach, reach]. Goes without softcap and slopes.
  std::optional<mlx::core::array> distance_scores = std::nullopt;

  /// Queries at position p are multiplied by
  /// 1 + temperature * log(1 + floor((p + temperature_first) /
  /// temperature_step)); 0: by 1.
  float temperature = 0;
  int temperature_step = 1;
  int temperature_first = 1;

  /// First position that the one at `position` sees.
  int first_visible(int position) const {
    if (window == 0) return 0;
    if (chunked) return position - position % window;
    return position < window ? 0 : position - window + 1;
  }

  /// Of distance_scores.
  int reach() const {
    return distance_scores ? distance_scores->shape(1) / 2 : 0;
  }

  float query_scale(int position) const {
    const int steps = (position + temperature_first) / temperature_step;
    return 1.0f + temperature * std::log1p(static_cast<float>(steps));
  }

  int value_size() const { return value_dim > 0 ? value_dim : head_dim; }
};

/// Weights of one attention layer. Immutable after load.
struct AttentionBlock {
  ResidualFrame frame;
  AttentionSpec spec;
  Linear query;   ///< (heads * head_dim, hidden)
  Linear key;     ///< (kv_heads * head_dim, hidden)
  Linear value;   ///< (kv_heads * value_size, hidden)
  Linear output;  ///< (hidden, heads * value_size)
  /// Before the rotation: over each head's head_dim values, or over all heads
  /// together where it has as many weights.
  std::optional<Norm> query_norm = std::nullopt;
  std::optional<Norm> key_norm = std::nullopt;
  std::optional<Norm> value_norm = std::nullopt;
  /// Queries meet the keys and values that an earlier block of the step has put
  /// into the caches of the layer; `key` and `value` are not used.
  bool reuses_cache = false;
  /// (heads * value_size, hidden), or (heads, hidden): its sigmoid multiplies
  /// what output gets.
  std::optional<Linear> gate = std::nullopt;
  /// (heads * value_size): of what output gets, behind the gate.
  std::optional<Norm> output_norm = std::nullopt;
  /// Projected queries, keys and values are cut to [-clip, clip]; 0: not.
  float clip = 0;
};

enum class Activation {
  kSilu,
  kGelu,
  kGeluTanh,
  kQuickGelu,  ///< x * sigmoid(1.702 x)
  kRelu,
  kReluSquared,
};

/// arXiv:2411.13010: positive * x^2 + beta * x above 0, and
/// (expm1(min(x, eps)) - x) * negative + beta * x elsewhere.
struct Xielu {
  float positive = 0;
  float negative = 0;
  float beta = 0.5f;
  float eps = -1e-6f;
};

/// From the slopes as stored, before their softplus.
Xielu make_xielu(float alpha_p, float alpha_n, float beta, float eps);

/// Weights of one feed-forward layer: down(activation(gate(x)) * up(x)), or
/// down(activation(up(x))) without a gate. Immutable after load.
struct MlpBlock {
  ResidualFrame frame;
  Activation activation = Activation::kSilu;
  /// In the place of `activation`; goes without a gate.
  std::optional<Xielu> xielu = std::nullopt;
  std::optional<Linear> gate;
  Linear up;
  Linear down;
  std::optional<Norm> inner_norm = std::nullopt;  ///< of what down gets
};

/// input, residual: (tokens, hidden) -> (tokens, hidden). `layer` chooses the
/// KvLayer of each sequence of `step`, which gets the new keys and values.
mlx::core::array attention_block(const mlx::core::array& input,
                                 const mlx::core::array& residual,
                                 const AttentionBlock& block, int layer,
                                 const Step& step);

/// input, residual: (tokens, hidden) -> (tokens, hidden).
mlx::core::array mlp_block(const mlx::core::array& input,
                           const mlx::core::array& residual,
                           const MlpBlock& block);

/// Element-wise.
mlx::core::array activate(const mlx::core::array& x, Activation activation);

}  // namespace abstractllm::ops
