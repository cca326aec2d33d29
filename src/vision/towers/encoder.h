// The layers that all towers are made of.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/json_config.h"
#include "models/common/weight_reader.h"
#include "ops/blocks.h"
#include "ops/encoder_attention.h"
#include "vision/processor.h"
#include "vision/towers/stages.h"

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
  /// Over all heads together, of queries and keys.
  std::optional<ops::Norm> query_norm = std::nullopt;
  std::optional<ops::Norm> key_norm = std::nullopt;
  /// (hidden): multiply what the attention and the feed-forward half add.
  std::optional<mlx::core::array> attention_scale = std::nullopt;
  std::optional<mlx::core::array> mlp_scale = std::nullopt;
};

/// Heads whose scores are divided by the root of their size.
ops::EncoderAttentionSpec plain_heads(int heads, int head_dim);

/// x: (tokens, hidden) -> the same shape, which is one more of `stages`.
mlx::core::array run_layer(
    const mlx::core::array& x, const EncoderLayer& layer,
    const std::shared_ptr<const ops::EncoderLayout>& layout, Stages& stages);

/// All of `layers` one after the other.
mlx::core::array run_layers(
    const mlx::core::array& x, const std::vector<EncoderLayer>& layers,
    const std::shared_ptr<const ops::EncoderLayout>& layout, Stages& stages);

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

/// (images, channels, height, width) -> (images * patches, values of a patch);
/// height and width are multiples of `size`.
mlx::core::array cut_patches(const mlx::core::array& pixels, int size);

/// (images, patches, hidden) -> (images, 1 + patches, hidden): `token`,
/// (hidden), before the patches of each image.
mlx::core::array with_class_token(const mlx::core::array& patches,
                                  const mlx::core::array& token);

/// (images, side * side, hidden) -> (images * squares, factor^2 * hidden): the
/// patches of each square of factor x factor in one row.
mlx::core::array join_squares(const mlx::core::array& x, int factor);

/// A field that is one number, or as many equal ones as there are axes. Throws
/// ModelLoadingError if it is missing or the axes differ.
int square_side(const io::JsonConfig& config, const char* field);

/// The processor's values as an array of shape (count, rest...), where `rest`
/// are the last `rest` dimensions and count is the product of the others.
/// Throws InvalidRequestError if there are fewer dimensions.
mlx::core::array pixel_array(const FloatTensor& pixels, int rest);

/// The values of `name`. Throws InvalidRequestError if they are missing or
/// fewer than `count`.
const std::vector<std::int32_t>& integers(const ImageInputs& image,
                                          const char* name, std::size_t count);

}  // namespace abstractllm::vision
