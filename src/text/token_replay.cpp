// Finds the answers in a rendered prompt by rendering it with marks.
// SPDX-License-Identifier: Apache-2.0
#include "text/token_replay.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace abstractllm::text {
namespace {

using Ids = std::vector<std::int32_t>;

// Characters of the private use area: no conversation has this text.
constexpr std::string_view kMark = "\xEE\x80\x80#\xEE\x80\x81";

// A stretch of the prompt that an answer's own ids stand for.
struct Stretch {
  std::size_t begin = 0;  // bytes of the prompt
  std::size_t end = 0;
  const Ids* ids = nullptr;
};

// The one text part of an answer that can be marked.
TextPart* only_text(Message& message) {
  TextPart* found = nullptr;
  for (Part& part : message.parts) {
    if (auto* text = std::get_if<TextPart>(&part)) {
      if (found != nullptr) return nullptr;
      found = text;
    } else if (!std::holds_alternative<ReasoningPart>(part)) {
      return nullptr;
    }
  }
  return found;
}

// Walks a prompt and the same prompt with marks side by side.
class Finder {
 public:
  Finder(std::string_view prompt, std::string_view marked)
      : prompt_(prompt), marked_(marked) {}

  // The stretch of the next marked answer; nothing if it is not written as it
  // was, or if the two have parted ways.
  std::optional<Stretch> next(const std::string& content, const Ids& ids,
                              const std::string& said) {
    const std::size_t mark = marked_.find(kMark, at_marked_);
    if (parted_ || mark == std::string_view::npos) return std::nullopt;
    const std::string_view before =
        marked_.substr(at_marked_, mark - at_marked_);
    if (!prompt_.substr(at_).starts_with(before)) return part();
    at_ += before.size();
    at_marked_ = mark + kMark.size();
    const std::size_t begin = at_;
    const std::string_view rest = marked_.substr(
        at_marked_, marked_.find(kMark, at_marked_) - at_marked_);
    for (const std::string_view as :
         {std::string_view(content), base::trimmed(content)}) {
      const std::string_view here = prompt_.substr(at_);
      if (!here.starts_with(as) || !here.substr(as.size()).starts_with(rest)) {
        continue;
      }
      at_ += as.size();
      if (!said.empty() && prompt_.substr(begin).starts_with(said) &&
          said.size() >= as.size()) {
        return Stretch{begin, begin + said.size(), &ids};
      }
      return std::nullopt;
    }
    return part();
  }

 private:
  std::nullopt_t part() {
    parted_ = true;
    return std::nullopt;
  }

  const std::string_view prompt_;
  const std::string_view marked_;
  std::size_t at_ = 0;
  std::size_t at_marked_ = 0;
  bool parted_ = false;
};

std::vector<Stretch> find_stretches(const std::vector<Message>& messages,
                                    const PromptCoder& coder,
                                    std::string_view prompt) {
  std::vector<Message> marked = messages;
  std::vector<const Message*> answers;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].token_ids.empty()) continue;
    if (TextPart* text = only_text(marked[i])) {
      text->text = kMark;
      answers.push_back(&messages[i]);
    }
  }
  if (answers.empty()) return {};
  const std::string marked_prompt = coder.render(marked);
  Finder finder(prompt, marked_prompt);
  std::vector<Stretch> stretches;
  for (const Message* answer : answers) {
    const auto found = finder.next(answer->text(), answer->token_ids,
                                   coder.decode(answer->token_ids));
    if (found && (stretches.empty() || found->begin >= stretches.back().end)) {
      stretches.push_back(*found);
    }
  }
  return stretches;
}

}  // namespace

std::vector<std::int32_t> encode_with_replay(
    const std::vector<Message>& messages, const PromptCoder& coder) {
  const std::string prompt = coder.render(messages);
  const Ids plain = coder.encode(prompt, true);
  const auto stretches = find_stretches(messages, coder, prompt);
  if (stretches.empty()) return plain;
  // The prompt in pieces, once as its text says and once as it was said.
  Ids pieces;
  Ids replayed;
  std::size_t at = 0;
  const auto add = [&](std::size_t end, const Ids* ids) {
    if (end == at && ids == nullptr) return;
    const Ids piece =
        coder.encode(std::string_view(prompt).substr(at, end - at), at == 0);
    pieces.insert(pieces.end(), piece.begin(), piece.end());
    const Ids& used = ids == nullptr ? piece : *ids;
    replayed.insert(replayed.end(), used.begin(), used.end());
    at = end;
  };
  for (const Stretch& stretch : stretches) {
    add(stretch.begin, nullptr);
    add(stretch.end, stretch.ids);
  }
  add(prompt.size(), nullptr);
  // Where the tokenizer does not divide at these places (a token over a
  // border, a prefix that it puts before every text) the text has the word.
  return pieces == plain ? replayed : plain;
}

}  // namespace abstractllm::text
