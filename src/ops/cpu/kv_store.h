// Where keys and values go in a page, and how they are rounded on the way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ops/cpu/kv_slab.h"

namespace abstractllm::ops::cpu {

/// Stores a key or a value of `size` dimensions at `slot` of a page's part.
void store_key(KvType type, const float* key, int size, int padded_size,
               int slot, std::byte* keys);
void store_value(KvType type, const float* value, int size, int slot,
                 std::byte* values);

}  // namespace abstractllm::ops::cpu
