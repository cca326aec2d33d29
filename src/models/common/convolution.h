// Stored convolutions over time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/weight_reader.h"
#include "ops/recurrent.h"

namespace abstractllm::models {

/// `module`.weight, (channels, 1, kernel) or mlx-lm's (channels, kernel, 1),
/// and `module`.bias where there is one. The weights of channel i are
/// multiplied by scales[i] unless that is empty. Throws ModelLoadingError.
ops::CausalConvolution read_convolution(const WeightReader& weights,
                                        const std::string& module, int channels,
                                        int kernel,
                                        const std::vector<float>& scales = {});

/// LFM's mixer, whose modules begin with `module` ("...conv."): in_proj, conv,
/// out_proj. Throws ModelLoadingError.
ops::ShortConvolutionBlock read_short_convolution(const WeightReader& weights,
                                                  int hidden, int kernel,
                                                  const std::string& module,
                                                  ops::ResidualFrame frame);

/// Whether `module` lies as mlx-lm and GGUF files have it, whose converters
/// also write other weights of some families in another form.
bool is_converted_convolution(const io::WeightSource& weights,
                              const std::string& module);

}  // namespace abstractllm::models
