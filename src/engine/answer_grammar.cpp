// Lark texts of calls in each dialect.
// SPDX-License-Identifier: Apache-2.0
#include "engine/answer_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/json_text.h"

namespace abstractllm::engine {

namespace {

using Json = nlohmann::ordered_json;
using output::ToolDialect;

// As the bridge lays out a schema that is a whole answer.
constexpr char kLayout[] =
    R"({"whitespace_flexible":false,"item_separator":", ",)"
    R"("key_separator":": ","coerce_one_of":true})";

// The most calls of one answer.
constexpr int kMostCalls = 16;

// The texts around calls; NAME stands for the function's.
struct CallForm {
  std::string list_begin{};
  std::string begin{};
  std::string end{};
  std::string separator{};
  std::string list_end{};
  bool one_only = false;
};

// {"name": "NAME", "arguments": ...} between brackets.
CallForm json_list(std::string begin, std::string end,
                   std::string_view arguments = "arguments") {
  return {.list_begin = std::move(begin) + "[",
          .begin = fmt::format(R"({{"name": "NAME", "{}": )", arguments),
          .end = "}",
          .separator = ", ",
          .list_end = "]" + std::move(end)};
}

CallForm form_of(ToolDialect dialect, std::string_view chat_template) {
  const auto has = [&](std::string_view mark) {
    return chat_template.find(mark) != std::string_view::npos;
  };
  switch (dialect) {
    case ToolDialect::kLlama:
      return {.begin = R"({"name": "NAME", "parameters": )",
              .end = "}",
              .separator = "; "};
    case ToolDialect::kMistral:
      if (has("[ARGS]")) return {.begin = "[TOOL_CALLS]NAME[ARGS]"};
      return json_list("[TOOL_CALLS]", "");
    case ToolDialect::kCommandR: {
      const bool fenced = !has("<|START_ACTION|>");
      CallForm form = fenced ? json_list("Action: ```json\n", "\n```")
                             : json_list("<|START_ACTION|>", "<|END_ACTION|>");
      form.begin = R"({"tool_name": "NAME", "parameters": )";
      return form;
    }
    case ToolDialect::kDeepSeek:
      return {.list_begin = "<｜tool▁calls▁begin｜>",
              .begin = "<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>",
              .end = "<｜tool▁call▁end｜>",
              .list_end = "<｜tool▁calls▁end｜>"};
    case ToolDialect::kHarmony:
      return {.begin =
                  "<|channel|>commentary to=functions.NAME "
                  "<|constrain|>json<|message|>",
              .one_only = true};
    case ToolDialect::kFunctools:
      return has("<|tool_call|>") ? json_list("<|tool_call|>", "<|/tool_call|>")
                                  : json_list("functools", "");
    case ToolDialect::kGranite:
      return json_list("<|tool_call|>", "");
    case ToolDialect::kPythonic:
      return json_list("<|tool_call_start|>", "<|tool_call_end|>");
    case ToolDialect::kApertus:
      return {.list_begin = "<|tools_prefix|>[",
              .begin = "{\"NAME\": ",
              .end = "}",
              .separator = ", ",
              .list_end = "]<|tools_suffix|>"};
    case ToolDialect::kToolcall:
      return json_list("<TOOLCALL>", "</TOOLCALL>");
    case ToolDialect::kFunctionary:
      // The prompt ends in the first ">>>".
      return {.begin = "NAME\n", .separator = ">>>"};
    case ToolDialect::kGigaChat:
      return {.begin =
                  "<|message_sep|>\n\nfunction call<|role_sep|>\n"
                  "{\"name\": \"NAME\", \"arguments\": ",
              .end = "}",
              .one_only = true};
    case ToolDialect::kSolar:
      return {.list_begin = "<|tool_calls|>",
              .begin =
                  "<|tool_call:begin|><|tool_call:name|>NAME"
                  "<|tool_call:args|>",
              .end = "<|tool_call:end|>"};
    case ToolDialect::kKimi:
      return {.list_begin = "<|tool_calls_section_begin|>",
              .begin =
                  "<|tool_call_begin|>functions.NAME:0"
                  "<|tool_call_argument_begin|>",
              .end = "<|tool_call_end|>",
              .list_end = "<|tool_calls_section_end|>"};
    default:
      return {.begin = "<tool_call>\n{\"name\": \"NAME\", \"arguments\": ",
              .end = "}\n</tool_call>",
              .separator = "\n"};
  }
}

// Text as terms of the grammar: special tokens by their ids, the rest spelled.
std::string terms(std::string_view text, const text::Tokenizer& tokenizer) {
  std::vector<std::pair<std::string, std::int32_t>> specials;
  for (const std::int32_t id : tokenizer.special_ids()) {
    const auto name = tokenizer.token_text(id);
    if (name && !name->empty() && text.find(*name) != std::string_view::npos) {
      specials.emplace_back(*name, id);
    }
  }
  std::string out;
  std::string literal;
  const auto flush = [&] {
    if (literal.empty()) return;
    out += Json(literal).dump() + " ";
    literal.clear();
  };
  while (!text.empty()) {
    const auto special = std::find_if(
        specials.begin(), specials.end(),
        [&](const auto& each) { return text.starts_with(each.first); });
    if (special == specials.end()) {
      literal += text.front();
      text.remove_prefix(1);
      continue;
    }
    flush();
    out += fmt::format("<[{}]> ", special->second);
    text.remove_prefix(special->first.size());
  }
  flush();
  return out;
}

std::string with_name(std::string text, std::string_view name) {
  const std::size_t at = text.find("NAME");
  // In JSON strings and in bare text; check_name sees to it that it needs no
  // escape in either.
  text.replace(at, 4, name);
  return text;
}

void check_name(const std::string& name) {
  const bool plain =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
      });
  if (plain) return;
  throw InvalidRequestError(
      "[tools] '" + name + "' is no name of a tool that can be asked for",
      "Use letters, digits, '_', '-' and '.'.");
}

