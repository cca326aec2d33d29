// Matrices of checkpoints that other tools have quantised: GPTQ, AWQ, FP8,
// ModelOpt and compressed-tensors, and MLX's modes of small floats.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "io/quantization_config.h"
#include "io/stored_tensor.h"
#include "io/weight_matrix.h"

namespace abstractllm::io {

/// The stored tensor of a name, null if there is none; counts as read.
using TensorLookup = std::function<const StoredTensor*(const std::string&)>;

/// Whether `tensor` says how a quantised checkpoint would round activations or
/// what is cached of them, which stay as they are here.
bool is_of_activations(std::string_view tensor);

/// The weight of `module` where it is stored as `config` says, or nothing where
/// it is stored plainly. Codes stay codes; rows whose columns have no common
/// groups, and FP8, are dense. Throws ModelLoadingError naming the tensors for
/// shapes that do not fit each other.
std::optional<WeightMatrix> read_packed(const QuantizationConfig& config,
                                        const std::string& module,
                                        const TensorLookup& find);

/// Columns of the largest group that the kernels take and that groups of
/// `stored` columns are made of; 0 if there is none.
int kernel_group(std::int64_t stored, std::int64_t columns);

/// MLX's "mxfp8": e4m3 bytes, four in a U32 word, with an e8m0 byte for 32.
WeightMatrix read_mxfp8(const StoredTensor& weight, const StoredTensor& scales);

/// MLX's "nvfp4": e2m1 codes, eight in a U32 word, with an e4m3 byte for 16.
WeightMatrix read_nvfp4(const StoredTensor& weight, const StoredTensor& scales);

}  // namespace abstractllm::io
