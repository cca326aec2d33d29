// From a conversation to the ids of a prompt.
// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "engine/model_package.h"
#include "families/conversation.h"
#include "text/token_replay.h"

namespace abstractllm::engine {

EncodedChat ModelPackage::encode_chat(const ChatPrompt& prompt) const {
  const Chat& used = chat_for(!prompt.tools.empty());
  const families::TemplateFacts& facts = used.facts;
  const bool told = prompt.tools.empty() || facts.tools;
  const std::vector<Message> messages = families::adapt_conversation(
      prompt.messages, told ? "" : families::tools_preamble(prompt.tools),
      facts);
  // A model's own template writes the beginning token itself.
  const bool add_special = used.source != TemplateSource::kModel;
  const auto encode_text = [&](std::string_view text, bool special) {
    return tokenizer.encode(text, special);
  };
  std::optional<ImageReader::PromptEncoder> with_images;
  if (images) with_images.emplace(*images, prompt.images, encode_text);
  EncodedChat encoded;
  const text::PromptCoder coder{
      .render =
          [&](const std::vector<Message>& list) {
            std::string text = render(used, prompt, list);
            // The first is the prompt itself; others are for comparison.
            if (encoded.text.empty()) encoded.text = text;
            return text;
          },
      .encode =
          [&](std::string_view text, bool at_start) {
            return with_images ? with_images->encode(text, at_start)
                               : encode_text(text, add_special && at_start);
          },
      .decode =
          [&](const std::vector<std::int32_t>& ids) {
            return tokenizer.decode(ids, /* skip_special = */ false);
          }};
  // Numbered places are counted over the whole prompt.
  const bool whole =
      images && !prompt.images.empty() && images->has_numbered_places();
  encoded.ids = whole ? coder.encode(coder.render(messages), true)
                      : text::encode_with_replay(messages, coder);
  if (!prompt.images.empty()) {
    images->name_images(prompt.images, encoded.ids);
  }
  return encoded;
}

std::string ModelPackage::render(const Chat& used, const ChatPrompt& prompt,
                                 const std::vector<Message>& messages) const {
  // PaliGemma continues one text; no turns are marked.
  if (images && images->images_go_first() &&
      used.source != TemplateSource::kModel) {
    std::string text;
    for (const Message& message : messages) {
      if (!text.empty()) text += '\n';
      text += message.text();
    }
    return text;
  }
  const families::TemplateFacts& facts = used.facts;
  const bool told = prompt.tools.empty() || facts.tools;
  return used.chat_template.render(
      {.messages = text::messages_to_json(
           template_takes_text ? images->with_places(messages) : messages,
           facts.shape),
       .tools = told ? text::tools_to_json(prompt.tools) : std::nullopt,
       .add_generation_prompt = true,
       .variables = prompt.template_variables,
       .now = text::local_now()});
}

}  // namespace abstractllm::engine
