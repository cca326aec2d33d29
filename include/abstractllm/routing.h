// Several tries and several providers behind the one interface.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "abstractllm/export.h"
#include "abstractllm/llm.h"

namespace abstractllm {

/// When and how often a request is tried again, and when a provider is left
/// alone. Times are in seconds. A plain value.
struct RetryConfig {
  int max_attempts = 3;     ///< the first included; at least 1
  double initial_wait = 1;  ///< upper end of the first wait
  double wait_factor = 2;   ///< by which the upper end grows, at least 1
  double max_wait = 60;     ///< a service that asks for more is not asked
  int breaker_threshold =
      5;  ///< failed attempts in a row that open it; 0: none
  double breaker_recovery = 60;  ///< how long it stays open
  int breaker_trials = 3;        ///< successes that close it again
  bool operator==(const RetryConfig&) const = default;
};

/// Asks `llm` again where its error says that it passes (Error::service), and
/// only before the first delta. Each wait is drawn evenly from 0 to its upper
/// end, and never shorter than the service asks for. After many failures in a
/// row it is not asked at all for a while: requests fail at once with
/// ProviderConnectionError. Reports Retrying before each wait; a cancel ends a
/// wait. Throws InvalidParameterError for a config that makes no sense.
ABSTRACTLLM_API std::unique_ptr<AbstractLLMInterface> create_retrying(
    std::unique_ptr<AbstractLLMInterface> llm, const RetryConfig& config = {});

/// Asks the first of `chain`; where that fails before the first delta, for a
/// reason that is not the request's, the next. Reports Retrying at each step
/// and fails with the last one's error. Its capabilities are those that all
/// have. Throws InvalidRequestError for an empty chain.
ABSTRACTLLM_API std::unique_ptr<AbstractLLMInterface> create_fallback(
    std::vector<std::unique_ptr<AbstractLLMInterface>> chain);

enum class BalancingStrategy {
  kLeastBusy,   ///< the one with the fewest running requests
  kRoundRobin,  ///< one after the other
};

/// Spreads requests over `pool`; one that fails as for create_fallback goes to
/// the next.
ABSTRACTLLM_API std::unique_ptr<AbstractLLMInterface> create_load_balanced(
    std::vector<std::unique_ptr<AbstractLLMInterface>> pool,
    BalancingStrategy strategy = BalancingStrategy::kLeastBusy);

}  // namespace abstractllm
