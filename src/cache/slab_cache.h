// The KV cache of our CPU kernels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "ops/blocks.h"
#include "ops/cpu/kv_slab.h"
#include "ops/kv_layer.h"

namespace abstractllm::cache {

/// Keeps the window of a layer that slides. REQUIRES: spec.head_dim is one that the kernels take.
std::unique_ptr<ops::KvLayer> make_slab_cache(const ops::AttentionSpec& spec,
                                              ops::cpu::KvType type);

}  // namespace abstractllm::cache
