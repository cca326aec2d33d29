// One loaded model and the thread that owns every MLX object of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/llm.h"
#include "engine/embedding_job.h"
#include "engine/generation.h"
#include "ops/cpu/kv_slab.h"
#include "ops/cpu/linear.h"

namespace abstractllm::io {
class AdapterFile;
class JsonConfig;
class WeightSource;
}  // namespace abstractllm::io

namespace abstractllm::engine {

enum class CpuBackend { kFast, kReference };

struct EngineOptions {
  CpuBackend cpu_backend = CpuBackend::kFast;
  /// None: by the size of the model.
  std::optional<ops::cpu::Precision> cpu_precision;
  /// Of the caches of the CPU kernels; none: by the precision.
  std::optional<ops::cpu::KvType> kv_cache_type;
  int threads = 0;         ///< 0: what the process may use
  int context_length = 0;  ///< tokens, at least 1
  int prefill_chunk = 0;   ///< tokens; 0: kDefaultPrefillChunk
  /// Requests that are computed together; 0: kDefaultParallel.
  int parallel_sequences = 0;
  /// Requests that may wait beside them; 0: kDefaultQueued.
  int max_queued_requests = 0;
  /// Memory for the caches of all sequences; 0: a share of what is available
  /// once the model is loaded.
  std::uint64_t kv_cache_bytes = 0;
  /// Jobs choose one by its place here, counted from 1; none is null.
  std::vector<std::shared_ptr<const io::AdapterFile>> adapters = {};
  /// Of scores.
  int score_adapter = 0;
  std::function<void(double)> on_load_progress;
};

inline constexpr int kDefaultPrefillChunk = 512;

/// Decoding reads all weights once for a whole batch; beyond about this many
/// rows a CPU is short of arithmetic instead.
inline constexpr int kDefaultParallel = 8;
inline constexpr int kDefaultQueued = 256;

/// Thread-safe: jobs that are there at the same time are computed together.
/// Which others are there changes none of their tokens. The destructor ends
/// all jobs as cancelled and waits for the thread.
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
  /// GenerationEnd, also when it fails later. Throws what Generation's
  /// constructor throws, and ResourceExceededError when too many jobs wait;
  /// then the channel gets nothing. This and the next two throw
  /// UnsupportedOperationError in a process forked from the one that loaded the
  /// model, where nothing would ever answer.
  void submit(GenerationJob job);

  /// Sum of the negative log-probabilities of ids[1..] in one pass, in windows
  /// of the context length where there are more. Blocks. Throws
  /// InvalidRequestError and CancelledError.
  Score score(std::vector<std::int32_t> ids, CancelToken cancel);

  /// One vector of length 1 for each text. Blocks. Throws InvalidRequestError,
  /// ContextWindowExceededError, MemoryExceededError and CancelledError.
  Vectors embed(EmbeddingJob job);

  int vocabulary_size() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace abstractllm::engine
