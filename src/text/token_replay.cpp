// Finds the answers in a rendered prompt by rendering it with marks.
// SPDX-License-Identifier: Apache-2.0
#include "text/token_replay.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "abstractllm/error.h"
#include "base/log.h"
#include "base/text.h"
#include "text/written_parts.h"

namespace abstractllm::text {
namespace {

using Ids = std::vector<std::int32_t>;

// Characters of the private use area: no conversation has this text.
constexpr std::string_view kMark = "\xEE\x80\x80#\xEE\x80\x81";
// More than the texts of the tokens that end a turn have.
constexpr std::size_t kMostEndBytes = 64;
// Places where thoughts may end that are looked at: a text that repeats itself
// has as many as it is long.
constexpr int kMostThoughtEnds = 16;

// A stretch of the prompt that an answer's own ids stand for.
struct Stretch {
  std::size_t begin = 0;  // bytes of the prompt
  std::size_t end = 0;
  const Ids* ids = nullptr;
};

// How an answer is written in the prompt.
enum class Writing {
  kText,   // as its one text
  kParts,  // by the template, from calls or several texts
};

struct Answer {
  const Message* message;
  Writing writing;
};

// Nothing if `message` is no answer whose ids are known, or has parts that no
// answer has.
std::optional<Writing> writing_of(const Message& message) {
  if (message.token_ids.empty()) return std::nullopt;
  int texts = 0;
  int calls = 0;
  for (const Part& part : message.parts) {
    if (std::holds_alternative<TextPart>(part)) {
      ++texts;
    } else if (std::holds_alternative<ToolCall>(part)) {
      ++calls;
    } else if (!std::holds_alternative<ReasoningPart>(part)) {
      return std::nullopt;
    }
  }
  if (texts + calls == 0) return std::nullopt;
  return texts == 1 && calls == 0 ? Writing::kText : Writing::kParts;
}

// Puts a mark in the place of what the answer says; its thoughts stay.
void mark(Message& answer) {
  std::erase_if(answer.parts, [](const Part& part) {
    return !std::holds_alternative<ReasoningPart>(part);
  });
  answer.parts.push_back(TextPart{std::string(kMark)});
}

// Walks a prompt and the same prompt with marks side by side.
class Finder {
 public:
  Finder(std::string_view prompt, std::string_view marked)
      : prompt_(prompt), marked_(marked) {}

  // The stretch of the next marked answer, `said` being the text of its ids;
  // nothing if it is not written as it was, or if the two have parted ways.
  std::optional<Stretch> next(const Answer& answer, const std::string& said) {
    const std::size_t mark = marked_.find(kMark, at_marked_);
    if (parted_ || mark == std::string_view::npos) return std::nullopt;
    const std::string_view before =
        marked_.substr(at_marked_, mark - at_marked_);
    if (!prompt_.substr(at_).starts_with(before)) return part();
    at_ += before.size();
    at_marked_ = mark + kMark.size();
    const std::size_t next_mark = marked_.find(kMark, at_marked_);
    const bool is_last = next_mark == std::string_view::npos;
    const std::string_view rest = marked_.substr(
        at_marked_, is_last ? next_mark : next_mark - at_marked_);
    const auto end = answer.writing == Writing::kText
                         ? end_of_text(answer.message->text(), rest)
                         : end_of_marked(rest, is_last);
    if (!end) return part();
    const std::size_t begin = std::exchange(at_, *end);
    return stretch_of(answer, said, begin);
  }

  // The two have come to their ends together.
  bool arrived() const {
    return !parted_ && prompt_.substr(at_) == marked_.substr(at_marked_);
  }

 private:
  std::nullopt_t part() {
    parted_ = true;
    return std::nullopt;
  }

  std::optional<std::size_t> end_of_text(std::string_view content,
                                         std::string_view rest) const {
    const std::string_view here = prompt_.substr(at_);
    for (const std::string_view as : {content, base::trimmed(content)}) {
      if (here.starts_with(as) && here.substr(as.size()).starts_with(rest)) {
        return at_ + as.size();
      }
    }
    return std::nullopt;
  }

  std::optional<std::size_t> end_of_marked(std::string_view rest,
                                           bool is_last) const {
    if (is_last) {
      const std::string_view here = prompt_.substr(at_);
      if (!here.ends_with(rest)) return std::nullopt;
      return prompt_.size() - rest.size();
    }
    const std::size_t end = prompt_.find(rest, at_);
    if (rest.empty() || end == std::string_view::npos) return std::nullopt;
    return end;
  }

