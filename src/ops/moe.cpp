// Routing and experts, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/moe.h"

#include <cmath>

#include "mlx/ops.h"
#include "ops/residual.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// Keeps the sum of weights that all are 0 from being divided by.
constexpr float kTiny = 1e-20f;

// choice: (tokens, experts), with minus infinity outside the best groups.
mx::array keep_best_groups(const mx::array& choice, const RouterSpec& spec) {
  const int tokens = choice.shape(0);
  const int experts = choice.shape(1);
  const mx::array grouped =
      mx::reshape(choice, {tokens, spec.groups, experts / spec.groups});
  const mx::array score =
      spec.group_score == GroupScore::kLargest
          ? mx::max(grouped, -1)
          : mx::sum(mx::topk(grouped, 2, -1), -1);  // (tokens, groups)
  const mx::array least =
      mx::min(mx::topk(score, spec.kept, -1), -1, /* keepdims = */ true);
  const mx::array kept = mx::expand_dims(mx::greater_equal(score, least), 2);
  return mx::reshape(
      mx::where(kept, grouped, mx::array(-INFINITY, choice.dtype())),
      choice.shape());
}

// activation(gate) * up
mx::array gated_unit(const mx::array& gate, const mx::array& up,
                     const MoeBlock& block) {
  if (!block.clamped) return activate(gate, block.activation) * up;
  const auto scalar = [&](float value) {
    return mx::array(value, gate.dtype());
  };
  const mx::array limit = scalar(block.clamped->limit);
  const mx::array g = mx::minimum(gate, limit);
  const mx::array u = mx::clip(up, scalar(-block.clamped->limit), limit);
  return g * mx::sigmoid(g * scalar(block.clamped->alpha)) * (u + scalar(1));
}

mx::array run_shared(const mx::array& x, const SharedExpert& shared,
                     Activation activation) {
  const mx::array inner =
      activate(linear(x, shared.gate), activation) * linear(x, shared.up);
  const mx::array y = linear(inner, shared.down);
  return shared.weight ? y * mx::sigmoid(linear(x, *shared.weight)) : y;
}

// y: (tokens, experts) float32.
Routes mix_sparsely(const mx::array& y, const RouterSpec& spec) {
  const mx::array hidden(-INFINITY);
  const mx::array numbers =
      mx::expand_dims(mx::arange(0, y.shape(1), mx::int32), 0);
  mx::array left = y;
  std::vector<mx::array> experts;
  std::vector<mx::array> weights;
  for (int i = 0; i < spec.chosen; ++i) {
    const mx::array best = mx::max(left, -1, /* keepdims = */ true);
    const mx::array far = mx::greater(
        (best - y) / mx::maximum(mx::abs(y), best), mx::array(2 * spec.jitter));
    const mx::array expert = mx::argmax(left, -1, /* keepdims = */ true);
    const mx::array shares =
        mx::softmax(mx::where(far, hidden, left), -1, /* precise = */ true);
    experts.push_back(mx::astype(expert, mx::uint32));
    weights.push_back(mx::take_along_axis(shares, expert, -1));
    left = mx::where(mx::equal(numbers, mx::astype(expert, mx::int32)), hidden,
                     left);
  }
  return {mx::concatenate(experts, 1), mx::concatenate(weights, 1)};
}

}  // namespace

Routes route(const mx::array& logits,
             const std::optional<mx::array>& correction,
             const RouterSpec& spec) {
  const mx::array y = mx::astype(logits, mx::float32);
  if (spec.score == RouterScore::kSparseMixer) return mix_sparsely(y, spec);
  const mx::array scores = spec.score == RouterScore::kSoftmax
                               ? mx::softmax(y, -1, /* precise = */ true)
                               : mx::sigmoid(y);
  mx::array choice = correction ? scores + *correction : scores;
  if (spec.groups > 0) choice = keep_best_groups(choice, spec);
  mx::array experts =
      mx::argpartition(mx::negative(choice), spec.chosen - 1, -1);
  experts = mx::astype(
      mx::slice(experts, {0, 0}, {experts.shape(0), spec.chosen}), mx::uint32);
  mx::array weights = mx::take_along_axis(scores, experts, -1);
  if (spec.normalise) {
    weights = weights /
              (mx::sum(weights, -1, /* keepdims = */ true) + mx::array(kTiny));
  }
  return {experts, weights * mx::array(spec.scale)};
}

mx::array moe_block_stock(const mx::array& input, const mx::array& residual,
                          const MoeBlock& block) {
  const mx::array x = enter_frame(input, block.frame);
  const mx::array seen =
      block.router_norm ? normalise(input, *block.router_norm) : x;
  Routes routes =
      route(linear(seen, block.router), block.correction, block.spec);
  if (block.expert_scales) {
    routes.weights =
        routes.weights * mx::take(*block.expert_scales, routes.experts);
  }
  const mx::array weights =
      mx::astype(mx::expand_dims(routes.weights, 2), x.dtype());
  mx::array rows = mx::expand_dims(x, 1);
  if (block.spec.scales_input) rows = rows * weights;
  const mx::array inner =
      gated_unit(expert_linear(rows, block.gate, routes.experts),
                 expert_linear(rows, block.up, routes.experts), block);
  // (tokens, chosen, hidden)
  const mx::array outputs = expert_linear(inner, block.down, routes.experts);
  mx::array y =
      mx::sum(block.spec.scales_input ? outputs : outputs * weights, 1);
  if (block.shared) y = y + run_shared(x, *block.shared, block.activation);
  return leave_frame(y, residual, block.frame);
}

mx::array moe_block(const mx::array& input, const mx::array& residual,
                    const MoeBlock& block) {
  if (block.gate.packed()) return moe_block_cpu(input, residual, block);
  return moe_block_stock(input, residual, block);
}

}  // namespace abstractllm::ops
