// Checks, prompt, answer format, constraint.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "base/json_text.h"
#include "engine/answer_grammar.h"
#include "models/registry.h"
#include "providers/mlx_checks.h"
#include "providers/mlx_thinking.h"

namespace abstractllm::providers {

namespace {

using Json = nlohmann::ordered_json;

constexpr char kId[] = "mlx";
// Numbers that every reader takes: a model may write 1e999.
constexpr char kAnyObject[] =
    R"({"type":"object","additionalProperties":{"$ref":"#/$defs/value"},)"
    R"("$defs":{"value":{"anyOf":[{"type":"string"},{"type":"number"},)"
    R"({"type":"boolean"},{"type":"null"},)"
    R"({"type":"array","items":{"$ref":"#/$defs/value"}},)"
    R"({"type":"object","additionalProperties":{"$ref":"#/$defs/value"}}]}}})";

[[noreturn]] void refuse_images(const engine::ModelPackage& package) {
  std::string types;
  for (const std::string& type : models::vision_model_types()) {
    types += (types.empty() ? "" : ", ") + type;
  }
  throw UnsupportedFeatureError("[mlx] '" + package.id + "' (" +
                                    package.architecture +
                                    ") reads text, but a message has an image",
                                "Models of these types read images: " + types +
                                    ". Or use a provider with vision.",
                                kId);
}

void add_text_form(const ResponseFormat& wanted, engine::AnswerForm& form) {
  switch (wanted.kind) {
    case ResponseFormat::Kind::kText:
      return;
    case ResponseFormat::Kind::kJsonObject:
      form.schema = kAnyObject;
      return;
    case ResponseFormat::Kind::kJsonSchema:
      form.schema = wanted.schema;
      return;
    case ResponseFormat::Kind::kRegex:
      form.pattern = wanted.pattern;
      return;
    case ResponseFormat::Kind::kGrammar:
      form.grammar = wanted.grammar;
  }
}

std::string_view without_trailing_space(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view{}
                                        : text.substr(0, last + 1);
}

}  // namespace

engine::ConversationImages RequestReader::read_images(const Request& request,
                                                      Pixels pixels) const {
  if (!has_images(request)) return {};
  if (!package_.images) refuse_images(package_);
  return pixels == Pixels::kYes
             ? package_.images->read(request.messages, max_pixels_)
             : package_.images->look(request.messages, max_pixels_);
}

std::vector<ImageCost> RequestReader::image_costs(
    const Request& request) const {
  std::vector<ImageCost> costs;
  for (const engine::SeenImage& image :
       read_images(request, Pixels::kNo).seen) {
    costs.push_back({.width = image.width,
                     .height = image.height,
                     .seen_width = image.plan.width,
                     .seen_height = image.plan.height,
                     .pixels = image.plan.pixels,
                     .tokens = image.plan.prompt_tokens});
  }
  return costs;
}

engine::EncodedChat RequestReader::encode_chat(const Request& request,
                                               Pixels pixels) const {
  const bool with_tools = offers_tools(request);
  engine::ConversationImages images = read_images(request, pixels);
  const families::ThinkingControl& thinking =
      package_.chat_for(with_tools).facts.thinking;
  engine::EncodedChat encoded = package_.encode_chat(
      {.messages = messages_with_thinking(request, thinking),
       .tools = with_tools ? request.tools : std::vector<ToolDefinition>{},
       .template_variables = variables_with_thinking(request, thinking),
       .images = std::move(images.seen)});
  encoded.images = std::move(images.images);
  return encoded;
}

engine::EncodedChat RequestReader::encode(const Request& request,
                                          Pixels pixels) const {
  check_mlx_request(request);
  engine::EncodedChat encoded;
  if (request.prompt_token_ids) {
    encoded.ids = *request.prompt_token_ids;
  } else if (request.prompt) {
    encoded.ids = package_.tokenizer.encode(*request.prompt, true);
  } else {
    encoded = encode_chat(request, pixels);
  }
  if (encoded.ids.empty()) {
    throw InvalidRequestError("[mlx] the prompt is empty",
                              "Give at least one token to continue.", kId);
  }
  return encoded;
}

std::vector<std::int32_t> RequestReader::prompt(const Request& request) const {
  return encode(request, Pixels::kNo).ids;
}

output::AnswerFormat RequestReader::format_of(const Request& request,
                                              const std::string& prompt) const {
  output::AnswerFormat format;
  // What continues a text is text.
  if (request.messages.empty()) return format;
  const bool with_tools = offers_tools(request);
  const families::AnswerRules& rules = package_.chat_for(with_tools).rules;
  if (with_tools || output::frames_answers(rules.dialect)) {
    format.dialect = rules.dialect;
  }
  if (with_tools) format.tools = request.tools;
  format.reasoning_begin = rules.reasoning_begin;
  format.reasoning_end = rules.reasoning_end;
  format.reasoning_open = !rules.reasoning_begin.empty() &&
                          without_trailing_space(prompt).ends_with(
                              without_trailing_space(rules.reasoning_begin));
  return format;
}

void RequestReader::check_form(const ResponseFormat& wanted) const {
  engine::AnswerForm form;
  add_text_form(wanted, form);
  const engine::AnswerGrammar grammar =
      engine::answer_grammar(form, {}, package_.tokenizer);
  trie().compile(grammar.kind, grammar.source);
}

std::unique_ptr<sampling::TokenConstraint> RequestReader::constraint_of(
    const Request& request, output::AnswerFormat& format,
    const types::SamplingOptions& options) const {
  const ResponseFormat& wanted = request.response_format;
  const bool has_form = wanted.kind != ResponseFormat::Kind::kText;
  if (!has_form && !forces_call(request)) return nullptr;
  engine::AnswerForm form;
  if (offers_tools(request)) {
    format.dialect = engine::constrained_dialect(*format.dialect);
    form.tools = request.tools;
    form.several_calls = request.parallel_tool_calls.value_or(false);
    if (choice_of(request) == ToolChoice::Mode::kNamed) {
      std::erase_if(form.tools, [&](const ToolDefinition& tool) {
        return tool.name != request.tool_choice->name;
      });
    }
  }
  if (format.dialect) form.dialect = *format.dialect;
  if (!forces_call(request)) {
    add_text_form(wanted, form);
  } else if (has_form) {
    check_form(wanted);
  }
  const engine::AnswerGrammar grammar = engine::answer_grammar(
      form, package_.chat_for(offers_tools(request)).chat_template.source(),
      package_.tokenizer);
  // Reasoning comes first where the prompt has begun it, and is part of what
  // the tokens are for.
  sampling::FreeBeginning beginning;
  if (format.reasoning_open) {
    beginning = {format.reasoning_end, std::max(1, options.max_tokens / 2)};
  }
  return std::make_unique<sampling::TokenConstraint>(
      trie().compile(grammar.kind, grammar.source), package_.tokenizer,
      package_.end_tokens,
      form.tools.empty() && (form.pattern || form.grammar)
          ? sampling::FormKind::kText
          : sampling::FormKind::kJson,
      std::move(beginning));
}

std::set<std::int32_t> RequestReader::marks_of(
    const output::AnswerFormat& format) const {
  std::vector<std::string_view> texts;
  if (format.dialect) {
    texts = output::special_marks(*format.dialect);
    // The preamble's, which every dialect understands.
    texts.insert(texts.end(), {"<tool_call>", "</tool_call>"});
  }
  texts.emplace_back(format.reasoning_begin);
  texts.emplace_back(format.reasoning_end);
  std::set<std::int32_t> ids;
  for (const std::string_view text : texts) {
    // A mark may be a special token and more text.
    for (const std::string_view part :
         {text, text.substr(0, text.find('\n'))}) {
      if (part.empty()) continue;
      const auto id = package_.tokenizer.token_to_id(part);
      if (id && package_.tokenizer.is_special(*id)) ids.insert(*id);
    }
  }
  return ids;
}

const text::TokenTrie& RequestReader::trie() const {
  std::call_once(trie_made_, [this] {
    trie_.emplace(package_.tokenizer, package_.end_tokens);
  });
  return *trie_;
}

PreparedRequest RequestReader::prepare(
    const Request& request, const types::SamplingOptions& options) const {
  engine::EncodedChat encoded = encode(request, Pixels::kYes);
  PreparedRequest prepared{.prompt = std::move(encoded.ids),
                           .images = std::move(encoded.images),
                           .format = format_of(request, encoded.text)};
  prepared.constraint = constraint_of(request, prepared.format, options);
  prepared.one_call = !request.parallel_tool_calls.value_or(true);
  prepared.marks = marks_of(prepared.format);
  return prepared;
}

}  // namespace abstractllm::providers
