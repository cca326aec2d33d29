// Muse's messages to a receiver: " to=f<|message|>" and then
// <atem:invoke name="f">; the user is a receiver, too.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/invocations.h"

namespace abstractllm::output {

namespace {

constexpr std::string_view kStart = "<|start|>assistant";
constexpr std::string_view kTo = "to=";
constexpr std::string_view kMessage = "<|message|>";
constexpr std::string_view kMessageEnd = "<|eom|>";

class MuseReader : public CallReader {
 public:
  explicit MuseReader(const Tools& tools) : types_(tools) {}

  // The prompt ends in the first <|start|>assistant.
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{
        {std::string(kTo), true},  {std::string(kMessage), true},
        {std::string(kStart)},     {std::string(kMessageEnd)},
        {"<atem:function_calls>"}, {"<atem:invoke "}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    if (text.starts_with("<atem:")) {
      return read_invocations(cursor, "<atem:", types_);
    }
    if (cursor.take(kMessageEnd)) return Reading::of(cursor.at, {});
    return read_head(cursor);
  }

 private:
  static Reading read_head(Cursor& cursor) {
    bool taken = false;
    cursor.take(kStart);
    cursor.skip_space();
    if (!cursor.take_optional(kTo, taken)) return Reading::more();
    if (taken) take_name(cursor);
    cursor.skip_space();
    if (!cursor.take_optional(kMessage, taken)) return Reading::more();
    if (taken) return Reading::of(cursor.at, {});
    return cursor.rest().empty() ? Reading::undecided(cursor.at_end)
                                 : Reading::none();
  }

  const ParameterTypes types_;
};

}  // namespace

std::unique_ptr<CallReader> make_muse_reader(const Tools& tools) {
  return std::make_unique<MuseReader>(tools);
}

}  // namespace abstractllm::output
