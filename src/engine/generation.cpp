// A request's checks, samples, clock and last word.
// SPDX-License-Identifier: Apache-2.0
#include "engine/generation.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "models/image_prompt.h"

namespace abstractllm::engine {

namespace {

double seconds(Generation::Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// Without the tokens' bytes, which the engine does not know.
std::optional<TokenLogprob> to_logprob(const sampling::TokenChoice& choice) {
  if (!choice.logprob) return std::nullopt;
  TokenLogprob logprob{
      .token_id = choice.id, .bytes = {}, .logprob = *choice.logprob};
  for (const sampling::ScoredToken& token : choice.top) {
    logprob.top.push_back(
        {.token_id = token.id, .bytes = {}, .logprob = token.logprob});
  }
  return logprob;
}

}  // namespace

Generation::Generation(GenerationJob job, const GenerationLimits& limits,
                       Clock::time_point queued,
                       std::vector<std::int32_t> image_numbers)
    : job_(std::move(job)),
      most_(std::min(job_.options.max_tokens,
                     std::min(limits.context_length, limits.cache_positions) -
                         prompt_tokens())),
      sampler_(job_.options, static_cast<std::size_t>(limits.vocabulary),
               job_.end_tokens),
      history_(job_.prompt),
      queued_(queued) {
  check_prompt(limits);
  if (!job_.images.empty()) place_images(limits, image_numbers);
  end_.usage.prompt_tokens = prompt_tokens();
}

void Generation::check_prompt(const GenerationLimits& limits) const {
  const std::int32_t least = image_id(job_.images.size()) + 1;
  for (const std::int32_t id : job_.prompt) {
    if (id < least || id >= limits.vocabulary) {
      throw InvalidRequestError("[engine] token id " + std::to_string(id) +
                                " is outside of the vocabulary of " +
                                std::to_string(limits.vocabulary));
    }
  }
  if (prompt_tokens() >= limits.context_length) {
    throw ContextWindowExceededError("[engine] the prompt has " +
                                         std::to_string(prompt_tokens()) +
                                         " tokens, but the context holds " +
                                         std::to_string(limits.context_length) +
                                         " with at least one for the answer",
                                     "Shorten the prompt or the conversation.");
  }
  if (prompt_tokens() >= limits.cache_positions) {
    throw MemoryExceededError(
        "[engine] the prompt has " + std::to_string(prompt_tokens()) +
            " tokens, but the memory for caches holds " +
            std::to_string(limits.cache_positions) +
            " with at least one for the answer",
        "Shorten the prompt, or allow more memory (kv_cache_bytes).");
  }
}

void Generation::place_images(const GenerationLimits& limits,
                              const std::vector<std::int32_t>& numbers) {
  for (std::int32_t& id : history_) {
    if (id >= 0) {
      text_history_.push_back(id);
    } else {
      id = numbers.at(static_cast<std::size_t>(-1 - id));
    }
  }
  text_prompt_ = text_history_.size();
  std::vector<models::PromptImage> images;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const JobImage& image = job_.images[i];
    images.push_back({.number = numbers[i],
                      .tokens = image.tokens,
                      .grid_rows = image.grid_rows,
                      .grid_columns = image.grid_columns,
                      .frame_step = image.frame_step});
  }
  images_ = std::make_shared<models::ImagePrompt>(history_, std::move(images),
                                                  limits.image_mode);
}

void Generation::begin(Clock::time_point now, int cached) {
  if (started_) return;
  started_ = now;
  end_.timings.queue_seconds = seconds(now - queued_);
  end_.usage.cached_tokens = cached;
}

void Generation::sample(std::span<float> logits) {
  try {
    sampling::TokenConstraint* constraint = job_.constraint.get();
    const sampling::TokenHistory said =
        images_ ? sampling::TokenHistory{.tokens = text_history_,
                                         .prompt_tokens = text_prompt_}
                : sampling::TokenHistory{.tokens = history_,
                                         .prompt_tokens = job_.prompt.size()};
    choice_ = sampler_.sample(logits, said,
                              constraint == nullptr
                                  ? sampling::TokenMask{}
                                  : constraint->allowed(tokens_left()));
    if (constraint != nullptr) constraint->accept(choice_.id);
  } catch (const Error& error) {
    failure_ = error;
  } catch (const std::exception& error) {
    failure_ = GenerationError(std::string("[engine] ") + error.what());
  }
}

bool Generation::ends_answer(std::int32_t id) const {
  const auto contains = [id](const std::vector<std::int32_t>& ids) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  return contains(job_.options.stop_token_ids) ||
         (!job_.options.ignore_eos && contains(job_.end_tokens));
}

Generation::State Generation::deliver(const Moment& now) {
  if (failure_) {
    end_.error = std::move(failure_);
    return State::kFailed;
  }
  const bool ends = ends_answer(choice_.id);
  history_.push_back(choice_.id);
  if (images_) text_history_.push_back(choice_.id);
  ++end_.usage.completion_tokens;
  job_.channel->push(TokenStep{choice_.id, ends, to_logprob(choice_)});
  if (!first_token_) {
    first_token_ = now;
    end_.timings.prefill_seconds = seconds(now.time - *started_);
    end_.timings.time_to_first_token_seconds = seconds(now.time - queued_);
  }
  if (ends || (job_.constraint && job_.constraint->finished())) {
    return State::kEnds;
  }
  if (tokens_left() > 0) return State::kGoesOn;
  end_.reason = FinishReason::kLength;
  return State::kEnds;
}

void Generation::finish(const Moment& now) {
  if (first_token_) {
    const WorkTimes& before = first_token_->work;
    Timings& timings = end_.timings;
    timings.decode_seconds = seconds(now.time - first_token_->time);
    timings.decode_build_seconds = now.work.build - before.build;
    timings.decode_kernel_seconds = now.work.kernels - before.kernels;
    timings.decode_sampling_seconds = now.work.sampling - before.sampling;
  }
  job_.channel->close_with(std::move(end_));
}

void Generation::finish_cancelled(const Moment& now) {
  if (started_ && !first_token_) {
    end_.timings.prefill_seconds = seconds(now.time - *started_);
  }
  if (!started_) end_.timings.queue_seconds = seconds(now.time - queued_);
  end_.reason = FinishReason::kCancelled;
  finish(now);
}

void Generation::finish_failed(const Error& error) {
  end_.error = error;
  job_.channel->close_with(std::move(end_));
}

}  // namespace abstractllm::engine