// A schema as a term.
std::string schema_term(std::string_view schema) {
  Json json = Json::parse(closed_schema(schema));
  if (!json.is_object()) json = Json::object();
  json["x-guidance"] = Json::parse(kLayout);
  return "%json " + json.dump();
}

// A regular expression between slashes.
std::string pattern_term(std::string_view pattern) {
  std::string term = "/";
  bool escaped = false;
  for (const char c : pattern) {
    if (c == '/' && !escaped) term += '\\';
    escaped = c == '\\' && !escaped;
    term += c;
  }
  return term + "/";
}

// What an answer without calls is; empty: nothing.
std::string value_term(const AnswerForm& form) {
  if (form.schema) return schema_term(*form.schema);
  if (form.pattern) return pattern_term(*form.pattern);
  if (form.grammar) return "%lark {\n" + *form.grammar + "\n}";
  return {};
}

void check_text(const std::optional<std::string>& text, const char* what) {
  if (!text || !text->empty()) return;
  throw InvalidRequestError(
      fmt::format("[response format] the {} of the answer is empty", what),
      "Give one, or ask for text.");
}

std::string arguments_schema(const ToolDefinition& tool) {
  Json json = base::parse_json(tool.parameters);
  if (!json.is_object()) {
    throw InvalidRequestError("[tools] the parameters of '" + tool.name +
                              "' are no JSON object");
  }
  // Arguments are an object whatever the schema says.
  if (!json.contains("$ref")) json["type"] = "object";
  return json.dump();
}

bool may_be(const Json& schema, const char* type) {
  const auto found = schema.find("type");
  if (found == schema.end()) return false;
  return *found == type ||
         (found->is_array() &&
          std::find(found->begin(), found->end(), type) != found->end());
}

// Numbers without bounds get those within which whole ones are exact in every
// reader.
void bound_numbers(Json& schema) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 53) - 1;
  for (const char* key : {"minimum", "maximum", "exclusiveMinimum",
                          "exclusiveMaximum", "multipleOf", "enum", "const"}) {
    if (schema.contains(key)) return;
  }
  if (!may_be(schema, "number") && !may_be(schema, "integer")) return;
  schema["minimum"] = -kMost;
  schema["maximum"] = kMost;
}

