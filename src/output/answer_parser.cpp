// Reasoning first, then calls; or channels.
// SPDX-License-Identifier: Apache-2.0
#include "output/answer_parser.h"

#include <utility>

#include "output/harmony_parser.h"
#include "output/reasoning_parser.h"
#include "output/tool_calls/call_reader.h"

namespace abstractllm::output {

namespace {

class MarkedParser : public AnswerParser {
 public:
  explicit MarkedParser(const AnswerFormat& format) {
    if (!format.reasoning_end.empty()) {
      reasoning_.emplace(format.reasoning_begin, format.reasoning_end,
                         format.reasoning_open);
    }
    if (format.dialect) {
      calls_.emplace(make_call_reader(*format.dialect, format.tools));
    }
  }

  void push(std::string_view text, std::vector<AnswerItem>& out) override {
    std::vector<AnswerItem> items;
    if (reasoning_) {
      reasoning_->push(text, items);
    } else if (!text.empty()) {
      items.emplace_back(TextRun{std::string(text), read_});
      read_ += text.size();
    }
    pass_on(std::move(items), out);
  }

  void finish(std::vector<AnswerItem>& out) override {
    std::vector<AnswerItem> items;
    if (reasoning_) reasoning_->finish(items);
    pass_on(std::move(items), out);
    if (!calls_) return;
    std::vector<CallItem> found;
    calls_->finish(found);
    append(std::move(found), out);
  }

 private:
  void pass_on(std::vector<AnswerItem> items, std::vector<AnswerItem>& out) {
    for (AnswerItem& item : items) {
      auto* run = std::get_if<TextRun>(&item);
      if (run == nullptr || !calls_) {
        out.push_back(std::move(item));
        continue;
      }
      if (!text_begin_) text_begin_ = run->begin;
      std::vector<CallItem> found;
      calls_->push(run->text, found);
      append(std::move(found), out);
    }
  }

  void append(std::vector<CallItem> found, std::vector<AnswerItem>& out) {
    for (CallItem& item : found) {
      if (auto* run = std::get_if<TextRun>(&item)) {
        run->begin += text_begin_.value_or(0);
        out.emplace_back(std::move(*run));
      } else {
        out.emplace_back(std::get<ToolCall>(std::move(item)));
      }
    }
  }

  std::optional<ReasoningParser> reasoning_;
  std::optional<CallParser> calls_;
  std::size_t read_ = 0;
  // Where the text begins that calls are looked for in; it has no gaps.
  std::optional<std::size_t> text_begin_;
};

}  // namespace

std::unique_ptr<AnswerParser> make_answer_parser(const AnswerFormat& format) {
  if (format.dialect == ToolDialect::kHarmony) {
    return std::make_unique<HarmonyParser>();
  }
  return std::make_unique<MarkedParser>(format);
}

}  // namespace abstractllm::output
