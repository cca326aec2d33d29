// What the decoders that were trained with fairseq share: OPT, XGLM, BioGPT.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// Rows before that of the first position.
inline constexpr int kFairseqFirstPosition = 2;

/// Modules behind `root`, with norms before the halves of a layer and no final
/// one.
DenseNames fairseq_names(const std::string& root);

/// Their config: layer norms with torch's epsilon, as many heads of keys as of
/// queries. What is named otherwise is left for the family.
DenseConfig fairseq_config(const io::JsonConfig& config, const char* layers,
                           const char* heads, const char* hidden,
                           const char* intermediate);

/// Parts whose feed-forward halves are the modules fc1 and fc2.
DecoderParts read_fairseq_parts(const ModelSource& source,
                                const DenseConfig& config, DenseTraits traits);

/// `module`: (positions + 2, hidden), from the row of the first position on.
/// `positions`: where max_position_embeddings is absent.
ops::Linear read_fairseq_positions(const ModelSource& source,
                                   const DenseConfig& config,
                                   const std::string& module, int positions);

}  // namespace abstractllm::models
