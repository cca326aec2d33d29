// Reading of depthwise convolutions.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/convolution.h"

#include "io/weight_source.h"

namespace abstractllm::models {

ops::CausalConvolution read_convolution(const WeightReader& weights,
                                        const std::string& module, int channels,
                                        int kernel,
                                        const std::vector<float>& scales) {
  // Both layouts hold the taps of a channel side by side.
  const std::vector<float> stored =
      weights.vector(module + ".weight", std::int64_t{channels} * kernel);
  std::vector<float> taps(stored.size());
  for (int channel = 0; channel < channels; ++channel) {
    const float scale = scales.empty() ? 1.0f : scales[channel];
    for (int k = 0; k < kernel; ++k) {
      taps[static_cast<std::size_t>(k) * channels + channel] =
          stored[static_cast<std::size_t>(channel) * kernel + k] * scale;
    }
  }
  ops::CausalConvolution convolution{
      .kernel = kernel,
      .weight = mlx::core::array(taps.data(), {kernel, channels},
                                 mlx::core::float32)};
  if (weights.has_vector(module + ".bias")) {
    convolution.bias =
        ops::make_floats(weights.vector(module + ".bias", channels));
  }
  return convolution;
}

ops::ShortConvolutionBlock read_short_convolution(const WeightReader& weights,
                                                  int hidden, int kernel,
                                                  const std::string& module,
                                                  ops::ResidualFrame frame) {
  return {
      .frame = std::move(frame),
      .input = weights.linear(module + "in_proj", 3 * hidden, hidden,
                              Bias::kIfPresent),
      .convolution = read_convolution(weights, module + "conv", hidden, kernel),
      .output = weights.linear(module + "out_proj", hidden, hidden,
                               Bias::kIfPresent)};
}

bool is_converted_convolution(const io::WeightSource& weights,
                              const std::string& module) {
  const io::StoredTensor* tensor = weights.find_tensor(module + ".weight");
  return weights.is_gguf() || (tensor != nullptr && tensor->shape.size() == 3 &&
                               tensor->shape[1] != 1 && tensor->shape[2] == 1);
}

}  // namespace abstractllm::models
