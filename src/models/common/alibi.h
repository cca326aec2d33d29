// ALiBi: scores fall with the distance of a key.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/decoder.h"

namespace abstractllm::models {

/// arXiv:2108.12409: gives every attention layer the slopes of its heads, which
/// fall to 2^-`largest`, and takes its rotation away.
void place_by_alibi(DecoderParts& parts, double largest = 8);

/// Falcon's form of it, whose slopes and products are of bf16.
void place_by_rounded_alibi(DecoderParts& parts);

}  // namespace abstractllm::models
