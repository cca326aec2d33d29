// DeepSeek's unfolding of latents, where a file has it in two parts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/weight_matrix.h"

namespace abstractllm::io {

/// The published matrix of (heads * (plain + values), latent) from the part for
/// keys, turned over, (heads, latent, plain), and that for values, (heads,
/// values, latent). The keys are widened into memory. Throws ModelLoadingError
/// if the two do not fit.
WeightMatrix join_latent(const WeightMatrix& keys, const WeightMatrix& values);

/// What the parts are called here, where mlx-lm has names of its own for them:
/// "X.kv_b_proj.k_b.*" and "X.kv_b_proj.v_b.*". Any other name is itself.
std::string published_name(const std::string& name);

}  // namespace abstractllm::io
