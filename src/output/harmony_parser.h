// The channels of gpt-oss's answers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "output/answer_parser.h"

namespace abstractllm::output {

/// Messages of an answer, each with a channel: analysis is reasoning, final is
/// text, commentary is text or, with a recipient, a call. Text without any
/// channel is text. A call that is none comes out as text with its marks. One
/// thread at a time.
class HarmonyParser : public AnswerParser {
 public:
  void push(std::string_view text, std::vector<AnswerItem>& out) override;
  void finish(std::vector<AnswerItem>& out) override;

 private:
  enum class Place { kHeader, kReasoning, kText, kCall };

  bool step(bool at_end, std::vector<AnswerItem>& out);
  bool read_header(bool at_end, std::vector<AnswerItem>& out);
  bool read_body(bool at_end, std::vector<AnswerItem>& out);
  void give(std::size_t count, std::vector<AnswerItem>& out);
  void give_call(std::vector<AnswerItem>& out);
  std::string take(std::size_t count);

  Place place_ = Place::kHeader;
  std::string buffer_;
  std::size_t begin_ = 0;  // of the buffer in the input
  std::string header_;     // of the message, with its marks
  std::size_t header_begin_ = 0;
  std::string recipient_;
  std::string body_;  // of a call
};

}  // namespace abstractllm::output
