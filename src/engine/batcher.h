// The requests of one model, computed together step by step.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/generation.h"
#include "engine/image_store.h"
#include "engine/model_step.h"
#include "engine/prompt_pace.h"
#include "engine/scheduler.h"
#include "engine/sequence_pool.h"
#include "models/model.h"
#include "ops/cpu/thread_pool.h"
#include "ops/kernel_clock.h"

namespace mlx::core {
class array;
}  // namespace mlx::core

namespace abstractllm::engine {

struct BatcherOptions {
  SchedulerLimits limits;
  int prefill_chunk = 1;  ///< tokens of prompts in a step, at most
  /// Samples the rows of a step side by side; null: one after the other.
  ops::cpu::ThreadPool* pool = nullptr;
  /// Of the model's kernels, for the timings; null: it has none.
  const ops::KernelClock* kernels = nullptr;
  /// Null where the model reads text only.
  ImageStore* images = nullptr;
  /// Work on all images of a step while others wait for their next token, and
  /// while nobody does; the work of one layer at least.
  double image_seconds_beside = PromptPace::kStallSeconds;
  double image_seconds_alone = PromptPace::kAloneSeconds;
  /// What jobs may choose, see StepAdapters.
  StepAdapters adapters = {};
};

/// Engine thread only. Refers to the model, the pool and the clock.
class Batcher {
 public:
  enum class Progress {
    kStepped,  ///< something was computed
    kBlocked,  ///< every request waits for its reader
    kIdle,     ///< there is no request
  };

  Batcher(const models::Model& model, const BatcherOptions& options);

  void add(std::unique_ptr<Generation> generation);

  /// One pass of the model over a batch of what is there, and the tokens that
  /// come of it. A failure ends the requests it concerns, nothing is thrown.
  Progress step();

  /// Requests that have no place yet.
  int waiting() const;

  /// Ends all requests as cancelled.
  void cancel_all();

 private:
  struct Request {
    std::unique_ptr<Generation> generation;
    std::unique_ptr<models::Sequence> sequence = nullptr;  // null: no caches
    bool running = false;
    bool begun = false;  // something of it was computed since it got caches
    bool sampled = false;

    int done() const { return sequence ? sequence->length() : 0; }
    int pending() const {
      return static_cast<int>(generation->tokens().size()) - done();
    }
    Prefix prefix() const {
      return {generation->tokens(), generation->prompt_tokens(),
              generation->adapter()};
    }
  };

  Progress try_step();
  void drop_cancelled();
  void admit();
  std::vector<RequestView> look() const;
  std::size_t bytes_needed(const Request& request) const;
  void find_kept_matches(std::vector<RequestView>& views) const;

  void start(Request& request);
  // Makes the caches of a request serve its tokens.
  static void reuse(Request& request);
  // What was computed since, by others, is had by those not yet begun.
  void share_prefixes();
  void take_from_pool(Request& request);
  void fork_from_running(Request& request);
  // Whether waiting for an earlier request saves the computation.
  bool follows(std::size_t request) const;

  // Rows of prompts, or of answers.
  void compute(bool prompt, std::span<const PlannedRows> rows);
  // The rows of a plan, whose requests begin with that: images computed and not
  // cut, and of each request what stands before its first missing image. Works
  // on images until then; without `until`, not at all. Requests whose images
  // fail are ended.
  std::vector<PlannedRows> prepare(
      const StepPlan& plan, std::optional<Generation::Clock::time_point> until);
  // How many of the next `tokens` can be computed, whose images are there;
  // works on missing ones until then, where that is given.
  int ready_tokens(Request& request, int tokens,
                   std::optional<Generation::Clock::time_point> until);
  // When others want their next token, or to be seen at all.
  Generation::Clock::time_point end_of_image_work() const;
  // Of those that no other request shows, what is not finished.
  void abandon_images(const Request& request);
  bool someone_generates() const;
  void sample(std::span<Request* const> requests, mlx::core::array& logits);
  void deliver(std::span<Request* const> requests);
  void fail(std::span<const PlannedRows> rows, const Error& error);
  static void fail_one(Request& request, const Error& error);
  void fail_image(Request& request, const Error& error);
  void fail_all(const Error& error);
  void erase_ended();
  Moment now() const;

  const models::Model& model_;
  BatcherOptions options_;
  ops::KvLayers sizes_;   // empty caches, asked for what they would take
  bool can_fork_ = true;  // a prefix of a longer sequence can be had
  PromptPace pace_;
  bool after_prompt_ = false;  // the last step was of prompts
  SequencePool pool_;
  WorkTimes work_;             // but for the kernels
  std::vector<Request> line_;  // by arrival; without a generation: ended
};

}  // namespace abstractllm::engine
