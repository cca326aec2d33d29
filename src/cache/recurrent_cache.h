// The cache of a layer that keeps a state of fixed size.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "ops/kv_layer.h"

namespace abstractllm::cache {

/// Holds a RecurrentState, for either implementation. It cannot go back: what
/// a state has seen cannot be taken out of it. `state_bytes`: what the state of
/// the layer takes, which predictions are made of.
std::unique_ptr<ops::KvLayer> make_recurrent_cache(std::size_t state_bytes);

}  // namespace abstractllm::cache
