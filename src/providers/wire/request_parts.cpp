// Checks and pieces that the dialects share.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/request_parts.h"

#include <atomic>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>

#include "abstractllm/error.h"
#include "base/json_text.h"
#include "providers/wire/json.h"

namespace abstractllm::providers {
namespace {

bool has_system_message(const Request& request) {
  for (const Message& message : request.messages) {
    if (message.role == Role::kSystem) return true;
  }
  return false;
}

[[noreturn]] void reject(std::string_view what, const std::string& provider,
                         std::string hint) {
  throw InvalidRequestError("[" + provider + "] " + std::string(what),
                            std::move(hint), provider);
}

void check_prompt(const Request& request, const std::string& provider,
                  bool takes_raw_prompt) {
  if (request.prompt_token_ids) {
    refuse_feature("prompts as token ids", provider, "Give text.");
  }
  if (request.adapter) {
    refuse_feature("adapters", provider,
                   "They change models on this machine: leave adapter out.");
  }
  const int given =
      (request.messages.empty() ? 0 : 1) + (request.prompt ? 1 : 0);
  if (given != 1) {
    reject(given == 0 ? "the request has nothing to answer"
                      : "the request has messages and a prompt",
           provider, "Give exactly one of messages and prompt.");
  }
  if (!request.prompt) return;
  if (!takes_raw_prompt) {
    refuse_feature("prompts without a template", provider, "Give messages.");
  }
  if (request.system_prompt || !request.tools.empty()) {
    reject(
        "a prompt that is continued as it stands has no system prompt and "
        "no tools",
        provider, "Give messages instead.");
  }
  if (request.prompt->empty()) {
    reject("the prompt is empty", provider, "Give text to continue.");
  }
}

void check_tools(const Request& request, const std::string& provider) {
  if (request.tools.empty()) {
    if (!request.tool_choice && !request.parallel_tool_calls) return;
    reject("tool_choice and parallel_tool_calls need tools", provider,
           "Give tools, or leave them out.");
  }
  if (!request.tool_choice ||
      request.tool_choice->mode != ToolChoice::Mode::kNamed) {
    return;
  }
  for (const ToolDefinition& tool : request.tools) {
    if (tool.name == request.tool_choice->name) return;
  }
  reject("tool_choice names '" + request.tool_choice->name +
             "', which is not among the " +
             std::to_string(request.tools.size()) + " tools",
         provider, "Name one of them.");
}

void check_format(const ResponseFormat& format, const std::string& provider) {
  const bool is_regex = format.kind == ResponseFormat::Kind::kRegex;
  if (!is_regex && format.kind != ResponseFormat::Kind::kGrammar) return;
  refuse_feature(is_regex ? "answers that match a regular expression"
                          : "answers of a grammar",
                 provider, "Give a JSON Schema, or use the provider mlx.");
}

}  // namespace

void refuse_feature(std::string_view what, const std::string& provider,
                    std::string hint) {
  throw UnsupportedFeatureError("[" + provider + "] " + std::string(what) +
                                    " are not supported by the provider " +
                                    provider,
                                std::move(hint), provider);
}

void check_request(const Request& request, const std::string& provider,
                   bool takes_raw_prompt) {
  check_prompt(request, provider, takes_raw_prompt);
  if (request.system_prompt && has_system_message(request)) {
    reject("the request has a system prompt and a system message", provider,
           "Give one of them.");
  }
  check_tools(request, provider);
  check_format(request.response_format, provider);
  if (!parse_object(request.template_variables, "template_variables", provider)
           .empty()) {
    refuse_feature("template_variables", provider,
                   "The service renders the template itself.");
  }
}

Json history_arguments(const std::string& arguments) {
  if (arguments.empty()) return Json::object();
  Json json = base::parse_json(arguments);
  if (json.is_object()) return json;
  return {{"_raw", arguments}};
}

std::string arguments_text(const std::string& arguments) {
  const Json json = history_arguments(arguments);
  return json.contains("_raw") || arguments.empty() ? dump(json) : arguments;
}

void refuse_detail(const Request& request, const std::string& provider) {
  for (auto message = request.messages.rbegin();
       message != request.messages.rend() && message->role != Role::kAssistant;
       ++message) {
    for (const Part& part : message->parts) {
      const auto* image = std::get_if<ImagePart>(&part);
      if (image == nullptr || image->detail.empty() ||
          image->detail == "auto") {
        continue;
      }
      refuse_feature("levels of image detail", provider, "Leave detail out.");
    }
  }
}

std::optional<std::string> system_text(const Request& request) {
  if (request.system_prompt) return request.system_prompt;
  std::optional<std::string> text;
  for (const Message& message : request.messages) {
    if (message.role != Role::kSystem) continue;
    text = text ? *text + "\n\n" + message.text() : message.text();
  }
  return text;
}

std::vector<const Message*> turns(const Request& request) {
  std::vector<const Message*> list;
  for (const Message& message : request.messages) {
    if (message.role != Role::kSystem) list.push_back(&message);
  }
  return list;
}

std::string pack_replay(std::string_view service, const Json& value) {
  return dump(Json{{std::string(service), value}});
}

Json unpack_replay(std::string_view service, const std::string& replay) {
  return member(Json::parse(replay, nullptr, false), service);
}

std::string new_call_id() {
  static std::atomic<std::uint32_t> count{std::random_device{}()};
  constexpr char kDigits[] = "0123456789abcdef";
  // An odd factor makes a permutation: no id comes twice in 2^32.
  const std::uint32_t number = count.fetch_add(1) * 2654435761U;
  std::string id = "call_";
  for (int shift = 28; shift >= 0; shift -= 4) {
    id += kDigits[number >> shift & 15];
  }
  return id;
}

}  // namespace abstractllm::providers
