// The engine thread: loads the model, then runs what is queued.
// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "abstractllm/error.h"
#include "engine/backend_choice.h"
#include "engine/generation.h"
#include "engine/perplexity.h"
#include "mlx/compile.h"
#include "mlx/stream.h"
#include "models/registry.h"
#include "models/sequence.h"

namespace abstractllm::engine {

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
    shutdown_.cancel();
    changed_.notify_all();
    worker_.join();
  }

  void submit(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
  }

  // The members below belong to the engine thread.
  const models::Model& model() const { return *model_; }
  models::Sequence& resident() { return *resident_; }
  const EngineOptions& options() const { return options_; }
  const CancelToken& shutdown() const { return shutdown_; }

  int vocabulary_size() const { return vocabulary_size_; }

 private:
  void run(const io::JsonConfig& config, const io::WeightSource& weights,
           std::promise<void> loaded) {
    try {
      // On the CPU mx::compile runs the system's compiler and is no faster.
      mlx::core::disable_compile();
      model_ = models::make_model({config, weights, choose_backend(options_),
                                   options_.on_load_progress});
      resident_ = std::make_unique<models::Sequence>(*model_);
      vocabulary_size_ = model_->vocabulary_size();
      options_.on_load_progress = nullptr;
    } catch (...) {
      release();
      loaded.set_exception(std::current_exception());
      return;
    }
    loaded.set_value();
    while (std::function<void()> task = next()) task();
    release();
  }

  // Null when the engine is to end and nothing is queued any more.
  std::function<void()> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return nullptr;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  // MLX's streams are per thread and want to be gone before it ends.
  void release() {
    resident_.reset();
    model_.reset();
    mlx::core::clear_streams();
  }

  EngineOptions options_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<models::Sequence> resident_;
  std::atomic<int> vocabulary_size_{0};
  CancelToken shutdown_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread worker_;
};

Engine::Engine(const io::JsonConfig& config, const io::WeightSource& weights,
               EngineOptions options)
    : thread_(std::make_unique<Thread>(config, weights, std::move(options))) {}

Engine::~Engine() = default;

void Engine::submit(GenerationJob job) {
  const auto queued = std::chrono::steady_clock::now();
  auto shared = std::make_shared<GenerationJob>(std::move(job));
  thread_->submit([this, shared, queued] {
    run_generation(*shared,
                   {.model = thread_->model(),
                    .sequence = thread_->resident(),
                    .context_length = thread_->options().context_length,
                    .prefill_chunk = thread_->options().prefill_chunk,
                    .shutdown = thread_->shutdown(),
                    .queued = queued});
  });
}

Score Engine::score(std::vector<std::int32_t> ids, CancelToken cancel) {
  std::promise<Score> promise;
  std::future<Score> result = promise.get_future();
  thread_->submit([&] {
    try {
      promise.set_value(
          score_tokens(thread_->model(), ids,
                       {.window = thread_->options().context_length,
                        .chunk = thread_->options().prefill_chunk,
                        .cancel = cancel,
                        .shutdown = thread_->shutdown()}));
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  });
  return result.get();
}

int Engine::vocabulary_size() const { return thread_->vocabulary_size(); }

}  // namespace abstractllm::engine
