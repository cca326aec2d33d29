// Prefill in chunks, then one token a step.
// SPDX-License-Identifier: Apache-2.0
#include "engine/generation.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <span>
#include <utility>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "sampling/sampler.h"

namespace abstractllm::engine {

namespace mx = mlx::core;

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

class Generation {
 public:
  Generation(const GenerationJob& job, const GenerationContext& context)
      : job_(job),
        context_(context),
        sampler_(job.options,
                 static_cast<std::size_t>(context.model.vocabulary_size()),
                 job.end_tokens),
        history_(job.prompt) {}

  GenerationEnd run() {
    const Clock::time_point started = Clock::now();
    end_.timings.queue_seconds = seconds(started - context_.queued);
    check_prompt();
    std::optional<mx::array> logits = prefill();
    const Clock::time_point prefilled = Clock::now();
    end_.timings.prefill_seconds = seconds(prefilled - started);
    if (logits) decode(std::move(*logits), prefilled);
    end_.usage.prompt_tokens = static_cast<int>(job_.prompt.size());
    return std::move(end_);
  }

 private:
  bool cancelled() const {
    return job_.cancel.cancelled() || context_.shutdown.cancelled();
  }

  void check_prompt() const {
    const int vocabulary = context_.model.vocabulary_size();
    for (const std::int32_t id : job_.prompt) {
      if (id < 0 || id >= vocabulary) {
        throw InvalidRequestError("[engine] token id " + std::to_string(id) +
                                  " is outside of the vocabulary of " +
                                  std::to_string(vocabulary));
      }
    }
    if (static_cast<int>(job_.prompt.size()) >= context_.context_length) {
      throw ContextWindowExceededError(
          "[engine] the prompt has " + std::to_string(job_.prompt.size()) +
              " tokens, but the context holds " +
              std::to_string(context_.context_length) +
              " with at least one for the answer",
          "Shorten the prompt or the conversation.");
    }
  }

  // Logits of the last prompt token, (1, vocabulary); nothing if cancelled.
  std::optional<mx::array> prefill() {
    models::Sequence& sequence = context_.sequence;
    const std::span prompt(job_.prompt);
    auto done = static_cast<std::size_t>(sequence.reuse(prompt));
    end_.usage.cached_tokens = static_cast<int>(done);
    std::optional<mx::array> logits;
    while (done < prompt.size()) {
      if (cancelled()) {
        end_.reason = FinishReason::kCancelled;
        return std::nullopt;
      }
      const std::size_t count =
          std::min(prompt.size() - done,
                   static_cast<std::size_t>(context_.prefill_chunk));
      const mx::array hidden = sequence.advance(prompt.subspan(done, count));
      done += count;
      if (done == prompt.size()) {
        logits = last_row_logits(hidden);
        sequence.evaluate({*logits});
      } else {
        sequence.evaluate({hidden});
      }
    }
    return logits;
  }

  mx::array last_row_logits(const mx::array& hidden) const {
    const int rows = hidden.shape(0);
    const mx::array last =
        rows == 1 ? hidden
                  : mx::slice(hidden, {rows - 1, 0}, {rows, hidden.shape(1)});
    return context_.model.logits(last);
  }

  void decode(mx::array logits, Clock::time_point prefilled) {
    const int room =
        context_.context_length - static_cast<int>(job_.prompt.size());
    const int most = std::min(job_.options.max_tokens, room);
    Clock::time_point first = prefilled;
    while (true) {
      const bool ends = emit(logits);
      if (end_.usage.completion_tokens == 1) {
        first = Clock::now();
        end_.timings.time_to_first_token_seconds =
            seconds(first - context_.queued);
      }
      if (ends) break;
      if (end_.usage.completion_tokens >= most) {
        end_.reason = FinishReason::kLength;
        break;
      }
      if (cancelled() || reader_left_) {
        end_.reason = FinishReason::kCancelled;
        break;
      }
      const std::span newest(&history_.back(), 1);
      logits = context_.model.logits(context_.sequence.advance(newest));
      context_.sequence.evaluate({logits});
    }
    end_.timings.decode_seconds = seconds(Clock::now() - first);
  }

  // Samples and hands on one token. True if it ends the answer.
  bool emit(mx::array& logits) {
    const std::span row(logits.data<float>(), logits.size());
    const sampling::TokenChoice choice = sampler_.sample(
        row, {.tokens = history_, .prompt_tokens = job_.prompt.size()});
    history_.push_back(choice.id);
    ++end_.usage.completion_tokens;
    const bool ends = ends_answer(choice.id);
    reader_left_ =
        !job_.channel->push(TokenStep{choice.id, ends, to_logprob(choice)});
    return ends;
  }

  bool ends_answer(std::int32_t id) const {
    const auto contains = [id](const std::vector<std::int32_t>& ids) {
      return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    return contains(job_.options.stop_token_ids) ||
           (!job_.options.ignore_eos && contains(job_.end_tokens));
  }

  // Without the tokens' bytes, which the engine does not know.
  static std::optional<TokenLogprob> to_logprob(
      const sampling::TokenChoice& choice) {
    if (!choice.logprob) return std::nullopt;
    TokenLogprob logprob{
        .token_id = choice.id, .bytes = {}, .logprob = *choice.logprob};
    for (const sampling::ScoredToken& token : choice.top) {
      logprob.top.push_back(
          {.token_id = token.id, .bytes = {}, .logprob = token.logprob});
    }
    return logprob;
  }

  const GenerationJob& job_;
  const GenerationContext& context_;
  sampling::Sampler sampler_;
  std::vector<std::int32_t> history_;  // prompt and answer
  GenerationEnd end_;
  bool reader_left_ = false;
};

}  // namespace

void run_generation(const GenerationJob& job,
                    const GenerationContext& context) {
  GenerationEnd end;
  try {
    end = Generation(job, context).run();
  } catch (const Error& error) {
    end.error = error;
  } catch (const std::exception& error) {
    end.error =
        GenerationError(std::string("[engine] ") + error.what(),
                        "The request was dropped; the model is still loaded.");
  }
  if (end.error) context.sequence.reset();
  job.channel->close_with(std::move(end));
}

}  // namespace abstractllm::engine
