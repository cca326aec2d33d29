// What a wire protocol is: a body for a request, events for an answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/event.h"
#include "abstractllm/request.h"

namespace abstractllm::providers {

/// A request with what is laid under it: the provider's defaults are in
/// `parameters`.
struct ChatCall {
  const Request& request;
  std::string model;
  GenerationParameters parameters;
  int context_length = 0;  ///< that the service is to provide; 0: its own
};

/// Where a request goes, and what it says.
struct WireRequest {
  std::string path;  ///< below the base URL, "/chat/completions"
  std::string body;  ///< JSON
};

/// Turns the bytes of one streamed answer into events. Events are the same
/// however the bytes are split. One thread at a time.
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;

  /// Takes the next bytes and appends what they complete; after a terminal
  /// event nothing follows. Throws Error for what cannot be understood.
  virtual void push(std::string_view bytes, std::vector<Event>& events) = 0;

  /// The body has ended. Throws where the answer had not.
  virtual void finish(std::vector<Event>& events) = 0;

  /// What is known so far, for an answer that is left.
  virtual const Usage& usage() const = 0;
};

/// The pure half of a provider. Immutable; thread-safe.
class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view provider() const = 0;

  /// Throws InvalidRequestError, UnsupportedFeatureError and others for a
  /// request that the service cannot be asked.
  virtual WireRequest write(const ChatCall& call) const = 0;

  /// What to ask instead, once, after the service refused `call` with
  /// `refusal`; nothing where there is no other way to say it.
  virtual std::optional<WireRequest> other_way(const ChatCall&,
                                               const Error&) const {
    return std::nullopt;
  }
  virtual std::unique_ptr<AnswerReader> reader(const ChatCall& call) const = 0;
};

}  // namespace abstractllm::providers
