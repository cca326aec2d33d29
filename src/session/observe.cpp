// A model that tells of its requests.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/observe.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "types/delegating.h"

namespace abstractllm {
namespace {

using Clock = std::chrono::steady_clock;

// One request being watched.
class Watch {
 public:
  Watch(const Observer& observer, std::uint64_t number, std::string_view model)
      : observer_(observer), number_(number) {
    end_.response.model = model;
  }

  template <typename F, typename... A>
  void tell(const F& callback, const A&... arguments) const {
    if (!callback) return;
    try {
      callback(moment(), arguments...);
    } catch (const std::exception& error) {
      base::log(base::LogLevel::kWarning, "observe", error.what());
    } catch (...) {
      base::log(base::LogLevel::kWarning, "observe", "an observer threw");
    }
  }

  void operator()(const TextDelta& delta) {
    begin();
    end_.response.content += delta.text;
  }
  void operator()(const ReasoningDelta& delta) {
    begin();
    end_.response.reasoning += delta.text;
  }
  void operator()(const ToolCall& call) {
    begin();
    end_.response.tool_calls.push_back(call);
    tell(observer_.tool_called, call);
  }
  void operator()(const Retrying& retrying) {
    ++end_.retries;
    tell(observer_.retrying, retrying);
  }
  void operator()(const Finished& finished) {
    ended_ = true;
    end_.response.finish_reason = finished.reason;
    end_.response.stop_text = finished.stop_text;
    end_.response.usage = finished.usage;
    end_.response.timings = finished.timings;
    end_.response.request_id = finished.request_id;
    tell(observer_.ended, end_);
  }
  void operator()(const Failed& failed) { fail(failed.error); }

  // The request was left by an exception, of the sink as a rule.
  void left(const Error& error) {
    if (!ended_) fail(error);
  }

 private:
  ObservedMoment moment() const {
    const std::chrono::duration<double> passed = Clock::now() - start_;
    return {number_, passed.count()};
  }

  void fail(const Error& error) {
    ended_ = true;
    end_.error = &error;
    tell(observer_.ended, end_);
    end_.error = nullptr;
  }

  void begin() {
    if (std::exchange(began_, true)) return;
    tell(observer_.first_token);
  }

  const Observer& observer_;
  const std::uint64_t number_;
  const Clock::time_point start_ = Clock::now();
  ObservedEnd end_;
  bool began_ = false;
  bool ended_ = false;
};

class Observed : public types::Delegating {
 public:
  Observed(std::shared_ptr<AbstractLLMInterface> llm, Observer observer)
      : Delegating(std::move(llm)), observer_(std::move(observer)) {}

  void stream(const Request& request, const EventSink& sink) override {
    Watch watch(observer_, ++requests_, llm_->model());
    watch.tell(observer_.started, request);
    try {
      llm_->stream(request, [&](const Event& event) {
        std::visit(watch, event);
        return sink(event);
      });
    } catch (const Error& error) {
      watch.left(error);
      throw;
    } catch (const std::exception& error) {
      watch.left(Error(ErrorCode::kInternal, error.what()));
      throw;
    }
  }

 private:
  const Observer observer_;
  std::atomic<std::uint64_t> requests_ = 0;
};

}  // namespace

std::shared_ptr<AbstractLLMInterface> observe(
    std::shared_ptr<AbstractLLMInterface> llm, Observer observer) {
  return std::make_shared<Observed>(std::move(llm), std::move(observer));
}

}  // namespace abstractllm
