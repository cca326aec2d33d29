// The KV cache of our CPU kernels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "ops/blocks.h"
#include "ops/kv_layer.h"

namespace abstractllm::cache {

/// Half precision, or float32 where `exact`. Keeps the window of a layer that
/// slides. REQUIRES: spec.head_dim is one that the kernels take.
std::unique_ptr<ops::KvLayer> make_slab_cache(const ops::AttentionSpec& spec,
                                              bool exact);

}  // namespace abstractllm::cache
