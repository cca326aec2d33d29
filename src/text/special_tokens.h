// What a model's files say about its special tokens and its chat template.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace abstractllm::io {
class GgufFile;
}

namespace abstractllm::text {

struct GgufVocabulary;

/// Texts of special tokens. A plain value.
struct SpecialTokens {
  /// By the name that chat templates use: bos_token, eos_token, unk_token,
  /// pad_token, sep_token, cls_token, mask_token, and what else a model names.
  std::map<std::string, std::string> named;
  /// Those without a name of their own.
  std::vector<std::string> additional;
};

/// From tokenizer_config.json, then special_tokens_map.json of a model folder.
/// A file that is not there says nothing. Throws ModelLoadingError for a
/// damaged one.
SpecialTokens read_special_tokens(const std::filesystem::path& folder);

SpecialTokens special_tokens_of(const GgufVocabulary& vocabulary);

/// The chat templates that a model brings along: by name, "default" for the
/// usual one.
using ChatTemplateSources = std::map<std::string, std::string>;

/// chat_template.jinja, else chat_template.json, else `chat_template` of
/// tokenizer_config.json; and additional_chat_templates/NAME.jinja. Empty if
/// there is none. Throws ModelLoadingError for a damaged file.
ChatTemplateSources read_chat_templates(const std::filesystem::path& folder);

/// `tokenizer.chat_template` and `tokenizer.chat_template.NAME`.
ChatTemplateSources read_chat_templates(const io::GgufFile& file);

/// "tool_use" if tools are offered and the model has it, else "default";
/// nothing if the model has neither.
std::optional<std::string> choose_chat_template(
    const ChatTemplateSources& templates, bool tools_offered);

}  // namespace abstractllm::text
