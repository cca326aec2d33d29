// A provider that answers from a script, for tests of what sits above one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "abstractllm/factory.h"
#include "abstractllm/llm.h"

namespace abstractllm::test {

/// Holds a scripted stream until the test opens it. Copies share one gate.
/// Thread-safe.
class Gate {
 public:
  Gate();
  void open();
  /// Blocks until a stream stands at the gate.
  void wait_until_reached();
  /// The stream's side: returns when the gate is open (true) or the request is
  /// cancelled (false).
  bool pass(const CancelToken& cancel);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// One answer, written as a chain: Script().text("Hel").text("lo").
/// A script without an end finishes with kStop, or kToolCalls after a call.
class Script {
 public:
  using Step = std::variant<Event, Gate>;

  Script& text(std::string delta);
  Script& event(Event event);
  Script& wait(Gate gate);
  Script& fail(Error error);
  Script& finish(FinishReason reason, std::string stop_text = {});

  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

/// Answers each request with the next script and records the request. Ends as
/// a real provider does: one terminal event, kCancelled within one step of a
/// cancel, usage counted (prompt: words; completion: text deltas). A request
/// without a script left is Failed with GenerationError. Thread-safe.
class ScriptedProvider : public AbstractLLMInterface {
 public:
  explicit ScriptedProvider(std::string model = "script");

  void enqueue(Script script);
  /// One answer in one delta.
  void enqueue(std::string answer);
  void set_capabilities(Capabilities capabilities);
  std::vector<Request> requests() const;

  std::string_view provider() const override { return "scripted"; }
  std::string_view model() const override { return model_; }
  Capabilities capabilities() const override;
  void stream(const Request& request, const EventSink& sink) override;
  /// (length of the text, 0.5, dimensions or 3), longer ones with zeros; the
  /// request's prompt name counts as a part of the text.
  EmbeddingResponse embed(const EmbeddingRequest& request) override;
  /// Words of all the texts of `request`.
  int count_tokens(const Request& request) override;
  /// Bytes as ids.
  std::vector<std::int32_t> tokenize(std::string_view text,
                                     bool add_special_tokens) override;
  std::string detokenize(const std::vector<std::int32_t>& ids) override;
  /// One nat a predicted token.
  Score score(const std::vector<std::int32_t>& ids) override;
  ModelDescription describe() override;

 private:
  std::optional<Script> next_script(const Request& request);

  const std::string model_;
  mutable std::mutex mutex_;
  std::deque<Script> scripts_;     // mutex_
  std::vector<Request> requests_;  // mutex_
  Capabilities capabilities_;      // mutex_
};

/// A factory whose providers all forward to `provider`, so that a test keeps
/// hold of what create_llm hands out.
ProviderFactory factory_of(std::shared_ptr<ScriptedProvider> provider);

}  // namespace abstractllm::test
