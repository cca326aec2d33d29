// Checks, prompt, answer format, constraint.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "engine/answer_grammar.h"
#include "models/registry.h"

namespace abstractllm::providers {

namespace {

using Json = nlohmann::ordered_json;
using families::ThinkingControl;

constexpr char kId[] = "mlx";
// Numbers that every reader takes: a model may write 1e999.
constexpr char kAnyObject[] =
    R"({"type":"object","additionalProperties":{"$ref":"#/$defs/value"},)"
    R"("$defs":{"value":{"anyOf":[{"type":"string"},{"type":"number"},)"
    R"({"type":"boolean"},{"type":"null"},)"
    R"({"type":"array","items":{"$ref":"#/$defs/value"}},)"
    R"({"type":"object","additionalProperties":{"$ref":"#/$defs/value"}}]}}})";

bool has_images(const Request& request) {
  for (const Message& message : request.messages) {
    for (const Part& part : message.parts) {
      if (std::holds_alternative<ImagePart>(part)) return true;
    }
  }
  return false;
}

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

void check_one_prompt(const Request& request) {
  const int given = (request.messages.empty() ? 0 : 1) +
                    (request.prompt ? 1 : 0) +
                    (request.prompt_token_ids ? 1 : 0);
  if (given == 1) return;
  throw InvalidRequestError(
      given == 0 ? "[mlx] the request has nothing to answer"
                 : "[mlx] the request has more than one of messages, prompt "
                   "and prompt_token_ids",
      "Give exactly one of messages, prompt and prompt_token_ids.", kId);
}

// Tools and reasoning are a matter of the chat template.
void check_needs_chat(const Request& request) {
  if (!request.messages.empty()) return;
  if (request.system_prompt) {
    throw InvalidRequestError("[mlx] system_prompt goes with messages alone",
                              "Give messages, or put the text into the prompt.",
                              kId);
  }
  const bool has_tools = !request.tools.empty();
  if (!has_tools && !request.reasoning_effort) return;
  throw UnsupportedFeatureError(
      std::string("[mlx] ") + (has_tools ? "tools" : "reasoning_effort") +
          " cannot be had with a prompt that no chat template makes",
      "Give messages.", kId);
}

void check_tools(const Request& request) {
  if (request.tools.empty() &&
      (request.tool_choice || request.parallel_tool_calls)) {
    throw InvalidRequestError(
        "[mlx] tool_choice and parallel_tool_calls go with tools alone",
        "Give tools, or leave them out.", kId);
  }
  if (!request.tool_choice ||
      request.tool_choice->mode != ToolChoice::Mode::kNamed) {
    return;
  }
  const bool known =
      std::any_of(request.tools.begin(), request.tools.end(),
                  [&](const ToolDefinition& tool) {
                    return tool.name == request.tool_choice->name;
                  });
  if (known) return;
  throw InvalidRequestError("[mlx] tool_choice names '" +
                                request.tool_choice->name +
                                "', which is none of the tools",
                            "", kId);
}

std::vector<Message> with_system_prompt(const Request& request) {
  std::vector<Message> messages = request.messages;
  if (!request.system_prompt) return messages;
  for (const Message& message : messages) {
    if (message.role == Role::kSystem) {
      throw InvalidRequestError(
          "[mlx] the request has a system prompt and a system message",
          "Give one of them.", kId);
    }
  }
  messages.insert(messages.begin(), Message::system(*request.system_prompt));
  return messages;
}

ToolChoice::Mode choice_of(const Request& request) {
  return request.tool_choice.value_or(ToolChoice{}).mode;
}

// Without a choice the model is not told of its tools.
bool offers_tools(const Request& request) {
  return !request.tools.empty() &&
         choice_of(request) != ToolChoice::Mode::kNone;
}

bool forces_call(const Request& request) {
  const auto mode = choice_of(request);
  return offers_tools(request) && mode != ToolChoice::Mode::kAuto;
}

// The variables of the template, the request's own over those for thinking.
std::string variables_of(const Request& request,
                         const ThinkingControl& control) {
  if (!request.reasoning_effort) return request.template_variables;
  const ReasoningEffort effort = *request.reasoning_effort;
  const bool off = effort == ReasoningEffort::kOff;
  if (control.kind == ThinkingControl::Kind::kNone) {
    throw UnsupportedFeatureError(
        "[mlx] the model's chat template has no switch for reasoning_effort",
        "Leave reasoning_effort out.", kId);
  }
  if (control.kind == ThinkingControl::Kind::kLevel && off) {
    throw UnsupportedFeatureError(
        "[mlx] the model's reasoning cannot be switched off",
        "Use reasoning_effort low.", kId);
  }
  Json variables = Json::parse(request.template_variables, nullptr, false);
  // What is no object is refused by the template, with its own words.
  if (!variables.is_object()) return request.template_variables;
  if (!variables.contains(control.variable)) {
    variables[control.variable] = control.kind == ThinkingControl::Kind::kSwitch
                                      ? Json(!off)
                                      : Json(std::string(to_string(effort)));
  }
  return variables.dump();
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
  engine::EncodedChat encoded = package_.encode_chat(
      {.messages = with_system_prompt(request),
       .tools = with_tools ? request.tools : std::vector<ToolDefinition>{},
       .template_variables =
           variables_of(request, package_.chat_for(with_tools).facts.thinking),
       .images = std::move(images.seen)});
  encoded.images = std::move(images.images);
  return encoded;
}

engine::EncodedChat RequestReader::encode(const Request& request,
                                          Pixels pixels) const {
  check_one_prompt(request);
  check_needs_chat(request);
  check_tools(request);
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
  if (with_tools || rules.has_channels()) format.dialect = rules.dialect;
  if (with_tools) format.tools = request.tools;
  format.reasoning_begin = rules.reasoning_begin;
  format.reasoning_end = rules.reasoning_end;
  format.reasoning_open = !rules.reasoning_begin.empty() &&
                          without_trailing_space(prompt).ends_with(
                              without_trailing_space(rules.reasoning_begin));
  return format;
}

std::unique_ptr<sampling::TokenConstraint> RequestReader::constraint_of(
    const Request& request, output::AnswerFormat& format,
    const types::SamplingOptions& options) const {
  const bool wants_json =
      request.response_format.kind != ResponseFormat::Kind::kText;
  if (!wants_json && !forces_call(request)) return nullptr;
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
  if (wants_json && !forces_call(request)) {
    form.schema =
        request.response_format.kind == ResponseFormat::Kind::kJsonSchema
            ? request.response_format.schema
            : kAnyObject;
  }
  const std::string grammar = engine::answer_grammar(
      form, package_.chat_for(offers_tools(request)).chat_template.source(),
      package_.tokenizer);
  // Reasoning comes first where the prompt has begun it, and is part of what
  // the tokens are for.
  sampling::FreeBeginning beginning;
  if (format.reasoning_open) {
    beginning = {format.reasoning_end, std::max(1, options.max_tokens / 2)};
  }
  return std::make_unique<sampling::TokenConstraint>(
      trie().compile(text::GrammarKind::kLark, grammar), package_.tokenizer,
      package_.end_tokens, std::move(beginning));
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
