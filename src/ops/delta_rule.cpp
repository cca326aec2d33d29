// The gated delta rule, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/delta_rule.h"

#include <cmath>
#include <vector>

#include "mlx/ops.h"
#include "ops/residual.h"
#include "ops/stock_recurrence.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

constexpr float kLengthEps = 1e-6f;

mx::array of_length_one(const mx::array& x) {
  const mx::array squares = mx::sum(mx::square(x), -1, /* keepdims = */ true);
  return x * mx::rsqrt(squares + mx::array(kLengthEps));
}

// One token's or all tokens' inputs of the recurrence, float32.
struct Inputs {
  mx::array query;  // (tokens, heads, key_dim)
  mx::array key;    // (tokens, heads, key_dim)
  mx::array value;  // (tokens, heads, value_dim)
  mx::array kept;   // (tokens, heads)
  mx::array share;  // (tokens, heads)
};

// -> (tokens, heads, value_dim)
mx::array scan(const DeltaRuleSpec& spec, const Inputs& inputs,
               RecurrentState& state) {
  if (!state.memory) {
    state.memory = mx::zeros({spec.value_heads, spec.value_dim, spec.key_dim},
                             mx::float32);
  }
  std::vector<mx::array> outputs;
  for (int t = 0; t < inputs.value.shape(0); ++t) {
    const auto row = [t](const mx::array& x) {
      return mx::expand_dims(mx::take(x, t, 0), 1);  // (heads, 1, ...)
    };
    const mx::array kept = mx::expand_dims(row(inputs.kept), 2);
    const mx::array memory = *state.memory * kept;
    const mx::array key = row(inputs.key);
    const mx::array known = mx::sum(memory * key, -1);  // (heads, value_dim)
    const mx::array missing =
        (mx::take(inputs.value, t, 0) - known) * row(inputs.share);
    state.memory = memory + mx::expand_dims(missing, 2) * key;
    outputs.push_back(mx::sum(*state.memory * row(inputs.query), -1));
  }
  return mx::stack(outputs, 0);
}

Inputs make_inputs(const DeltaRuleBlock& block, const mx::array& projected,
                   const mx::array& rates, RecurrentState& state) {
  const DeltaRuleSpec& spec = block.spec;
  const int tokens = projected.shape(0);
  const mx::array mixed =
      mx::astype(activate(convolve(slice_columns(projected, 0, spec.channels()),
                                   block.convolution, state),
                          Activation::kSilu),
                 mx::float32);
  const auto keys = [&](int first) {
    const mx::array heads =
        mx::reshape(slice_columns(mixed, first, spec.keys()),
                    {tokens, spec.key_heads, spec.key_dim});
    return mx::repeat(of_length_one(heads), spec.value_heads / spec.key_heads,
                      1);
  };
  const mx::array wide = mx::astype(rates, mx::float32);
  const float scale = 1.0f / std::sqrt(static_cast<float>(spec.key_dim));
  const mx::array steps =
      softplus(slice_columns(wide, spec.value_heads, spec.value_heads) +
               block.step_bias);
  return {
      .query = keys(0) * mx::array(scale),
      .key = keys(spec.keys()),
      .value = mx::reshape(slice_columns(mixed, 2 * spec.keys(), spec.values()),
                           {tokens, spec.value_heads, spec.value_dim}),
      .kept = mx::exp(steps * block.decay),
      .share = mx::sigmoid(slice_columns(wide, 0, spec.value_heads)) *
               mx::array(spec.share_scale)};
}

}  // namespace

mx::array delta_rule_block_stock(const mx::array& input,
                                 const mx::array& residual,
                                 const DeltaRuleBlock& block, int layer,
                                 const Step& step) {
  const DeltaRuleSpec& spec = block.spec;
  const mx::array x = enter_frame(input, block.frame);
  const mx::array projected = linear(x, block.input);
  const mx::array rates = linear(x, block.rates);
  const mx::array joined = mx::concatenate({projected, rates}, 1);
  const int width = projected.shape(1);
  const mx::array mixed = each_sequence(
      joined, layer, step, [&](const mx::array& rows, RecurrentState& state) {
        const Inputs inputs = make_inputs(
            block, slice_columns(rows, 0, width),
            slice_columns(rows, width, 2 * spec.value_heads), state);
        const mx::array y =
            mx::astype(scan(spec, inputs, state), projected.dtype());
        return mx::reshape(normalise(y, block.norm),
                           {rows.shape(0), spec.values()});
      });
  const mx::array gate =
      activate(slice_columns(projected, spec.channels(), spec.values()),
               Activation::kSilu);
  return leave_frame(linear(mixed * gate, block.output), residual, block.frame);
}

mx::array delta_rule_block(const mx::array& input, const mx::array& residual,
                           const DeltaRuleBlock& block, int layer,
                           const Step& step) {
  return block.input.packed()
             ? delta_rule_block_cpu(input, residual, block, layer, step)
             : delta_rule_block_stock(input, residual, block, layer, step);
}

}  // namespace abstractllm::ops
