// From the exchange to the events, times and errors.
// SPDX-License-Identifier: Apache-2.0
#include "providers/remote_answer.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "providers/wire/errors.h"
#include "providers/wire/json.h"

namespace abstractllm::providers {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// The end of a body comes with the last event of a stream or right behind it.
constexpr std::chrono::milliseconds kDrainPatience{20};

}  // namespace

RemoteAnswer::RemoteAnswer(const Endpoint& endpoint, const Dialect& dialect,
                           ChatCall call)
    : endpoint_(endpoint), dialect_(dialect), call_(std::move(call)) {}

Event RemoteAnswer::next() {
  if (pending_.empty()) refill();
  Event event = std::move(pending_.front());
  pending_.pop_front();
  observe(event);
  return event;
}

void RemoteAnswer::release() {
  if (exchange_) exchange_->drain(kDrainPatience);
}

Finished RemoteAnswer::left() const {
  Finished finished{.reason = FinishReason::kCancelled};
  if (reader_) finished.usage = reader_->usage();
  finished.request_id = request_id_;
  return finished;
}

void RemoteAnswer::begin() {
  WireRequest wire = dialect_.write(call_);
  reader_ = dialect_.reader(call_);
  // A cancel before the start must not reach the service.
  if (call_.request.cancel.cancelled()) throw CancelledError("[remote] left");
  const auto refused = ask(std::move(wire));
  if (!refused) return;
  auto other = dialect_.other_way(call_, *refused);
  if (!other) throw *refused;
  if (const auto again = ask(*std::move(other))) throw *again;
}

std::optional<Error> RemoteAnswer::ask(WireRequest wire) {
  exchange_.reset();
  exchange_.emplace(endpoint_.start(
      wire.path, std::move(wire.body), call_.request.cancel,
      "text/event-stream, application/x-ndjson, application/json"));
  request_id_ = request_id(exchange_->headers());
  if (exchange_->status() < 300) return std::nullopt;
  return endpoint_.fault_of(*exchange_, call_.model);
}

// At least one event more. What came before an error in the same bytes
// stands before it.
void RemoteAnswer::refill() {
  std::optional<Event> last;
  try {
    while (arrived_.empty()) advance();
  } catch (const CancelledError&) {
    last = left();
  } catch (const Error& error) {
    last = Failed{finished_error(error)};
  } catch (const Json::exception&) {
    last = Failed{finished_error(ProviderAPIError(
        "[" + endpoint_.id() +
            "] the service sent JSON of another shape than its protocol has",
        "Is base_url the address of such a service?", endpoint_.id()))};
  }
  for (Event& event : arrived_) pending_.push_back(std::move(event));
  arrived_.clear();
  if (last) pending_.push_back(*std::move(last));
}

void RemoteAnswer::advance() {
  if (!exchange_) begin();
  const std::string_view bytes = exchange_->read();
  if (bytes.empty()) {
    reader_->finish(arrived_);
  } else {
    reader_->push(bytes, arrived_);
  }
}

void RemoteAnswer::observe(Event& event) {
  const Clock::time_point now = Clock::now();
  if (auto* finished = std::get_if<Finished>(&event)) {
    finished->request_id = request_id_;
    if (!first_) return;
    finished->timings.time_to_first_token_seconds =
        seconds_between(started_, *first_);
    if (finished->timings.decode_seconds == 0) {
      finished->timings.decode_seconds = seconds_between(*first_, now);
    }
  } else if (!first_) {
    first_ = now;
  }
}

Error RemoteAnswer::finished_error(const Error& error) const {
  Error result = endpoint_.masked(error);
  ServiceReport report = error.service();
  if (report.request_id.empty()) report.request_id = request_id_;
  result.set_service(std::move(report));
  return error.code() == ErrorCode::kModelNotFound ? with_models(result)
                                                   : result;
}

// A wrong model id is answered with the ones that there are.
Error RemoteAnswer::with_models(const Error& error) const {
  std::vector<std::string> ids;
  try {
    for (const ModelEntry& model : list_remote_models(endpoint_)) {
      ids.push_back(model.id);
    }
  } catch (const Error&) {
    return error;  // the first error is the one to report
  }
  if (ids.empty()) return error;
  constexpr std::size_t kShown = 8;
  const std::vector<std::string> nearest =
      base::nearest_names(call_.model, ids, kShown);
  const std::vector<std::string_view> views(nearest.begin(), nearest.end());
  std::string hint = "There are: " + base::join_names(views);
  if (ids.size() > nearest.size()) {
    hint += " and " + std::to_string(ids.size() - nearest.size()) + " more";
  }
  hint += ".";
  if (!endpoint_.traits().models_hint.empty()) {
    hint += " " + std::string(endpoint_.traits().models_hint);
  }
  Error result(error.code(), error.message(), hint, error.provider());
  result.set_service(error.service());
  return result;
}

}  // namespace abstractllm::providers
