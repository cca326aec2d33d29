// One loaded model and the thread that owns every MLX object of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/llm.h"
#include "engine/token_channel.h"
#include "ops/cpu/linear.h"
#include "types/resolve.h"

namespace abstractllm::io {
class JsonConfig;
class WeightSource;
}  // namespace abstractllm::io

namespace abstractllm::engine {

enum class CpuBackend { kFast, kReference };

struct EngineOptions {
  CpuBackend cpu_backend = CpuBackend::kFast;
  ops::cpu::Precision cpu_precision = ops::cpu::Precision::kInt8Pair;
  int threads = 0;         ///< 0: what the process may use
  int context_length = 0;  ///< tokens, at least 1
  int prefill_chunk = 0;   ///< tokens; 0: kDefaultPrefillChunk
  std::function<void(double)> on_load_progress;
};

inline constexpr int kDefaultPrefillChunk = 512;

/// One generation over token ids.
struct GenerationJob {
  std::vector<std::int32_t> prompt;  ///< not empty
  types::SamplingOptions options;
  std::vector<std::int32_t> end_tokens;
  CancelToken cancel;
  std::shared_ptr<TokenChannel> channel;
};

/// Thread-safe: jobs are queued and run one after the other. The destructor
/// ends the running job as cancelled and waits for the thread.
class Engine {
 public:
  /// Builds the model on the engine thread and returns when it is ready.
  /// `config` and `weights` are needed only until then. Throws
  /// ModelLoadingError, UnsupportedModelError and MemoryExceededError.
  Engine(const io::JsonConfig& config, const io::WeightSource& weights,
         EngineOptions options);
  ~Engine();

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Queues a job. Its channel gets tokens and then exactly one
  /// GenerationEnd, also when it fails.
  void submit(GenerationJob job);

  /// Sum of the negative log-probabilities of ids[1..] in one pass, in windows
  /// of the context length where there are more. Blocks.
  Score score(std::vector<std::int32_t> ids, CancelToken cancel);

  int vocabulary_size() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace abstractllm::engine
