// Reading of depthwise convolutions.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/convolution.h"

namespace abstractllm::models {

ops::CausalConvolution read_convolution(const WeightReader& weights,
                                        const std::string& module, int channels,
                                        int kernel) {
  // Both layouts hold the taps of a channel side by side.
  const std::vector<float> stored =
      weights.vector(module + ".weight", std::int64_t{channels} * kernel);
  std::vector<float> taps(stored.size());
  for (int channel = 0; channel < channels; ++channel) {
    for (int k = 0; k < kernel; ++k) {
      taps[static_cast<std::size_t>(k) * channels + channel] =
          stored[static_cast<std::size_t>(channel) * kernel + k];
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

}  // namespace abstractllm::models