void close_objects(Json& json) {
  if (json.is_array()) {
    for (Json& item : json) close_objects(item);
  }
  if (!json.is_object()) return;
  const auto has = [&](const char* key) { return json.contains(key); };
  const bool is_plain = has("properties") && json["properties"].is_object() &&
                        !has("anyOf") && !has("oneOf") && !has("$ref") &&
                        !has("patternProperties") &&
                        !has("unevaluatedProperties");
  if (is_plain && !has("additionalProperties")) {
    json["additionalProperties"] = false;
  }
  bound_numbers(json);
  if (has("additionalProperties")) close_objects(json["additionalProperties"]);
  for (const char* key : {"properties", "$defs", "definitions"}) {
    if (!has(key) || !json[key].is_object()) continue;
    for (auto& [name, value] : json[key].items()) close_objects(value);
  }
  for (const char* key : {"items", "prefixItems", "anyOf", "oneOf"}) {
    if (has(key)) close_objects(json[key]);
  }
}

}  // namespace

ToolDialect constrained_dialect(ToolDialect dialect) {
  switch (dialect) {
    case ToolDialect::kQwenXml:
    case ToolDialect::kGlm:
    case ToolDialect::kGemma:
    case ToolDialect::kGemmaTag:
    case ToolDialect::kMiniMax:
    case ToolDialect::kHunyuan:
    case ToolDialect::kKimiChannels:
    case ToolDialect::kMiniCpm:
    case ToolDialect::kMiniMaxElements:
    case ToolDialect::kMuse:
    case ToolDialect::kJson:
      return ToolDialect::kHermes;
    default:
      return dialect;
  }
}

AnswerGrammar answer_grammar(const AnswerForm& form,
                             std::string_view chat_template,
                             const text::Tokenizer& tokenizer) {
  check_text(form.pattern, "pattern");
  check_text(form.grammar, "grammar");
  const bool channel = form.dialect == ToolDialect::kHarmony;
  // Alone they go as they stand, so that what is wrong is said of them.
  if (form.tools.empty() && !channel) {
    if (form.pattern) return {text::GrammarKind::kRegex, *form.pattern};
    if (form.grammar) return {text::GrammarKind::kLark, *form.grammar};
    if (form.schema) {
      return {text::GrammarKind::kJsonSchema, closed_schema(*form.schema)};
    }
  }
  std::string start;
  std::string rules;
  if (!form.tools.empty()) {
    const CallForm call = form_of(form.dialect, chat_template);
    std::string names;
    for (std::size_t i = 0; i < form.tools.size(); ++i) {
      const ToolDefinition& tool = form.tools[i];
      check_name(tool.name);
      names += fmt::format("{}call_{}", i == 0 ? "" : " | ", i);
      rules += fmt::format(
          "call_{0}: {1} arguments_{0} {2}\narguments_{0}: {3}\n", i,
          terms(with_name(call.begin, tool.name), tokenizer),
          terms(call.end, tokenizer), schema_term(arguments_schema(tool)));
    }
    rules += "call: " + names + "\n";
    const std::string more =
        form.several_calls && !call.one_only
            ? fmt::format(" ({} call){{0,{}}}",
                          terms(call.separator, tokenizer), kMostCalls - 1)
            : "";
    rules += "calls: " + terms(call.list_begin, tokenizer) + "call" + more +
             " " + terms(call.list_end, tokenizer) + "\n";
    start = "calls";
  }
  if (const std::string value = value_term(form); !value.empty()) {
    rules += "answer: " +
             (channel ? terms("<|channel|>final<|message|>", tokenizer) : "") +
             "value\nvalue: " + value + "\n";
    start += start.empty() ? "answer" : " | answer";
  }
  return {text::GrammarKind::kLark, "start: " + start + "\n" + rules};
}

std::string closed_schema(std::string_view schema) {
  Json json = base::parse_json(schema);
  if (json.is_discarded()) {
    throw InvalidRequestError("[json schema] it is not JSON, or nests too deep",
                              "See json-schema.org for what one looks like.");
  }
  // Parts that are put together would shut each other out.
  if (schema.find("\"allOf\"") == std::string_view::npos) close_objects(json);
  return json.dump();
}

}  // namespace abstractllm::engine