  // What is written from `begin` to at_ is the end of `said`, but for what
  // ends the turn. Thoughts that the template repeats stand before `begin`.
  std::optional<Stretch> stretch_of(const Answer& answer, std::string_view said,
                                    std::size_t begin) const {
    const std::string_view written = prompt_.substr(begin, at_ - begin);
    const bool has_thoughts =
        answer.message->parts.size() > 1 &&
        std::holds_alternative<ReasoningPart>(answer.message->parts.front());
    std::vector<std::size_t> thoughts{0};
    if (has_thoughts) thoughts = overlaps(prompt_.substr(0, begin), said);
    const WrittenParts parts(*answer.message, written);
    int looked_at = 0;
    for (const std::size_t length : thoughts) {
      const std::string_view rest = said.substr(length);
      const bool is_text = answer.writing == Writing::kText;
      // An answer of one text is as long as it is.
      if (is_text && (rest.size() < written.size() ||
                      rest.size() > written.size() + kMostEndBytes)) {
        continue;
      }
      if (++looked_at > kMostThoughtEnds) break;
      const auto end =
          is_text ? end_of_text_said(rest, written) : end_of_parts(rest, parts);
      if (end) return Stretch{begin - length, *end, &answer.message->token_ids};
    }
    return std::nullopt;
  }

  std::optional<std::size_t> end_of_text_said(std::string_view said,
                                              std::string_view written) const {
    if (said.empty() || !said.starts_with(written) ||
        !prompt_.substr(at_ - written.size()).starts_with(said)) {
      return std::nullopt;
    }
    return at_ - written.size() + said.size();
  }

  std::optional<std::size_t> end_of_parts(std::string_view said,
                                          const WrittenParts& parts) const {
    if (said.empty()) return std::nullopt;
    const std::string_view after = prompt_.substr(at_, kMostEndBytes);
    for (std::size_t ending = std::min(after.size(), said.size());; --ending) {
      if (said.ends_with(after.substr(0, ending)) &&
          parts.are(said.substr(0, said.size() - ending))) {
        return at_ + ending;
      }
      if (ending == 0) return std::nullopt;
    }
  }

  const std::string_view prompt_;
  const std::string_view marked_;
  std::size_t at_ = 0;
  std::size_t at_marked_ = 0;
  bool parted_ = false;
};

// Nothing where the template does not write the marks where the answers were.
std::optional<std::vector<Stretch>> try_to_find(
    const std::vector<Message>& messages, const PromptCoder& coder,
    std::string_view prompt, bool with_parts) {
  std::vector<Message> marked = messages;
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto writing = writing_of(messages[i]);
    if (!writing || (!with_parts && *writing == Writing::kParts)) continue;
    answers.push_back({&messages[i], *writing});
    mark(marked[i]);
  }
  std::vector<Stretch> stretches;
  if (answers.empty()) return stretches;
  const std::string marked_prompt = coder.render(marked);
  Finder finder(prompt, marked_prompt);
  for (const Answer& answer : answers) {
    const auto found =
        finder.next(answer, coder.decode(answer.message->token_ids));
    if (found && (stretches.empty() || found->begin >= stretches.back().end)) {
      stretches.push_back(*found);
    }
  }
  if (with_parts && !finder.arrived()) return std::nullopt;
  return stretches;
}

// Whether an answer is written from its parts.
bool has_answer_of_parts(const std::vector<Message>& messages) {
  return std::any_of(messages.begin(), messages.end(),
                     [](const Message& message) {
                       return writing_of(message) == Writing::kParts;
                     });
}

std::vector<Stretch> find_stretches(const std::vector<Message>& messages,
                                    const PromptCoder& coder,
                                    std::string_view prompt) {
  if (has_answer_of_parts(messages)) {
    try {
      if (auto found = try_to_find(messages, coder, prompt, true)) {
        return *std::move(found);
      }
    } catch (const InvalidRequestError&) {
      // Without the calls some templates refuse their results. What the error
      // says may repeat the conversation.
      base::log(base::LogLevel::kDebug, "prompt",
                "calls are not replayed: the template refuses a conversation "
                "without them");
    }
  }
  return try_to_find(messages, coder, prompt, false)
      .value_or(std::vector<Stretch>{});
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
