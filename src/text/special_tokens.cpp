// What a model's files say about its special tokens and its chat template.
// SPDX-License-Identifier: Apache-2.0
#include "text/special_tokens.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "io/json_text.h"
#include "text/gguf_vocabulary.h"

namespace abstractllm::text {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json read_object(const fs::path& path) {
  if (!fs::exists(path)) return json::object();
  json parsed = io::parse_json_file(path, {.takes_last = true});
  if (!parsed.is_object()) {
    throw ModelLoadingError(
        fmt::format("[special tokens] {} is no JSON object", path.string()));
  }
  return parsed;
}

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(stream), {});
  if (!stream) {
    throw ModelLoadingError("[chat template] cannot read " + path.string());
  }
  return text;
}

// A token is a string, or an object with its text in "content".
std::optional<std::string> token_text(const json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (!token.is_object()) return std::nullopt;
  const auto content = token.find("content");
  if (content == token.end() || !content->is_string()) return std::nullopt;
  return content->get<std::string>();
}

void add_named(const json& tokens, SpecialTokens& out) {
  for (const auto& [name, token] : tokens.items()) {
    const bool is_flag = name.starts_with("add_");
    if (is_flag || !name.ends_with("_token")) continue;
    if (const auto text = token_text(token)) out.named.emplace(name, *text);
  }
}

void add_all(const json& config, SpecialTokens& out) {
  add_named(config, out);
  for (const char* key :
       {"additional_special_tokens", "extra_special_tokens"}) {
    const auto list = config.find(key);
    if (list == config.end()) continue;
    if (list->is_object()) add_named(*list, out);
    if (!list->is_array() || !out.additional.empty()) continue;
    for (const json& token : *list) {
      if (const auto text = token_text(token)) out.additional.push_back(*text);
    }
  }
}

// `chat_template`: a text, or a list of {name, template}.
ChatTemplateSources templates_in(const json& config) {
  ChatTemplateSources templates;
  const auto value = config.find("chat_template");
  if (value == config.end()) return templates;
  if (value->is_string()) templates["default"] = value->get<std::string>();
  if (!value->is_array()) return templates;
  for (const json& entry : *value) {
    if (!entry.is_object()) continue;
    const auto name = entry.find("name");
    const auto source = entry.find("template");
    if (name == entry.end() || source == entry.end() || !name->is_string() ||
        !source->is_string()) {
      continue;
    }
    templates[name->get<std::string>()] = source->get<std::string>();
  }
  return templates;
}

}  // namespace

SpecialTokens read_special_tokens(const fs::path& folder) {
  SpecialTokens tokens;
  add_all(read_object(folder / "tokenizer_config.json"), tokens);
  add_all(read_object(folder / "special_tokens_map.json"), tokens);
  return tokens;
}

SpecialTokens special_tokens_of(const GgufVocabulary& vocabulary) {
  SpecialTokens tokens;
  const auto add = [&](const char* name, std::optional<std::int32_t> id) {
    if (!id) return;
    tokens.named.emplace(name,
                         vocabulary.tokens.at(static_cast<std::size_t>(*id)));
  };
  add("bos_token", vocabulary.bos);
  add("eos_token", vocabulary.eos);
  add("unk_token", vocabulary.unknown);
  add("pad_token", vocabulary.padding);
  add("sep_token", vocabulary.separator);
  add("cls_token", vocabulary.cls);
  add("mask_token", vocabulary.mask);
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.is_type(id, TokenType::kControl)) {
      tokens.additional.emplace_back(vocabulary.tokens[id]);
    }
  }
  return tokens;
}

ChatTemplateSources read_chat_templates(const fs::path& folder) {
  ChatTemplateSources templates;
  if (fs::exists(folder / "chat_template.jinja")) {
    templates["default"] = read_text(folder / "chat_template.jinja");
  } else {
    templates = templates_in(read_object(folder / "chat_template.json"));
    if (templates.empty()) {
      templates = templates_in(read_object(folder / "tokenizer_config.json"));
    }
  }
  const fs::path more = folder / "additional_chat_templates";
  if (fs::is_directory(more)) {
    for (const auto& entry : fs::directory_iterator(more)) {
      if (entry.path().extension() != ".jinja") continue;
      templates[entry.path().stem().string()] = read_text(entry.path());
    }
  }
  return templates;
}

ChatTemplateSources read_chat_templates(const io::GgufFile& file) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  ChatTemplateSources templates;
  if (const auto source = file.find_string(kKey)) {
    templates.emplace("default", *source);
  }
  const std::string prefix = std::string(kKey) + ".";
  for (const std::string_view key : file.metadata_keys()) {
    if (!key.starts_with(prefix)) continue;
    if (const auto source = file.find_string(key)) {
      templates.emplace(key.substr(prefix.size()), *source);
    }
  }
  return templates;
}

std::optional<std::string> choose_chat_template(
    const ChatTemplateSources& templates, bool tools_offered) {
  for (const char* name : {"tool_use", "default"}) {
    if (!tools_offered && std::string_view(name) == "tool_use") continue;
    const auto found = templates.find(name);
    if (found != templates.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace abstractllm::text
