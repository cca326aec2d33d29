// Where keys and values go in a page, and how they are rounded on the way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ops/cpu/kv_slab.h"

namespace abstractllm::ops::cpu {

/// Stores a key or a value of `size` dimensions at `slot` of a page's part. In
/// f16 finite numbers beyond 65504 become it.
void store_key(KvType type, const float* key, int size, int padded_size,
               int slot, std::byte* keys);
void store_value(KvType type, const float* value, int size, int slot,
                 std::byte* values);

/// Turns each 32 of `size` dimensions (and the last 16 of an odd multiple) by a
/// Hadamard matrix with signs before it: what one dimension holds is spread
/// over all of them, and products of two heads stay what they were. Caches of
/// int8 hold heads so. REQUIRES: `size` is a multiple of 16.
void turn_head(float* x, int size);

/// The inverse.
void turn_back(float* x, int size);

}  // namespace abstractllm::ops::cpu
