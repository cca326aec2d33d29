// Watching what a model is asked and how it answers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "abstractllm/export.h"
#include "abstractllm/llm.h"

namespace abstractllm {

/// Which request of one observed model it is, and how long after its start.
struct ObservedMoment {
  std::uint64_t request = 0;  ///< counts from 1
  double seconds = 0;
};

/// How a request ended.
struct ObservedEnd {
  /// What there was of the answer, also when it failed.
  GenerateResponse response{};
  const Error* error = nullptr;  ///< null: it did not fail
  int retries = 0;
};

/// Any of them may be empty. Called on the thread of the request, in this
/// order, from several threads for several requests; they must not call the
/// model. What they throw is logged and goes no further. References live for
/// the call alone.
struct Observer {
  std::function<void(const ObservedMoment&, const Request&)> started{};
  std::function<void(const ObservedMoment&, const Retrying&)> retrying{};
  /// At the first text, reasoning or tool call.
  std::function<void(const ObservedMoment&)> first_token{};
  std::function<void(const ObservedMoment&, const ToolCall&)> tool_called{};
  std::function<void(const ObservedMoment&, const ObservedEnd&)> ended{};
};

/// `llm`, watched. Thread-safe as `llm` is.
ABSTRACTLLM_API std::shared_ptr<AbstractLLMInterface> observe(
    std::shared_ptr<AbstractLLMInterface> llm, Observer observer);

struct TraceOptions {
  /// Also what was said. Without it a line has the sizes alone. Images never
  /// are, and what looks like a key or a token is masked.
  bool texts = false;
};

/// Appends one line of JSON for each request when it ends: time, provider,
/// model, messages, parameters, answer, usage, timings, error. Makes the file
/// (0600). Several processes may write one file. Throws FileProcessingError if
/// it cannot be opened; a later failure to write is logged once.
ABSTRACTLLM_API Observer trace_to_file(const std::filesystem::path& file,
                                       const AbstractLLMInterface& llm,
                                       const TraceOptions& options = {});

/// `text` with what looks like a key, a token or a password masked.
ABSTRACTLLM_API std::string redact_secrets(std::string_view text);

}  // namespace abstractllm
