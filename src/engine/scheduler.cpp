// Admission by order of arrival and memory; steps by rows.
// SPDX-License-Identifier: Apache-2.0
#include "engine/scheduler.h"

#include <algorithm>

namespace abstractllm::engine {

namespace {

class AdmissionPlan {
 public:
  AdmissionPlan(const SchedulerLimits& limits,
                std::span<const RequestView> requests,
                std::span<const std::size_t> kept)
      : limits_(limits),
        requests_(requests),
        kept_(kept),
        runs_(requests.size()),
        held_(requests.size()),
        evicted_(kept.size()),
        claimed_(kept.size()) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      runs_[i] = requests[i].running && !requests[i].parked;
      held_[i] = requests[i].kv_held > 0;
      if (requests[i].running && !runs_[i]) plan_.leave.push_back(i);
    }
  }

  Admission make() {
    shrink_running();
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (runs_[i] || requests_[i].parked) continue;
      if (running() >= limits_.parallel || !make_room_for(i)) break;
      runs_[i] = true;
      plan_.start.push_back(i);
    }
    limit_kept();
    return std::move(plan_);
  }

 private:
  int running() const {
    return static_cast<int>(std::count(runs_.begin(), runs_.end(), true));
  }

  std::size_t used() const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (runs_[i]) {
        bytes += requests_[i].kv_needed;
      } else if (held_[i]) {
        bytes += requests_[i].kv_held;
      }
    }
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      if (!evicted_[i]) bytes += kept_[i];
    }
    return bytes;
  }

  // Those that run have grown: others give way, the last ones first.
  void shrink_running() {
    while (used() > limits_.kv_bytes) {
      if (evict_oldest() || release_last_idle(0)) continue;
      if (running() <= 1) return;
      for (std::size_t i = requests_.size(); i-- > 0;) {
        if (!runs_[i]) continue;
        runs_[i] = false;
        held_[i] = false;
        plan_.release.push_back(i);
        break;
      }
    }
  }

  bool make_room_for(std::size_t request) {
    const RequestView& view = requests_[request];
    // What it holds or takes over is counted already.
    std::size_t has = held_[request] ? view.kv_held : 0;
    if (const auto match = view.kept_match;
        match && !evicted_[*match] && !claimed_[*match]) {
      claimed_[*match] = true;
      has += kept_[*match];
    }
    const std::size_t more = view.kv_needed - std::min(has, view.kv_needed);
    while (used() + more > limits_.kv_bytes) {
      if (evict_oldest() || release_last_idle(request + 1)) continue;
      return running() == 0;
    }
    return true;
  }

  bool evict_oldest() {
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      if (evicted_[i] || claimed_[i]) continue;
      evicted_[i] = true;
      plan_.evict.push_back(i);
      return true;
    }
    return false;
  }

  // Takes the caches of the last request that does not run: of a parked one, or
  // of one that waits behind `first`.
  bool release_last_idle(std::size_t first) {
    for (std::size_t i = requests_.size(); i-- > 0;) {
      if (runs_[i] || !held_[i]) continue;
      if (i < first && !requests_[i].parked) continue;
      held_[i] = false;
      plan_.release.push_back(i);
      return true;
    }
    return false;
  }

  void limit_kept() {
    auto left = static_cast<std::ptrdiff_t>(kept_.size() - plan_.evict.size());
    while (left > limits_.kept && evict_oldest()) --left;
  }

  const SchedulerLimits& limits_;
  std::span<const RequestView> requests_;
  std::span<const std::size_t> kept_;
  std::vector<bool> runs_;
  std::vector<bool> held_;
  std::vector<bool> evicted_;
  std::vector<bool> claimed_;  // kept sequences that are about to be used
  Admission plan_;
};

}  // namespace

Admission plan_admission(const SchedulerLimits& limits,
                         std::span<const RequestView> requests,
                         std::span<const std::size_t> kept) {
  return AdmissionPlan(limits, requests, kept).make();
}

StepPlan plan_step(const PromptBudget& budget,
                   std::span<const RequestView> requests, bool after_prompt) {
  std::vector<PlannedRows> prompts;
  std::vector<PlannedRows> answers;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const RequestView& request = requests[i];
    if (!request.running || request.follows) continue;
    if (request.pending_prompt > 0) {
      prompts.push_back({i, request.pending_prompt});
    } else {
      answers.push_back({i, request.pending});
    }
  }
  const bool prompt = !prompts.empty() && !(after_prompt && !answers.empty());
  StepPlan plan{.prompt = prompt, .rows = {}};
  int left = answers.empty() ? budget.alone : budget.beside;
  for (const PlannedRows& all : prompt ? prompts : answers) {
    // Everyone who generates gets a row, whatever others catch up with.
    const int tokens = std::min(all.tokens, prompt ? left : std::max(left, 1));
    if (tokens == 0) break;
    plan.rows.push_back({all.request, tokens});
    if (prompt || tokens > 1) left -= tokens;
  }
  return plan;
}

}  // namespace abstractllm::engine
