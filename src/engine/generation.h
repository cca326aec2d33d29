// One generation on the engine thread: prefill, then token by token.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "engine/engine.h"
#include "models/model.h"
#include "models/sequence.h"

namespace abstractllm::engine {

/// What a generation runs on; references outlive the call.
struct GenerationContext {
  const models::Model& model;
  models::Sequence& sequence;
  int context_length;
  int prefill_chunk;
  const CancelToken& shutdown;
  std::chrono::steady_clock::time_point queued;
};

/// Runs `job` to its end. Never throws: a failure is the job's GenerationEnd,
/// after which the sequence is empty.
void run_generation(const GenerationJob& job, const GenerationContext& context);

}  // namespace abstractllm::engine
