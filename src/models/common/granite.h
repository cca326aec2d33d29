// The multipliers of the Granite families.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/moe_layers.h"

namespace abstractllm::models {

/// Writes embedding_multiplier, attention_multiplier, residual_multiplier and
/// logits_scaling into `parts`.
void apply_granite_multipliers(const io::JsonConfig& config,
                               DecoderParts& parts);

/// Of granite_swa and granitemoe_swa: every fourth layer from the first on sees
/// all unless layer_types says otherwise.
/// `eps`: where rms_norm_eps is absent.
DenseConfig read_granite_window_config(const io::JsonConfig& config,
                                       double eps);

/// Sinks, and the rotations of layer_rope_theta (0: none), into `parts`.
void apply_granite_windows(const ModelSource& source, const DenseConfig& config,
                           DecoderParts& parts);

/// The experts whose modules begin with `prefix` ("...block_sparse_moe."):
/// router.layer, input_linear with the gate before the up rows, output_linear;
/// or mlx-lm's switch_mlp. Throws ModelLoadingError.
ops::MoeBlock read_granite_moe(const WeightReader& weights,
                               const DenseConfig& config, const MoeConfig& moe,
                               const std::string& prefix,
                               ops::ResidualFrame frame);

/// The unit beside the experts of the layer whose modules begin with `prefix`:
/// gate and up rows in one tensor, or in mlx-lm's two.
ops::SharedExpert read_granite_unit(const WeightReader& weights, int hidden,
                                    int inner, const std::string& prefix);

}  // namespace abstractllm::models
