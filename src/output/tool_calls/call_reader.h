// What one dialect has to say to the parser of calls.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"
#include "output/tool_calls/dialect.h"

namespace abstractllm::output {

/// What begins a span of calls.
struct Opener {
  std::string text;
  /// Only where the answer has nothing before it but space and other calls: a
  /// brace is no mark within a sentence.
  bool only_first = false;
};

/// What a reader found in a span.
struct Reading {
  enum class State {
    kMore,   ///< not decided
    kNone,   ///< no call: the opener is text
    kCalls,  ///< `calls`, in the first `used` bytes; there may be none
  };
  State state = State::kMore;
  std::size_t used = 0;
  std::vector<ToolCall> calls{};

  static Reading more() { return {}; }
  static Reading none() { return {.state = State::kNone}; }
  /// Of what has not ended: with an answer that is over, it never will.
  static Reading undecided(bool at_end) { return at_end ? none() : more(); }
  static Reading of(std::size_t used, std::vector<ToolCall> calls) {
    return {State::kCalls, used, std::move(calls)};
  }
};

/// One dialect. Immutable; thread-safe.
class CallReader {
 public:
  virtual ~CallReader() = default;
  virtual const std::vector<Opener>& openers() const = 0;
  /// Looks at `text`, which begins with an opener and ends where the answer is
  /// so far; `at_end`: that is its end. What it decides for a text it decides
  /// for every longer one that begins so; with `at_end` it decides.
  virtual Reading read(std::string_view text, bool at_end) const = 0;
};

/// The tools of a request as readers need them.
using Tools = std::vector<ToolDefinition>;

// One function per dialect or kin of dialects.
std::unique_ptr<CallReader> make_tagged_reader(const Tools& tools);
std::unique_ptr<CallReader> make_llama_reader(const Tools& tools);
std::unique_ptr<CallReader> make_mistral_reader(const Tools& tools);
std::unique_ptr<CallReader> make_command_r_reader(const Tools& tools);
std::unique_ptr<CallReader> make_deepseek_reader(const Tools& tools);
std::unique_ptr<CallReader> make_listed_reader(ToolDialect dialect,
                                               const Tools& tools);
std::unique_ptr<CallReader> make_pythonic_reader(const Tools& tools);
std::unique_ptr<CallReader> make_glm_reader(const Tools& tools);
std::unique_ptr<CallReader> make_gemma_reader(const Tools& tools);
std::unique_ptr<CallReader> make_gemma_tag_reader(const Tools& tools);
std::unique_ptr<CallReader> make_kimi_reader(const Tools& tools);
std::unique_ptr<CallReader> make_minimax_reader(const Tools& tools);
std::unique_ptr<CallReader> make_functionary_reader(const Tools& tools);
std::unique_ptr<CallReader> make_gigachat_reader(const Tools& tools);
std::unique_ptr<CallReader> make_hunyuan_reader(const Tools& tools);
std::unique_ptr<CallReader> make_kimi_channel_reader(const Tools& tools);
std::unique_ptr<CallReader> make_minicpm_reader(const Tools& tools);
std::unique_ptr<CallReader> make_minimax_element_reader(const Tools& tools);
std::unique_ptr<CallReader> make_muse_reader(const Tools& tools);
std::unique_ptr<CallReader> make_solar_reader(const Tools& tools);
std::unique_ptr<CallReader> make_json_reader(const Tools& tools);

/// The reader of any dialect but kHarmony, whose calls are channels.
std::unique_ptr<CallReader> make_call_reader(ToolDialect dialect,
                                             const Tools& tools);

}  // namespace abstractllm::output
