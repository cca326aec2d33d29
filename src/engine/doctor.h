// Whether a model runs on this machine, before a weight is read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "abstractllm/factory.h"
#include "engine/engine.h"

namespace abstractllm::engine {

/// What the machine gives; a test may give another.
struct MachineFacts {
  std::string mlx_version;
  bool has_metal = false;
  bool has_cuda = false;
  std::string simd;  ///< "AVX-512, VNNI"
  int logical_cores = 0;
  int usable_threads = 0;
  std::uint64_t memory_available = 0;

  static MachineFacts of_this_machine();
};

/// As abstractllm::diagnose. Of `options` count the backend, the precision, the
/// type of the caches and the context length, 0 being the model's own.
Diagnosis diagnose(std::string_view model, const MachineFacts& machine,
                   const EngineOptions& options = {});

}  // namespace abstractllm::engine
