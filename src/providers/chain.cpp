// Several providers as one: in order, or by load.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "abstractllm/error.h"
#include "providers/routing.h"

namespace abstractllm {
namespace {

using Members = std::vector<std::unique_ptr<AbstractLLMInterface>>;

Capabilities common_capabilities(const Members& members) {
  Capabilities common = members.front()->capabilities();
  for (const auto& member : members) {
    const Capabilities other = member->capabilities();
    std::erase_if(common.supported, [&](ModelCapability capability) {
      return !other.supports(capability);
    });
    if (common.context_length == 0 || other.context_length == 0) {
      common.context_length = 0;
    } else {
      common.context_length =
          std::min(common.context_length, other.context_length);
    }
  }
  return common;
}

class Chain : public AbstractLLMInterface {
 public:
  Chain(std::string id, Members members,
        std::optional<BalancingStrategy> strategy)
      : id_(std::move(id)),
        members_(std::move(members)),
        strategy_(strategy),
        busy_(members_.size(), 0) {
    for (const auto& member : members_) {
      if (!model_.empty()) model_ += ',';
      model_.append(member->provider()).append("/").append(member->model());
    }
  }

  std::string_view provider() const override { return id_; }
  std::string_view model() const override { return model_; }
  Capabilities capabilities() const override {
    return common_capabilities(members_);
  }

  void stream(const Request& request, const EventSink& sink) override {
    std::vector<bool> tried(members_.size(), false);
    for (std::size_t step = 0; step < members_.size(); ++step) {
      const Running running(*this, tried);
      const bool is_last = step + 1 == members_.size();
      const std::optional<Error> error =
          try_one(*members_[running.index()], request, sink, is_last);
      if (!error) return;
      const bool wants_more =
          sink(Retrying{*error, static_cast<int>(step) + 2, 0, id_});
      if (!wants_more || request.cancel.cancelled()) {
        sink(Finished{.reason = FinishReason::kCancelled});
        return;
      }
    }
  }

  EmbeddingResponse embed(const EmbeddingRequest& request) override {
    std::vector<bool> tried(members_.size(), false);
    for (std::size_t step = 1;; ++step) {
      const Running running(*this, tried);
      try {
        return members_[running.index()]->embed(request);
      } catch (const Error& error) {
        if (step == members_.size() || !providers::may_another_succeed(error)) {
          throw;
        }
      }
    }
  }

  int count_tokens(const Request& request) override {
    return members_.front()->count_tokens(request);
  }

  std::vector<ImageCost> image_costs(const Request& request) override {
    return members_.front()->image_costs(request);
  }

 private:
  // Chooses a member that was not tried, and counts it busy while it lives.
  class Running {
   public:
    Running(Chain& chain, std::vector<bool>& tried)
        : chain_(chain), index_(chain.choose(tried)) {
      tried[index_] = true;
    }
    ~Running() {
      const std::lock_guard lock(chain_.mutex_);
      --chain_.busy_[index_];
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    std::size_t index() const { return index_; }

   private:
    Chain& chain_;
    const std::size_t index_;
  };

  std::size_t choose(const std::vector<bool>& tried) {
    const std::lock_guard lock(mutex_);
    std::size_t best = members_.size();
    for (std::size_t i = 0; i < members_.size(); ++i) {
      // Ties go round, so that equally busy members take turns.
      const std::size_t at = strategy_ ? (next_ + i) % members_.size() : i;
      if (tried[at]) continue;
      if (best == members_.size()) best = at;
      if (strategy_ == BalancingStrategy::kLeastBusy &&
          busy_[at] < busy_[best]) {
        best = at;
      }
    }
    next_ = (best + 1) % members_.size();
    ++busy_[best];
    return best;
  }

  // The error for which the next member is to be asked.
  static std::optional<Error> try_one(AbstractLLMInterface& member,
                                      const Request& request,
                                      const EventSink& sink, bool is_last) {
    std::optional<Error> passed_on;
    bool began = false;
    member.stream(request, [&](const Event& event) {
      if (const auto* failed = std::get_if<Failed>(&event)) {
        if (!began && !is_last &&
            providers::may_another_succeed(failed->error)) {
          passed_on = failed->error;
          return true;
        }
      } else if (!std::holds_alternative<Retrying>(event)) {
        began = true;
      }
      return sink(event);
    });
    return passed_on;
  }

  const std::string id_;
  const Members members_;
  const std::optional<BalancingStrategy> strategy_;
  std::string model_;
  std::mutex mutex_;
  std::vector<int> busy_;  // mutex_
  std::size_t next_ = 0;   // mutex_
};

void check_members(const Members& members, const std::string& id) {
  const bool is_whole =
      !members.empty() &&
      std::all_of(members.begin(), members.end(),
                  [](const auto& each) { return each != nullptr; });
  if (is_whole) return;
  throw InvalidRequestError("[" + id + "] there is no provider to ask",
                            "Give at least one.", id);
}

}  // namespace

std::unique_ptr<AbstractLLMInterface> create_fallback(Members chain) {
  check_members(chain, "fallback");
  return std::make_unique<Chain>("fallback", std::move(chain), std::nullopt);
}

std::unique_ptr<AbstractLLMInterface> create_load_balanced(
    Members pool, BalancingStrategy strategy) {
  check_members(pool, "balanced");
  return std::make_unique<Chain>("balanced", std::move(pool), strategy);
}

}  // namespace abstractllm
