// KV cache kinds for stock MLX: full, and rotating for sliding windows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "ops/backend.h"
#include "ops/blocks.h"
#include "ops/kv_layer.h"

namespace abstractllm::cache {

/// Keeps every position. Grows in steps of 256 positions. `position_bytes`: of
/// the key and the value of one position, which predictions are made of.
std::unique_ptr<ops::KvLayer> make_full_cache(std::size_t position_bytes);

/// Keeps at least the last window - 1 positions, which is all that the next
/// token may look at beside itself. Going back is possible as long as the
/// window before it is still there.
/// REQUIRES window >= 1.
std::unique_ptr<ops::KvLayer> make_rotating_cache(int window,
                                                  std::size_t position_bytes);

/// The kind that `spec` needs on `backend`.
std::unique_ptr<ops::KvLayer> make_kv_layer(const ops::Backend& backend,
                                            const ops::AttentionSpec& spec);

}  // namespace abstractllm::cache
