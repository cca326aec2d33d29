// Choice of a chat template, and what it can do.
// SPDX-License-Identifier: Apache-2.0
#include "engine/chat_choice.h"

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "families/chat_fallback.h"

namespace abstractllm::engine {
namespace {

bool has_tokens(const text::Tokenizer& tokenizer,
                const std::vector<std::string_view>& tokens) {
  return std::all_of(tokens.begin(), tokens.end(), [&](std::string_view token) {
    return tokenizer.token_to_id(token).has_value();
  });
}

Chat make_chat(std::string_view source, const TextParts& parts,
               const families::MLXModelConfig& family, TemplateSource from) {
  text::ChatTemplate chat_template(source, parts.special.named);
  families::TemplateFacts facts = families::find_template_facts(chat_template);
  families::AnswerRules rules = families::find_answer_rules(
      chat_template.source(), facts, family, [&](std::string_view text) {
        return parts.tokenizer.token_to_id(text).has_value();
      });
  return {std::move(chat_template), from, std::move(facts), std::move(rules)};
}

}  // namespace

std::string_view to_string(TemplateSource source) noexcept {
  switch (source) {
    case TemplateSource::kModel:
      return "the model's own";
    case TemplateSource::kFamily:
      return "its family's, because the model has none";
    case TemplateSource::kPlain:
      return "plain, because the model has none";
  }
  return {};
}

Chat choose_chat(const TextParts& parts, const families::MLXModelConfig& family,
                 const io::ModelFiles& files, bool is_encoder,
                 std::optional<Chat>& with_tools) {
  const auto own = text::choose_chat_template(parts.templates, false);
  const auto for_tools = text::choose_chat_template(parts.templates, true);
  if (for_tools && for_tools != own) {
    with_tools = make_chat(*for_tools, parts, family, TemplateSource::kModel);
  }
  if (own) return make_chat(*own, parts, family, TemplateSource::kModel);
  const bool has_fallback = !family.chat_template.empty() &&
                            has_tokens(parts.tokenizer, family.template_tokens);
  const TemplateSource source =
      has_fallback ? TemplateSource::kFamily : TemplateSource::kPlain;
  if (!is_encoder) {
    base::log(base::LogLevel::kWarning, "engine",
              files.location.string() + " has no chat template; " +
                  (has_fallback ? "that of the family " +
                                      std::string(family.name) + " is used"
                                : "a plain one is used"));
  }
  return make_chat(
      has_fallback ? family.chat_template : families::plain_chat_template(),
      parts, family, source);
}

bool takes_image_parts(const Chat& chat, const ImageReader& images) {
  if (images.images_go_first()) return true;
  // Numbers go over all messages, which templates do not count.
  if (images.has_numbered_places()) return false;
  try {
    const std::string text = chat.chat_template.render(
        {.messages = text::messages_to_json(
             {{Role::kUser, {ImagePart{}, TextPart{"?"}}}}, chat.facts.shape),
         .add_generation_prompt = true,
         .now = text::local_now()});
    return text.find(images.processor().placeholder()) != text.npos;
  } catch (const InvalidRequestError&) {
    return false;  // it cannot take a list, which is the answer
  }
}

}  // namespace abstractllm::engine
