// How the tensors are called that a matrix of a checkpoint consists of.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace abstractllm::convert {

/// Parts of a module beside the one that names it.
inline constexpr std::array<std::string_view, 14> kCompanions{
    ".scales",
    ".biases",
    ".qzeros",
    ".g_idx",
    ".weight_scale",
    ".weight_scale_inv",
    ".weight_scale_2",
    ".weight_shape",
    ".weight_g_idx",
    ".weight_zero_point",
    ".input_scale",
    ".input_global_scale",
    ".weight_global_scale",
    ".v_b.weight",
};
/// One of which names it.
inline constexpr std::array<std::string_view, 4> kMains{
    ".qweight", ".weight_packed", ".k_b.weight", ".weight"};
}  // namespace abstractllm::convert
