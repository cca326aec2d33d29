// The engine thread: loads the model, then steps as long as there are jobs.
// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "abstractllm/error.h"
#include "base/available_memory.h"
#include "engine/backend_choice.h"
#include "engine/batcher.h"
#include "engine/cache_budget.h"
#include "engine/embedding_run.h"
#include "engine/image_store.h"
#include "engine/perplexity.h"
#include "engine/wake_signal.h"
#include "io/adapter_file.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "mlx/compile.h"
#include "mlx/stream.h"
#include "models/registry.h"
#include "ops/cpu_state.h"
#include "vision/towers/tower.h"

namespace abstractllm::engine {

namespace {

// How soon a cancel is seen while every request waits for its reader: nobody
// rings for that.
constexpr std::chrono::milliseconds kPatience{20};

struct ScoreJob {
  std::vector<std::int32_t> ids;
  CancelToken cancel;
  std::promise<Score> result;
  std::unique_ptr<ScoreRun> run = nullptr;  // once begun
};

struct PendingEmbedding {
  EmbeddingJob job;
  std::promise<Vectors> result;
  std::unique_ptr<EmbeddingRun> run = nullptr;  // once begun
};

void check_length(const EmbeddingText& text, const GenerationLimits& limits) {
  const auto length = static_cast<int>(text.ids.size());
  if (length > limits.context_length) {
    throw ContextWindowExceededError(
        "[embedding] a text has " + std::to_string(length) +
            " tokens, the context length is " +
            std::to_string(limits.context_length),
        "Shorten it, or let it be cut (truncate).");
  }
  if (length > limits.cache_positions) {
    throw MemoryExceededError(
        "[embedding] a text has " + std::to_string(length) +
            " tokens, the memory for caches holds " +
            std::to_string(limits.cache_positions),
        "Shorten it, or allow more memory (kv_cache_bytes).");
  }
}

// What the model needs is packed by now. Pages around the weights that were
// read, and those between them, would count as resident for as long as it
// lives.
void release_pages(const io::WeightSource& weights) {
  const base::MappedFile* last = nullptr;
  for (const std::string& name : weights.names()) {
    const auto& file = weights.find_tensor(name)->file;
    if (file == nullptr || file.get() == last) continue;
    file->advise_dontneed(file->bytes());
    last = file.get();
  }
}

}  // namespace

class Engine::Thread {
 public:
  Thread(const io::JsonConfig& config, const io::WeightSource& weights,
         EngineOptions options)
      : options_(std::move(options)) {
    std::promise<void> loaded;
    std::future<void> ready = loaded.get_future();
    worker_ = std::thread([&, this, promise = std::move(loaded)]() mutable {
      run(config, weights, std::move(promise));
    });
    try {
      ready.get();
    } catch (...) {
      worker_.join();
      throw;
    }
  }

  ~Thread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_->raise();
    worker_.join();
  }

  // A child that was forked has a copy of everything but of the threads.
  bool is_here() const noexcept { return process_ == ::getpid(); }

  void submit(GenerationJob job) {
    check_process();
    const auto queued = Generation::Clock::now();
    job.channel->on_change([wake = wake_] { wake->raise(); });
    std::vector<std::int32_t> numbers;
    for (const JobImage& image : job.images) {
      numbers.push_back(image_numbers_.number(image.digest));
    }
    auto generation = std::make_unique<Generation>(std::move(job), limits_,
                                                   queued, std::move(numbers));
    {
      const std::lock_guard lock(mutex_);
      const auto waiting = static_cast<int>(arrived_.size()) + waiting_;
      if (waiting >= options_.max_queued_requests) {
        throw ResourceExceededError(
            "[engine] " + std::to_string(waiting) +
                " requests wait already, which is the limit",
            "Try again later, or allow more (max_queued_requests).");
      }
      arrived_.push_back(std::move(generation));
    }
    wake_->raise();
  }

  std::future<Score> submit(ScoreJob job) {
    check_process();
    std::future<Score> result = job.result.get_future();
    {
      const std::lock_guard lock(mutex_);
      arrived_scores_.push_back(std::move(job));
    }
    wake_->raise();
    return result;
  }

