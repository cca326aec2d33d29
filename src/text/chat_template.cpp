// Chat templates, over the Rust crate.
// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <fmt/format.h>
#include <time.h>

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/json_text.h"
#include "text/tokenizer_impl.h"
#include "textbridge/textbridge.h"

namespace abstractllm::text {
namespace {

using Json = nlohmann::ordered_json;

// The largest published template has 30 KB.
constexpr std::size_t kMaxSourceBytes = 1u << 20;

textbridge::LocalTime to_bridge(std::chrono::local_seconds now) {
  using std::chrono::floor;
  const auto day = floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  const std::chrono::local_days new_year(date.year() / 1 / 1);
  return {
      .year = static_cast<std::int32_t>(static_cast<int>(date.year())),
      .month = static_cast<unsigned>(date.month()),
      .day = static_cast<unsigned>(date.day()),
      .hour = static_cast<std::uint32_t>(time.hours().count()),
      .minute = static_cast<std::uint32_t>(time.minutes().count()),
      .second = static_cast<std::uint32_t>(time.seconds().count()),
      .weekday = std::chrono::weekday(day).c_encoding(),
      .yearday = static_cast<std::uint32_t>((day - new_year).count()),
  };
}

std::string variables_of(const ChatTemplate::SpecialTokens& tokens,
                         const ChatTemplateInput& input) {
  Json variables = Json::object();
  for (const auto& [name, text] : tokens) variables[name] = text;
  variables["add_generation_prompt"] = input.add_generation_prompt;
  const Json more = base::parse_json(input.variables);
  if (!more.is_object()) {
    throw InvalidRequestError(
        "[chat template] the template variables are not a JSON object",
        R"(Pass an object such as {"enable_thinking": false}.)");
  }
  for (const auto& [name, value] : more.items()) variables[name] = value;
  // Bytes that are no UTF-8 in a special token must not end in an exception.
  return variables.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

struct ChatTemplate::Impl {
  rust::Box<textbridge::Template> rust;
  std::string source;
  SpecialTokens tokens;
};

ChatTemplate::ChatTemplate(std::string_view source, SpecialTokens tokens) {
  if (source.size() > kMaxSourceBytes) {
    throw ModelLoadingError(
        fmt::format("[chat template] it has {} bytes, at most {} are read",
                    source.size(), kMaxSourceBytes));
  }
  try {
    impl_ = std::make_shared<Impl>(
        Impl{textbridge::template_compile(as_slice(source)),
             std::string(source), std::move(tokens)});
  } catch (const rust::Error& error) {
    throw ModelLoadingError(
        fmt::format("[chat template] it is not valid: {}", error.what()),
        "Use another chat template.");
  }
}

std::string ChatTemplate::render(const ChatTemplateInput& input) const {
  const std::string variables = variables_of(impl_->tokens, input);
  auto rendering = impl_->rust->render(
      as_slice(input.messages), as_slice(input.tools ? *input.tools : "null"),
      as_slice(variables), to_bridge(input.now));
  const std::string text(rendering.text);
  switch (rendering.status) {
    case textbridge::RenderStatus::Done:
      return text;
    case textbridge::RenderStatus::Raised:
      throw InvalidRequestError(
          "[chat template] the model's template refuses these messages: " +
              text,
          "Change the messages as the template asks.");
    case textbridge::RenderStatus::Exhausted:
      throw InvalidRequestError(
          "[chat template] the template does more work than a prompt needs",
          "Use another chat template, or fewer messages.");
    default:
      break;
  }
  const std::string where =
      rendering.line > 0 ? fmt::format("line {}: ", rendering.line) : "";
  throw InvalidRequestError("[chat template] " + where + text,
                            "The model's template cannot handle these "
                            "messages; use another chat template.");
}

const std::string& ChatTemplate::source() const noexcept {
  return impl_->source;
}

std::chrono::local_seconds local_now() {
  const std::time_t now =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::localtime_r(&now, &parts);
  const std::chrono::year_month_day date(
      std::chrono::year(parts.tm_year + 1900),
      std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
      std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
  return std::chrono::local_days(date) + std::chrono::hours(parts.tm_hour) +
         std::chrono::minutes(parts.tm_min) +
         std::chrono::seconds(parts.tm_sec);
}

}  // namespace abstractllm::text
