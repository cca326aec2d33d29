// Gemma 4's calls: call:f{key:<|"|>text<|"|>,other:5} between tags.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kBegin = "<|tool_call>";
constexpr std::string_view kEnd = "<tool_call|>";
constexpr std::string_view kQuote = "<|\"|>";
constexpr int kMaxDepth = 64;

// A value as JSON, from a whole text; empty where it is none.
class Values {
 public:
  explicit Values(std::string_view text) : cursor_{text, 0, true} {}

  std::optional<std::string> object(int depth = 0) {
    if (depth > kMaxDepth || !cursor_.take("{")) return std::nullopt;
    ObjectText out;
    cursor_.skip_space();
    while (!cursor_.take("}")) {
      const auto name = key();
      if (!name) return std::nullopt;
      cursor_.skip_space();
      const auto json = value(depth + 1);
      if (!json) return std::nullopt;
      out.add(*name, *json);
      cursor_.skip_space();
      if (!cursor_.take(",") && !cursor_.rest().starts_with('}')) {
        return std::nullopt;
      }
      cursor_.skip_space();
    }
    return out.str();
  }

  bool at_end() {
    cursor_.skip_space();
    return cursor_.rest().empty();
  }

 private:
  std::optional<std::string> key() {
    if (cursor_.take(kQuote)) {
      const auto text = take_until(cursor_, kQuote);
      if (!text || !cursor_.take(":")) return std::nullopt;
      return std::string(*text);
    }
    const auto text = take_until(cursor_, ":");
    if (!text || text->empty()) return std::nullopt;
    return std::string(*text);
  }

  std::optional<std::string> value(int depth) {
    if (cursor_.take(kQuote)) {
      const auto text = take_until(cursor_, kQuote);
      if (!text) return std::nullopt;
      return json_quoted(*text);
    }
    if (cursor_.rest().starts_with('{')) return object(depth);
    if (cursor_.rest().starts_with('[')) return list(depth);
    const std::size_t end = cursor_.rest().find_first_of(",}]");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view word = cursor_.rest().substr(0, end);
    cursor_.at += end;
    if (const auto json = strict_json(word)) return json;
    return json_quoted(word);
  }

  std::optional<std::string> list(int depth) {
    if (depth > kMaxDepth || !cursor_.take("[")) return std::nullopt;
    std::string out = "[";
    cursor_.skip_space();
    while (!cursor_.take("]")) {
      const auto json = value(depth + 1);
      if (!json) return std::nullopt;
      out += (out.size() > 1 ? "," : "") + *json;
      cursor_.skip_space();
      if (!cursor_.take(",") && !cursor_.rest().starts_with(']')) {
        return std::nullopt;
      }
      cursor_.skip_space();
    }
    return out + "]";
  }

  Cursor cursor_;
};

class GemmaTagReader : public CallReader {
 public:
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kBegin)}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, kBegin.size(), at_end};
    auto body = take_until(cursor, kEnd);
    if (!body) {
      if (!at_end) return Reading::more();
      body = cursor.rest();
      cursor.at = text.size();
    }
    Cursor inside{*body, 0, true};
    inside.skip_space();
    if (!inside.take("call:")) return Reading::none();
    const std::size_t brace = inside.rest().find('{');
    if (brace == std::string_view::npos || brace == 0) return Reading::none();
    ToolCall call;
    call.name = inside.rest().substr(0, brace);
    inside.at += brace;
    Values values(inside.rest());
    auto arguments = values.object();
    if (!arguments || !values.at_end()) return Reading::none();
    call.arguments = *std::move(arguments);
    return Reading::of(cursor.at, {call});
  }
};

}  // namespace

std::unique_ptr<CallReader> make_gemma_tag_reader(const Tools&) {
  return std::make_unique<GemmaTagReader>();
}

}  // namespace abstractllm::output
