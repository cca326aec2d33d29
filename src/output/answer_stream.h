// From an answer's tokens to the events that its reader sees.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/event.h"
#include "output/answer_parser.h"
#include "output/text_stream.h"

namespace abstractllm::output {

struct AnswerOptions {
  AnswerFormat format{};
  /// Stop texts are looked for in the text, not in reasoning or calls.
  std::vector<std::string> stops{};
  bool one_call = false;      ///< the answer ends with its first call
  std::uint64_t id_seed = 0;  ///< ids of calls follow from it
};

/// The events of one answer but for the terminal one. Logprobs are those of
/// tokens whose text begins in the text. One thread at a time.
class AnswerStream {
 public:
  explicit AnswerStream(AnswerOptions options);

  /// Takes what a token adds to the text, whole characters, and its logprob.
  void push(std::string_view piece, std::optional<TokenLogprob> logprob,
            std::vector<Event>& out);
  /// The answer is over.
  void finish(std::vector<Event>& out);

  /// Nothing more is wanted: a stop text or the only call was there.
  bool stopped() const { return text_.stopped() || (one_call_ && calls_ > 0); }
  std::string_view stop_text() const { return text_.stop_text(); }
  int calls() const { return calls_; }

 private:
  struct Pending {
    std::size_t begin;  // of the token's text in the answer
    TokenLogprob logprob;
  };

  void show(std::vector<AnswerItem> items, std::vector<Event>& out);
  void show_text(const TextRun& run, std::vector<Event>& out);
  void add(std::optional<TextDelta> delta, std::vector<Event>& out);
  void complete_id(ToolCall& call);

  const std::unique_ptr<AnswerParser> parser_;
  TextStream text_;
  const bool one_call_;
  const std::uint64_t id_seed_;
  std::deque<Pending> pending_;
  std::size_t read_ = 0;
  std::size_t shown_ = 0;  // end of the text that was shown
  int calls_ = 0;
};

}  // namespace abstractllm::output
