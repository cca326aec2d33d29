// What the Hunyuan families share: norms of queries and keys behind their
// rotation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// `traits` gets the names; the parts' norms move behind the rotation.
DecoderParts read_hunyuan_parts(const ModelSource& source,
                                const DenseConfig& config, DenseTraits traits);

}  // namespace abstractllm::models
