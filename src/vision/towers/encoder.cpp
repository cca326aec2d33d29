// Layers and small parts of towers.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/encoder.h"

#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
#include "mlx/ops.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

mx::array projected(const mx::array& x, const ops::Linear& linear,
                    const std::optional<ops::Norm>& norm) {
  const mx::array y = ops::linear(x, linear);
  return norm ? ops::normalise(y, *norm) : y;
}

// x: (tokens, hidden) -> the same shape.
mx::array output_of(const EncoderLayer& layer, const mx::array& x,
                    const std::shared_ptr<const ops::EncoderLayout>& layout) {
  const mx::array normed = ops::normalise(x, layer.norm);
  ops::EncoderAttentionSpec spec = layer.spec;
  spec.bf16 = layer.query.is_bf16();
  const mx::array attended =
      ops::encoder_attention(layer.query.backend(), spec,
                             projected(normed, layer.query, layer.query_norm),
                             projected(normed, layer.key, layer.key_norm),
                             ops::linear(normed, layer.value), layout);
  mx::array added = ops::linear(attended, layer.output);
  if (layer.attention_scale) added = added * *layer.attention_scale;
  const mx::array mixed = x + added;
  if (!layer.mlp_scale) return ops::mlp_block(mixed, mixed, layer.mlp);
  return mixed + ops::mlp_block(mixed, mx::zeros_like(mixed), layer.mlp) *
                     *layer.mlp_scale;
}

}  // namespace

ops::EncoderAttentionSpec plain_heads(int heads, int head_dim) {
  return {.heads = heads,
          .head_dim = head_dim,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_dim))};
}

mx::array run_layer(const mx::array& x, const EncoderLayer& layer,
                    const std::shared_ptr<const ops::EncoderLayout>& layout,
                    Stages& stages) {
  stages.push_back(output_of(layer, x, layout));
  return stages.back();
}

mx::array run_layers(const mx::array& x,
                     const std::vector<EncoderLayer>& layers,
                     const std::shared_ptr<const ops::EncoderLayout>& layout,
                     Stages& stages) {
  mx::array y = x;
  for (const EncoderLayer& layer : layers) {
    y = run_layer(y, layer, layout, stages);
  }
  return y;
}

mx::array run(const mx::array& x, const TwoLinears& block) {
  return ops::linear(
      ops::activate(ops::linear(x, block.first), block.activation),
      block.second);
}

std::shared_ptr<const ops::EncoderLayout> equal_stretches(int count,
                                                          int tokens) {
  auto layout = std::make_shared<ops::EncoderLayout>();
  for (int i = 1; i <= count; ++i) layout->ends.push_back(i * tokens);
  return layout;
}

mx::array cut_patches(const mx::array& pixels, int size) {
  const int images = pixels.shape(0);
  const int channels = pixels.shape(1);
  const int rows = pixels.shape(2) / size;
  const int columns = pixels.shape(3) / size;
  const mx::array cut =
      mx::reshape(pixels, {images, channels, rows, size, columns, size});
  return mx::reshape(mx::transpose(cut, {0, 2, 4, 1, 3, 5}),
                     {images * rows * columns, channels * size * size});
}

mx::array with_class_token(const mx::array& patches, const mx::array& token) {
  const int images = patches.shape(0);
  const int hidden = patches.shape(2);
  const mx::array tokens = mx::broadcast_to(
      mx::reshape(mx::astype(token, patches.dtype()), {1, 1, hidden}),
      {images, 1, hidden});
  return mx::concatenate({tokens, patches}, 1);
}

mx::array join_squares(const mx::array& x, int factor) {
  const int images = x.shape(0);
  const int hidden = x.shape(2);
  const int side =
      static_cast<int>(std::lround(std::sqrt(x.shape(1)))) / factor;
  const mx::array squares = mx::transpose(
      mx::reshape(x, {images, side, factor, side, factor, hidden}),
      {0, 1, 3, 2, 4, 5});
  return mx::reshape(squares, {images * side * side, factor * factor * hidden});
}

int square_side(const io::JsonConfig& config, const char* field) {
  const auto sides = config.find_ints(field);
  constexpr std::int64_t kMost = 1 << 14;
  const bool fits =
      sides && !sides->empty() &&
      std::all_of(sides->begin(), sides->end(), [&](std::int64_t side) {
        return side == sides->front() && side > 0 && side <= kMost;
      });
  if (!fits) {
    throw ModelLoadingError("[config] vision_config." + std::string(field) +
                            " is missing or not one side of a square of at "
                            "most " +
                            std::to_string(kMost));
  }
  return static_cast<int>(sides->front());
}

mx::array pixel_array(const FloatTensor& pixels, int rest) {
  const auto dimensions = static_cast<int>(pixels.shape.size());
  std::size_t count = 1;
  for (const int size : pixels.shape) count *= static_cast<std::size_t>(size);
  if (dimensions < rest || count != pixels.values.size() || count == 0) {
    throw InvalidRequestError(
        "[vision] the pixel values have " + std::to_string(dimensions) +
        " dimensions, expected at least " + std::to_string(rest));
  }
  mx::Shape shape{1};
  for (int i = 0; i < dimensions - rest; ++i) shape[0] *= pixels.shape[i];
  shape.insert(shape.end(), pixels.shape.end() - rest, pixels.shape.end());
  return mx::array(pixels.values.data(), shape, mx::float32);
}

const std::vector<std::int32_t>& integers(const ImageInputs& image,
                                          const char* name, std::size_t count) {
  const auto found = image.integers.find(name);
  if (found == image.integers.end() || found->second.values.size() < count) {
    throw InvalidRequestError("[vision] the image has no " + std::string(name));
  }
  return found->second.values;
}

}  // namespace abstractllm::vision