  std::future<Vectors> submit(EmbeddingJob job) {
    check_process();
    for (const EmbeddingText& text : job.texts) check_length(text, limits_);
    PendingEmbedding pending{.job = std::move(job), .result = {}};
    auto result = pending.result.get_future();
    {
      const std::lock_guard lock(mutex_);
      arrived_embeddings_.push_back(std::move(pending));
    }
    wake_->raise();
    return result;
  }

  // Immutable once loaded.
  const GenerationLimits& limits() const { return limits_; }

 private:
  void check_process() const {
    if (is_here()) return;
    throw UnsupportedOperationError(
        "[engine] the model was loaded by process " + std::to_string(process_) +
            ", which forked process " + std::to_string(::getpid()),
        "Load the model after the fork: a child has no threads of its parent.");
  }

  // From here on everything belongs to the engine thread, but for what the
  // mutex guards.
  void run(const io::JsonConfig& config, const io::WeightSource& weights,
           std::promise<void> loaded) {
    try {
      load(config, weights);
    } catch (...) {
      release();
      loaded.set_exception(std::current_exception());
      return;
    }
    loaded.set_value();
    while (take_arrived()) work();
    end_all();
    release();
  }

  void load(const io::JsonConfig& config, const io::WeightSource& weights) {
    // On the CPU mx::compile runs the system's compiler and is no faster.
    mlx::core::disable_compile();
    const ops::Backend backend = choose_backend(options_, hidden_size(config));
    model_ = models::make_model(
        {config, weights, backend, options_.on_load_progress});
    encodes_ = models::kind_of(config) == models::ModelKind::kEncoder;
    load_tower(config, weights, backend);
    release_pages(weights);
    adapters_.backend = backend;
    for (const auto& file : options_.adapters) {
      adapters_.list.push_back(ops::make_adapter(backend, *file));
    }
    // They hold the weights a second time.
    backend.adaptation->sites.clear();
    options_.adapters.clear();
    options_.on_load_progress = nullptr;
    const std::size_t cache_bytes = cache_budget(options_.kv_cache_bytes);
    limits_ = {.vocabulary = model_->vocabulary_size(),
               .context_length = options_.context_length,
               .cache_positions =
                   positions_in(cache_bytes, *model_, options_.context_length),
               .image_mode = model_->image_mode()};
    batcher_ = std::make_unique<Batcher>(
        *model_,
        BatcherOptions{.limits = {.parallel = options_.parallel_sequences,
                                  .kv_bytes = cache_bytes,
                                  .kept = options_.parallel_sequences},
                       .prefill_chunk = options_.prefill_chunk,
                       .pool = backend.cpu ? &backend.cpu->pool : nullptr,
                       .kernels = backend.cpu ? &backend.cpu->clock : nullptr,
                       .images = images_.get(),
                       .adapters = adapters_});
  }

  void load_tower(const io::JsonConfig& config, const io::WeightSource& weights,
                  const ops::Backend& backend) {
    const auto type = config.find_string("model_type");
    if (!type || !models::reads_images(*type)) return;
    // Adapters change what reads tokens alone; one of the tower's modules is
    // then refused by its name.
    ops::Backend plain = backend;
    plain.adaptation = nullptr;
    tower_ = vision::make_tower({config, weights, plain, nullptr});
    models::refuse_unread_tensors(weights);
    images_ = std::make_unique<ImageStore>(*tower_, kFeatureBytes, backend);
  }

  // False when the engine is to end.
  bool take_arrived() {
    const std::lock_guard lock(mutex_);
    for (auto& generation : arrived_) batcher_->add(std::move(generation));
    arrived_.clear();
    std::move(arrived_scores_.begin(), arrived_scores_.end(),
              std::back_inserter(scores_));
    arrived_scores_.clear();
    std::move(arrived_embeddings_.begin(), arrived_embeddings_.end(),
              std::back_inserter(embeddings_));
    arrived_embeddings_.clear();
    waiting_ = batcher_->waiting();
    return !stopping_;
  }

  void work() {
    const Batcher::Progress progress = batcher_->step();
    if (!scores_.empty() || !embeddings_.empty()) {
      if (!scores_.empty()) score();
      if (!embeddings_.empty()) embed();
      return;
    }
    if (progress == Batcher::Progress::kBlocked) wake_->wait_for(kPatience);
    if (progress == Batcher::Progress::kIdle) wake_->wait();
  }

