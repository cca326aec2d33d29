// One provider, asked again where its failure passes.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <utility>

#include "providers/routing.h"
#include "types/delegating.h"

namespace abstractllm::providers {
namespace {

class RetryingProvider : public types::Delegating {
 public:
  RetryingProvider(std::unique_ptr<AbstractLLMInterface> llm,
                   const RetryConfig& config, RetryWorld world)
      : Delegating(std::move(llm)),
        config_(config),
        world_(std::move(world)),
        breaker_(config, world_.now) {}

  void stream(const Request& request, const EventSink& sink) override {
    for (int attempt = 1;; ++attempt) {
      if (const auto refusal = closed_off()) {
        sink(Failed{*refusal});
        return;
      }
      const std::optional<Error> error = try_once(request, sink, attempt);
      if (!error) return;
      const auto wait =
          retry_wait(config_, *error, attempt + 1, world_.chance());
      const bool wants_more =
          sink(Retrying{*error, attempt + 1, *wait, std::string(provider())});
      if (!wants_more || !world_.wait(*wait, request.cancel)) {
        sink(Finished{.reason = FinishReason::kCancelled});
        return;
      }
    }
  }

  EmbeddingResponse embed(const EmbeddingRequest& request) override {
    for (int attempt = 1;; ++attempt) {
      if (const auto refusal = closed_off()) throw_error(*refusal);
      try {
        EmbeddingResponse response = llm_->embed(request);
        breaker_.succeeded();
        return response;
      } catch (const Error& error) {
        report(error);
        const auto wait =
            retry_wait(config_, error, attempt + 1, world_.chance());
        if (!wait) throw;
        if (!world_.wait(*wait, request.cancel)) {
          throw CancelledError("[retry] the request was cancelled", {},
                               std::string(provider()));
        }
      } catch (...) {
        breaker_.left();
        throw;
      }
    }
  }

 private:
  std::optional<Error> closed_off() {
    const std::optional<double> left = breaker_.refuses();
    if (!left) return std::nullopt;
    const std::string id(provider());
    const int seconds = static_cast<int>(std::ceil(*left));
    Error error(ErrorCode::kProviderConnection,
                "[retry] " + id + " is not asked: it failed " +
                    std::to_string(config_.breaker_threshold) +
                    " times in a row",
                "It is tried again in " + std::to_string(seconds) + " s.", id);
    error.set_service({.retry_after = *left, .transient = true});
    return error;
  }

  // The error that another attempt is to follow; nothing when the request has
  // ended, one way or the other.
  std::optional<Error> try_once(const Request& request, const EventSink& sink,
                                int attempt) {
    std::optional<Error> retry;
    bool began = false;
    bool reported = false;
    const auto observe = [&](const Event& event) {
      if (const auto* failed = std::get_if<Failed>(&event)) {
        report(failed->error);
        reported = true;
        // What is asked of chance here decides nothing.
        if (!began && retry_wait(config_, failed->error, attempt + 1, 0)) {
          retry = failed->error;
          return true;
        }
      } else if (const auto* finished = std::get_if<Finished>(&event)) {
        if (finished->reason == FinishReason::kCancelled) {
          breaker_.left();
        } else {
          breaker_.succeeded();
        }
        reported = true;
      } else if (!std::holds_alternative<Retrying>(event)) {
        began = true;
      }
      return sink(event);
    };
    try {
      llm_->stream(request, observe);
    } catch (...) {
      if (!reported) breaker_.left();
      throw;
    }
    if (!reported) breaker_.left();
    return retry;
  }

  void report(const Error& error) {
    if (error.service().transient) {
      breaker_.failed();
    } else {
      breaker_.left();
    }
  }

  const RetryConfig config_;
  const RetryWorld world_;
  CircuitBreaker breaker_;
};

}  // namespace

std::unique_ptr<AbstractLLMInterface> make_retrying(
    std::unique_ptr<AbstractLLMInterface> llm, const RetryConfig& config,
    RetryWorld world) {
  validate(config);
  return std::make_unique<RetryingProvider>(std::move(llm), config,
                                            std::move(world));
}

}  // namespace abstractllm::providers

namespace abstractllm {

std::unique_ptr<AbstractLLMInterface> create_retrying(
    std::unique_ptr<AbstractLLMInterface> llm, const RetryConfig& config) {
  return providers::make_retrying(std::move(llm), config,
                                  providers::RetryWorld::real());
}

}  // namespace abstractllm
