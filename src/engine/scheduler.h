// What the engine does next: decisions over plain numbers, without any effect.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace abstractllm::engine {

/// What may be used at a time.
struct SchedulerLimits {
  int parallel = 1;          ///< requests that are computed together
  std::size_t kv_bytes = 0;  ///< of all caches
  int kept = 0;              ///< idle sequences kept for later prompts
};

/// One request, as far as decisions depend on it.
struct RequestView {
  /// It has a place in the batch.
  bool running = false;
  /// Its reader is behind: it is not computed, and gives up its place.
  bool parked = false;
  /// Tokens to compute before the next one can be sampled.
  int pending = 1;
  /// How many of them, the first ones, are of its prompt. Without any, it is
  /// the one token sampled last, or several of the answer after its caches were
  /// taken away.
  int pending_prompt = 0;
  /// Its prompt begins as that of an earlier one, which is being computed: what
  /// they share can be had for nothing after that.
  bool follows = false;
  /// Bytes its caches hold.
  std::size_t kv_held = 0;
  /// Bytes they are going to hold in the near future; at least kv_held.
  std::size_t kv_needed = 0;
  /// The kept sequence that its prompt begins with, by its place in line.
  std::optional<std::size_t> kept_match = std::nullopt;
};

/// What is to be done before the next step. Indices are places in the line of
/// requests, but for `evict`.
struct Admission {
  std::vector<std::size_t> leave;    ///< lose their place, keep their caches
  std::vector<std::size_t> release;  ///< lose place and caches; come back later
  std::vector<std::size_t> evict;    ///< kept sequences to forget
  std::vector<std::size_t> start;    ///< get a place, in this order
};

/// `requests`: all, in the order of their arrival, which is the order in which
/// they get places: nobody overtakes. `kept`: bytes of the idle sequences,
/// longest unused first.
///
/// Memory goes to those that run, the first of the line before the others.
/// Where it is short, kept sequences go first, then caches of requests that do
/// not run, then the last of those that run; the first that runs always stays.
/// A request that does not fit waits, and all behind it; the first of the line
/// is started when nothing else runs, whatever it needs.
Admission plan_admission(const SchedulerLimits& limits,
                         std::span<const RequestView> requests,
                         std::span<const std::size_t> kept);

/// Rows of one request in a step.
struct PlannedRows {
  std::size_t request = 0;
  int tokens = 0;
  bool operator==(const PlannedRows&) const = default;
};

/// Tokens of one kind, as a step has either.
struct StepPlan {
  bool prompt = false;  ///< of prompts, not of answers
  std::vector<PlannedRows> rows;
};

/// Tokens of prompts in a step.
struct PromptBudget {
  int alone = 1;   ///< when no request generates
  int beside = 1;  ///< when others wait for their next token meanwhile
};

/// The next step. Where there are prompts and answers to compute, they take
/// turns: `after_prompt` says that the last step was of prompts. Answers get a
/// row each; prompts, in the order of their arrival, as many as the budget has.
/// Empty if there is nothing to compute.
StepPlan plan_step(const PromptBudget& budget,
                   std::span<const RequestView> requests, bool after_prompt);

}  // namespace abstractllm::engine
