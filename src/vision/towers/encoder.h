// The layers that all towers are made of.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/common/weight_reader.h"
#include "ops/blocks.h"
#include "ops/encoder_attention.h"
#include "vision/processor.h"

namespace abstractllm::vision {

/// One layer: x + output(attention(norm(x))), then the feed-forward half.
/// Immutable after load.
struct EncoderLayer {
  ops::EncoderAttentionSpec spec;
  ops::Norm norm;
  ops::Linear query;
  ops::Linear key;
  ops::Linear value;
  ops::Linear output;
  ops::MlpBlock mlp;
};

/// x: (tokens, hidden) -> the same shape.
mlx::core::array run_layer(
    const mlx::core::array& x, const EncoderLayer& layer,
    const std::shared_ptr<const ops::EncoderLayout>& layout);

/// second(activation(first(x))): most connectors.
struct TwoLinears {
  ops::Linear first;
  ops::Activation activation;
  ops::Linear second;
};
mlx::core::array run(const mlx::core::array& x, const TwoLinears& block);

/// `count` stretches of `tokens` each.
std::shared_ptr<const ops::EncoderLayout> equal_stretches(int count,
                                                          int tokens);

/// The processor's values as an array of shape (count, rest...), where `rest`
/// are the last `rest` dimensions and count is the product of the others.
/// Throws InvalidRequestError if there are fewer dimensions.
mlx::core::array pixel_array(const FloatTensor& pixels, int rest);

/// The values of `name`. Throws InvalidRequestError if they are missing or
/// fewer than `count`.
const std::vector<std::int32_t>& integers(const ImageInputs& image,
                                          const char* name, std::size_t count);

}  // namespace abstractllm::vision