  // One chunk of the score that came first.
  void score() {
    ScoreJob& job = scores_.front();
    try {
      if (!job.run) {
        job.run = std::make_unique<ScoreRun>(
            *model_, std::move(job.ids),
            ScoreOptions{.window = options_.context_length,
                         .chunk = options_.prefill_chunk,
                         .cancel = job.cancel,
                         .adapter = options_.score_adapter,
                         .adapters = adapters_});
      }
      if (job.run->advance()) return;
      job.result.set_value(job.run->score());
    } catch (...) {
      job.result.set_exception(std::current_exception());
    }
    scores_.pop_front();
  }

  // One chunk of the texts that came first.
  void embed() {
    PendingEmbedding& pending = embeddings_.front();
    try {
      if (!pending.run) {
        pending.run = std::make_unique<EmbeddingRun>(
            *model_, std::move(pending.job),
            EmbeddingOptions{.chunk = options_.prefill_chunk,
                             .parallel = options_.parallel_sequences,
                             .whole_texts = encodes_});
      }
      if (pending.run->advance()) return;
      pending.result.set_value(pending.run->take_vectors());
    } catch (...) {
      pending.result.set_exception(std::current_exception());
    }
    embeddings_.pop_front();
  }

  void end_all() {
    batcher_->cancel_all();
    for (PendingEmbedding& pending : embeddings_) {
      pending.result.set_exception(std::make_exception_ptr(
          CancelledError("[embedding] the engine is shutting down")));
    }
    for (ScoreJob& job : scores_) {
      job.result.set_exception(std::make_exception_ptr(
          CancelledError("[score] the engine is shutting down")));
    }
  }

  // MLX's streams are per thread and want to be gone before it ends.
  void release() {
    scores_.clear();
    embeddings_.clear();
    batcher_.reset();
    images_.reset();
    tower_.reset();
    adapters_ = {};
    model_.reset();
    mlx::core::clear_streams();
  }

  const pid_t process_ = ::getpid();
  EngineOptions options_;
  GenerationLimits limits_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<vision::VisionTower> tower_;  // null: text only
  std::unique_ptr<ImageStore> images_;
  StepAdapters adapters_;
  std::unique_ptr<Batcher> batcher_;
  std::deque<ScoreJob> scores_;
  std::deque<PendingEmbedding> embeddings_;
  bool encodes_ = false;  // an encoder: it generates nothing

  ImageNumbers image_numbers_;
  // Outlives the thread, as readers of channels may ring late.
  const std::shared_ptr<WakeSignal> wake_ = std::make_shared<WakeSignal>();
  std::mutex mutex_;
  std::vector<std::unique_ptr<Generation>> arrived_;
  std::vector<ScoreJob> arrived_scores_;
  std::vector<PendingEmbedding> arrived_embeddings_;
  int waiting_ = 0;  // in the batcher, when last seen
  bool stopping_ = false;
  std::thread worker_;
};

namespace {

EngineOptions with_defaults(EngineOptions options) {
  const auto fill = [](int& value, int otherwise) {
    if (value == 0) value = otherwise;
  };
  fill(options.prefill_chunk, kDefaultPrefillChunk);
  fill(options.parallel_sequences, kDefaultParallel);
  fill(options.max_queued_requests, kDefaultQueued);
  return options;
}

}  // namespace

Engine::Engine(const io::JsonConfig& config, const io::WeightSource& weights,
               EngineOptions options)
    : thread_(std::make_unique<Thread>(config, weights,
                                       with_defaults(std::move(options)))) {}

Engine::~Engine() {
  // Its threads cannot be waited for in a forked child, nor what they own be
  // released: that goes with the process.
  if (!thread_->is_here()) {
    static_cast<void>(thread_.release());
    return;
  }
  thread_.reset();
  base::return_freed_memory();
}

void Engine::submit(GenerationJob job) { thread_->submit(std::move(job)); }

Score Engine::score(std::vector<std::int32_t> ids, CancelToken cancel) {
  return thread_
      ->submit(ScoreJob{
          .ids = std::move(ids), .cancel = std::move(cancel), .result = {}})
      .get();
}

Vectors Engine::embed(EmbeddingJob job) {
  return thread_->submit(std::move(job)).get();
}

int Engine::vocabulary_size() const { return thread_->limits().vocabulary; }

}  // namespace abstractllm::engine
