// The cache of a layer that keeps nothing of a sequence.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "ops/kv_layer.h"

namespace abstractllm::cache {

/// Counts what reserve() is told and can go anywhere; append() and view() throw
/// InternalError.
std::unique_ptr<ops::KvLayer> make_empty_cache();

}  // namespace abstractllm::cache
