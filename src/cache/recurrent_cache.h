// The cache of a layer that keeps a state of fixed size.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "ops/kv_layer.h"

namespace abstractllm::cache {

/// Holds a RecurrentState, for either implementation. It cannot go back: what
/// a state has seen cannot be taken out of it.
std::unique_ptr<ops::KvLayer> make_recurrent_cache();

}  // namespace abstractllm::cache
