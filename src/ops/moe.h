// Mixture of experts: a router sends each token through a few of many
// feed-forward networks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "ops/blocks.h"
#include "ops/expert_linear.h"

namespace abstractllm::ops {

enum class RouterScore {
  kSoftmax,
  kSigmoid,
  /// arXiv:2409.12136: one expert after the other by the largest output, each
  /// with its softmax among those within `jitter` of it that are left.
  kSparseMixer,
};

/// What stands for a group of experts where whole groups are chosen first.
enum class GroupScore { kLargest, kSumOfTwoLargest };

/// How experts are chosen by the scores of the router's outputs. Immutable.
struct RouterSpec {
  int chosen = 0;  ///< experts of a token
  RouterScore score = RouterScore::kSoftmax;
  /// The weights of the chosen experts are divided by their sum.
  bool normalise = false;
  float scale = 1.0f;  ///< multiplies the weights
  /// The weights multiply what the experts get instead of what they give.
  bool scales_input = false;
  /// Neighbouring experts form `groups` groups, of which those `kept` with the
  /// largest scores take part. 0: no groups.
  int groups = 0;
  int kept = 0;
  float jitter = 0;  ///< of kSparseMixer; half of the relative distance
  GroupScore group_score = GroupScore::kLargest;
};

/// Replaces activation(gate) * up by
/// min(gate, limit) * sigmoid(alpha * min(gate, limit)) *
/// (clamp(up, -limit, limit) + 1).
struct ClampedUnit {
  float limit = 7.0f;
  float alpha = 1.702f;
};

/// One gated feed-forward network a token always goes through.
struct SharedExpert {
  Linear gate;
  Linear up;
  Linear down;
  /// (1, hidden): its sigmoid multiplies the output; absent: 1.
  std::optional<Linear> weight = std::nullopt;
};

/// Weights of one layer of experts, each down(activation(gate(x)) * up(x)).
/// Immutable after load.
struct MoeBlock {
  ResidualFrame frame;
  Linear router;  ///< (experts, hidden)
  /// Of the input, for the router alone; absent: it gets what experts get.
  std::optional<Norm> router_norm = std::nullopt;
  /// (experts) float32: multiplies the weights behind their normalisation.
  /// Goes without kSparseMixer.
  std::optional<mlx::core::array> expert_scales = std::nullopt;
  /// (experts) float32, added to the scores for the choice only.
  std::optional<mlx::core::array> correction = std::nullopt;
  RouterSpec spec;
  Activation activation = Activation::kSilu;
  std::optional<ClampedUnit> clamped = std::nullopt;
  ExpertLinear gate;
  ExpertLinear up;
  ExpertLinear down;
  std::optional<SharedExpert> shared = std::nullopt;
};

/// Chosen experts of each token, best first or in no order, and their weights.
struct Routes {
  mlx::core::array experts;  ///< (tokens, chosen) uint32
  mlx::core::array weights;  ///< (tokens, chosen) float32
};

/// logits: (tokens, experts), over stock MLX operations.
Routes route(const mlx::core::array& logits,
             const std::optional<mlx::core::array>& correction,
             const RouterSpec& spec);

/// input, residual: (tokens, hidden) -> (tokens, hidden).
mlx::core::array moe_block(const mlx::core::array& input,
                           const mlx::core::array& residual,
                           const MoeBlock& block);

/// moe_block over stock MLX operations, on any backend.
mlx::core::array moe_block_stock(const mlx::core::array& input,
                                 const mlx::core::array& residual,
                                 const MoeBlock& block);

/// moe_block as one CPU kernel. `block` must outlive the evaluation.
/// REQUIRES: packed weights.
mlx::core::array moe_block_cpu(const mlx::core::array& input,
                               const mlx::core::array& residual,
                               const MoeBlock& block);

}  // namespace abstractllm::ops
