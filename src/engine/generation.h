// One request on its way: what it has computed, sampled and handed on.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "abstractllm/cancel.h"
#include "engine/prompt_images.h"
#include "engine/token_channel.h"
#include "engine/work_times.h"
#include "sampling/sampler.h"
#include "sampling/token_constraint.h"
#include "types/resolve.h"

namespace abstractllm::models {
class ImagePrompt;
enum class ImageMode;
}  // namespace abstractllm::models

namespace abstractllm::engine {

/// One generation over token ids.
struct GenerationJob {
  /// Not empty. Where the features of image i stand: image_id(i).
  std::vector<std::int32_t> prompt;
  std::vector<JobImage> images = {};  ///< in the order of their tokens
  types::SamplingOptions options;
  std::vector<std::int32_t> end_tokens;
  CancelToken cancel;
  std::shared_ptr<TokenChannel> channel;
  /// The form of the answer; null: any.
  std::unique_ptr<sampling::TokenConstraint> constraint{};
  /// Which of EngineOptions::adapters changes the model, from 1; 0: none.
  int adapter = 0;
};

/// What a model and its memory allow.
struct GenerationLimits {
  int vocabulary = 0;
  int context_length = 0;
  /// Positions that the memory for caches holds; less than context_length
  /// where memory is short.
  int cache_positions = 0;
  models::ImageMode image_mode{};  ///< in line
};

/// Holds no tensor. One thread at a time; moves from the thread that makes it
/// to the engine thread.
class Generation {
 public:
  using Clock = std::chrono::steady_clock;

  /// `image_numbers`: what stands for each image of the job in tokens().
  /// Throws InvalidRequestError, InvalidParameterError,
  /// ContextWindowExceededError and MemoryExceededError.
  Generation(GenerationJob job, const GenerationLimits& limits,
             Clock::time_point queued,
             std::vector<std::int32_t> image_numbers = {});

  /// Null without images.
  const std::shared_ptr<models::ImagePrompt>& images() const { return images_; }
  const JobImage& image(std::size_t index) const { return job_.images[index]; }

  /// Prompt and answer so far.
  std::span<const std::int32_t> tokens() const { return history_; }
  int prompt_tokens() const { return static_cast<int>(job_.prompt.size()); }
  /// Tokens that may still be sampled.
  int tokens_left() const { return most_ - end_.usage.completion_tokens; }
  int adapter() const { return job_.adapter; }
  TokenChannel& channel() const { return *job_.channel; }

  bool cancelled() const {
    return job_.cancel.cancelled() ||
           job_.channel->state() == TokenChannel::State::kClosed;
  }
  /// Its reader is behind, so nothing should be computed for it.
  bool parked() const {
    return job_.channel->state() == TokenChannel::State::kFull;
  }

  /// Its first tokens are about to be computed, but for `cached` of them. Later
  /// calls, after its caches were taken away, change nothing.
  void begin(Clock::time_point now, int cached);

  /// Chooses the next token from `logits` (vocabulary), which it overwrites. An
  /// exception of the sampler is kept for deliver(). Does not touch the
  /// channel, so that several generations can sample at once.
  void sample(std::span<float> logits);

  enum class State { kGoesOn, kEnds, kFailed };

  /// Hands on what sample() chose. kEnds when that was the last token.
  State deliver(const Moment& now);

  /// The last word; exactly once. The reason is what deliver() found.
  void finish(const Moment& now);
  void finish_cancelled(const Moment& now);
  void finish_failed(const Error& error);

 private:
  void check_prompt(const GenerationLimits& limits) const;
  void place_images(const GenerationLimits& limits,
                    const std::vector<std::int32_t>& numbers);
  bool ends_answer(std::int32_t id) const;

  GenerationJob job_;
  int most_;  // tokens to sample
  sampling::Sampler sampler_;
  std::vector<std::int32_t> history_;  // prompt and answer
  // With images: the same without them, for the sampler.
  std::vector<std::int32_t> text_history_;
  std::size_t text_prompt_ = 0;
  std::shared_ptr<models::ImagePrompt> images_;
  sampling::TokenChoice choice_;
  std::optional<Error> failure_;  // of sample()
  GenerationEnd end_;
  Clock::time_point queued_;
  std::optional<Clock::time_point> started_;
  std::optional<Moment> first_token_;
};

}  // namespace abstractllm::engine
