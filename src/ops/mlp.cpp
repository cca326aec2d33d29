// The feed-forward half of a layer, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "mlx/ops.h"
#include "ops/blocks.h"
#include "ops/residual.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

constexpr float kInverseSqrt2 = 0.70710678118654752f;
constexpr float kSqrt2OverPi = 0.79788456080286536f;

float softplus(float x) {
  return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x)));
}

mx::array apply_xielu(const mx::array& x, const Xielu& unit) {
  const auto scalar = [&](float value) { return mx::array(value, x.dtype()); };
  const mx::array line = scalar(unit.beta) * x;
  const mx::array above = scalar(unit.positive) * mx::square(x) + line;
  const mx::array below = (mx::expm1(mx::minimum(x, scalar(unit.eps))) - x) *
                              scalar(unit.negative) +
                          line;
  return mx::where(mx::greater(x, scalar(0)), above, below);
}

}  // namespace

Xielu make_xielu(float alpha_p, float alpha_n, float beta, float eps) {
  return {.positive = softplus(alpha_p),
          .negative = beta + softplus(alpha_n),
          .beta = beta,
          .eps = eps};
}

mx::array activate(const mx::array& x, Activation activation) {
  const auto scalar = [&](float value) { return mx::array(value, x.dtype()); };
  switch (activation) {
    case Activation::kSilu:
      return x * mx::sigmoid(x);
    case Activation::kGelu:
      return x * (mx::erf(x * scalar(kInverseSqrt2)) + scalar(1)) *
             scalar(0.5f);
    case Activation::kGeluTanh: {
      const mx::array inner = (x + scalar(0.044715f) * x * x * x);
      return scalar(0.5f) * x *
             (scalar(1) + mx::tanh(scalar(kSqrt2OverPi) * inner));
    }
    case Activation::kQuickGelu:
      return x * mx::sigmoid(scalar(1.702f) * x);
    case Activation::kRelu:
      return mx::maximum(x, scalar(0));
    case Activation::kReluSquared:
      return mx::square(mx::maximum(x, scalar(0)));
  }
  return x;
}

mx::array enter_frame(const mx::array& input, const ResidualFrame& frame) {
  return frame.before ? normalise(input, *frame.before) : input;
}

mx::array leave_frame(const mx::array& x, const mx::array& residual,
                      const ResidualFrame& frame) {
  mx::array y = frame.after ? normalise(x, *frame.after) : x;
  if (frame.scale != 1.0f) y = y * mx::array(frame.scale, y.dtype());
  return residual + y;
}

mx::array mlp_block_stock(const mx::array& input, const mx::array& residual,
                          const MlpBlock& block) {
  const mx::array x = enter_frame(input, block.frame);
  const mx::array up = linear(x, block.up);
  mx::array hidden =
      block.gate    ? activate(linear(x, *block.gate), block.activation) * up
      : block.xielu ? apply_xielu(up, *block.xielu)
                    : activate(up, block.activation);
  if (block.inner_norm) hidden = normalise(hidden, *block.inner_norm);
  return leave_frame(linear(hidden, block.down), residual, block.frame);
}

}  // namespace abstractllm::ops
