// Layers and small parts of towers.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/encoder.h"

#include "abstractllm/error.h"
#include "mlx/ops.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

mx::array run_layer(const mx::array& x, const EncoderLayer& layer,
                    const std::shared_ptr<const ops::EncoderLayout>& layout) {
  const mx::array normed = ops::normalise(x, layer.norm);
  const mx::array attended = ops::encoder_attention(
      layer.query.backend(), layer.spec, ops::linear(normed, layer.query),
      ops::linear(normed, layer.key), ops::linear(normed, layer.value), layout);
  const mx::array mixed = x + ops::linear(attended, layer.output);
  return ops::mlp_block(mixed, mixed, layer.mlp);
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
