// Architectures of which mlx-lm changes more than the layout of matrices.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "convert/mlx_layout.h"
#include "io/weight_source.h"

namespace abstractllm::convert {

/// Adds to `layout` what mlx-lm's `sanitize` does to the numbers of Qwen3-Next
/// and Falcon H1; nothing for any other model, and for one that it is done to
/// already. Copies of `weights` live as long as the result. Throws
/// ModelLoadingError.
void lay_out_family(const io::WeightSource& weights, MlxLayout& layout);

}  // namespace abstractllm::convert
