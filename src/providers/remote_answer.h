// One answer of a service, pulled event by event.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "abstractllm/event.h"
#include "net/http_client.h"
#include "providers/remote.h"
#include "providers/wire/dialect.h"

namespace abstractllm::providers {

/// What goes wrong becomes the last event, so that no sink is called within a
/// catch. Refers to endpoint and dialect. One thread at a time.
class RemoteAnswer {
 public:
  RemoteAnswer(const Endpoint& endpoint, const Dialect& dialect, ChatCall call);

  /// After the terminal event it must not be called again.
  Event next();

  /// Gives the connection a chance to be used again.
  void release();

  /// The last event of an answer that nobody wants more of.
  Finished left() const;

 private:
  using Clock = std::chrono::steady_clock;

  void begin();
  // Starts the exchange; the service's refusal if it refuses.
  std::optional<Error> ask(WireRequest wire);
  void refill();
  void advance();
  void observe(Event& event);
  Error finished_error(const Error& error) const;
  Error with_models(const Error& error) const;

  const Endpoint& endpoint_;
  const Dialect& dialect_;
  const ChatCall call_;
  const Clock::time_point started_ = Clock::now();
  std::optional<Clock::time_point> first_;
  std::unique_ptr<AnswerReader> reader_;
  std::optional<net::HttpExchange> exchange_;
  std::string request_id_;
  std::vector<Event> arrived_;
  std::deque<Event> pending_;
};

}  // namespace abstractllm::providers
