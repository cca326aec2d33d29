// The runs behind `allm bench`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "abstractllm/llm.h"

namespace abstractllm::cli {

struct BenchRuns {
  int prompt_tokens = 512;
  int max_tokens = 128;
  int repeat = 5;
  int warmup = 1;
  int concurrency = 1;  ///< answers at once
  unsigned seed = 0;
};

/// Mean seconds of one decode step of a run, and where they went.
struct DecodeStep {
  double seconds = 0;
  double build = 0;
  double kernels = 0;
  double sampling = 0;
};

/// One value a run.
struct Measurements {
  std::vector<double> prefill;      ///< tokens/s
  std::vector<double> decode;       ///< tokens/s, of all answers together
  std::vector<double> first_token;  ///< seconds
  std::vector<DecodeStep> steps;    ///< empty where the engine does not tell
};

/// Runs `runs.warmup` times without and `runs.repeat` times with a record. Each
/// run has prompts of its own, so that none finds another's in the cache.
///
/// With several answers at once, the prompts are computed first, one after the
/// other; then all are asked again together, from the cache, and decode counts
/// every token until the last answer ends. Throws the model's errors, and
/// GenerationError where an answer is too short to measure.
Measurements measure(const BenchRuns& runs, AbstractLLMInterface& model);

}  // namespace abstractllm::cli
