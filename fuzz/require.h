// Properties that a fuzz target states about what it tests.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace abstractllm::fuzz {

/// Ends the run where a property does not hold, as a crash would.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace abstractllm::fuzz
