// What Qwen 3 Next and Qwen 3.5 share: layers of linear attention by the gated
// delta rule between layers of gated attention.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// layer_types or full_attention_interval: whether layer `layer` sees all.
bool sees_all(const io::JsonConfig& config, int layer);

/// The linear_* fields. Throws ModelLoadingError.
ops::DeltaRuleSpec read_delta_rule_spec(const io::JsonConfig& config);

/// The mixer whose modules begin with `module` ("...linear_attn."), with its
/// projections fused by key heads or one by one.
ops::DeltaRuleBlock read_delta_rule(const WeightReader& weights,
                                    const DenseConfig& config,
                                    const ops::DeltaRuleSpec& spec, int kernel,
                                    const std::string& module,
                                    ops::ResidualFrame frame);

/// What is added to stored norm weights: published ones are w - 1, mlx-lm adds
/// the one. Modules of a layer begin with `prefix` and its number.
float delta_net_norm_offset(const ModelSource& source, int layers,
                            const std::string& prefix);

}  // namespace abstractllm::models
