// AbstractLLM's session JSON, with keys of our own beside its keys.
// SPDX-License-Identifier: Apache-2.0
#include "session/session_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "abstractllm/error.h"
#include "base/json_text.h"
#include "session/call_ids.h"
#include "session/timestamps.h"

namespace abstractllm {
namespace session {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json parsed(std::string_view text, std::string_view where) {
  Json json = base::parse_json(text);
  if (json.is_object()) return json;
  throw InvalidRequestError(
      fmt::format("[session] {} is not a JSON object", where),
      "Expected is what 'allm sessions export' writes.");
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

std::int64_t number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer()
             ? found->get<std::int64_t>()
             : 0;
}

std::int64_t time_of(const Json& json, const char* key) {
  return parse_time(text_of(json, key)).value_or(0);
}

FinishReason finish_reason_of(const Json& json) {
  constexpr std::array kAll{FinishReason::kStop, FinishReason::kLength,
                            FinishReason::kToolCalls, FinishReason::kCancelled};
  const std::string name = text_of(json, "finish_reason");
  const auto found = std::find_if(kAll.begin(), kAll.end(), [&](auto reason) {
    return to_string(reason) == name;
  });
  return found == kAll.end() ? FinishReason::kStop : *found;
}

Json entry_json(const SessionMessage& entry) {
  Json json = exact_message_json(entry.message);
  json["timestamp"] = format_time(entry.created_at);
  if (entry.message.role == Role::kAssistant) {
    json["provider"] = entry.provider;
    json["model"] = entry.model;
    json["finish_reason"] = to_string(entry.finish_reason);
    if (!entry.message.token_ids.empty()) {
      json["token_ids"] = entry.message.token_ids;
    }
  }
  return json;
}

SessionMessage parse_entry(const Json& json, const MessagePlace& place) {
  SessionMessage entry;
  entry.message = parse_message(json, place);
  const bool is_answer = entry.message.role == Role::kAssistant;
  if (is_answer) {
    entry.provider = text_of(json, "provider");
    entry.model = text_of(json, "model");
    entry.finish_reason = finish_reason_of(json);
  }
  entry.created_at = time_of(json, "timestamp");
  if (const auto ids = json.find("token_ids"); ids != json.end()) {
    if (!ids->is_array()) place.fail("'token_ids' is no list");
    for (const Json& id : *ids) {
      if (!id.is_number_integer()) place.fail("a token id is no number");
      if (!is_answer) continue;
      entry.message.token_ids.push_back(id.get<std::int32_t>());
    }
  }
  return entry;
}

Json header_json(const SessionState& state) {
  Json json = {{"id", state.id}, {"name", state.name}};
  json["created_at"] = format_time(state.created_at);
  json["last_updated"] = format_time(state.updated_at);
  json["system_prompt"] =
      state.system_prompt ? Json(*state.system_prompt) : Json();
  json["metadata"] = Json::object();
  for (const auto& [key, value] : state.metadata) {
    json["metadata"][key] = value;
  }
  json["parameters"] = Json::parse(to_json(state.parameters));
  json["first_sent"] = state.first_sent;
  json["summary"] = state.summary;
  json["usage"] = {{"prompt_tokens", state.usage.prompt_tokens},
                   {"cached_tokens", state.usage.cached_tokens},
                   {"completion_tokens", state.usage.completion_tokens},
                   {"reasoning_tokens", state.usage.reasoning_tokens}};
  json["provider_state"] = {{"provider_name", state.provider},
                            {"model_name", state.model},
                            {"provider_config", Json::object()}};
  return json;
}

SessionState parse_header(const Json& json) {
  SessionState state;
  state.id = text_of(json, "id");
  state.name = text_of(json, "name");
  state.created_at = time_of(json, "created_at");
  state.updated_at = time_of(json, "last_updated");
  if (const auto prompt = json.find("system_prompt");
      prompt != json.end() && prompt->is_string()) {
    state.system_prompt = prompt->get<std::string>();
  }
  if (const auto metadata = json.find("metadata");
      metadata != json.end() && metadata->is_object()) {
    for (const auto& [key, value] : metadata->items()) {
      state.metadata[key] =
          value.is_string() ? value.get<std::string>() : dumped(value, -1);
    }
  }
  if (const auto parameters = json.find("parameters");
      parameters != json.end() && parameters->is_object()) {
    state.parameters = parse_generation_parameters(dumped(*parameters, -1));
  }
  state.first_sent = static_cast<std::size_t>(
      std::max<std::int64_t>(number_of(json, "first_sent"), 0));
  state.summary = text_of(json, "summary");
  if (const auto usage = json.find("usage");
      usage != json.end() && usage->is_object()) {
    const auto count = [&](const char* key) {
      return static_cast<int>(number_of(*usage, key));
    };
    state.usage = {count("prompt_tokens"), count("cached_tokens"),
                   count("completion_tokens"), count("reasoning_tokens")};
  }
  if (const auto provider = json.find("provider_state");
      provider != json.end() && provider->is_object()) {
    state.provider = text_of(*provider, "provider_name");
    state.model = text_of(*provider, "model_name");
  }
  return state;
}

// AbstractLLM keeps the calls of an answer with their results, in it; others
// have the calls as well.
void divide_tool_results(const Json& json, std::vector<SessionMessage>& list,
                         const MessagePlace& place) {
  const auto results = json.find("tool_results");
  if (results == json.end() || results->is_null()) return;
  if (!results->is_array()) place.fail("'tool_results' is no list");
  SessionMessage answers;
  answers.message.role = Role::kTool;
  answers.created_at = list.back().created_at;
  std::set<std::string> answered;
  for (const Json& each : *results) {
    if (!each.is_object()) place.fail("a tool result is no object");
    ToolResult result{text_of(each, "call_id"), text_of(each, "name"),
                      text_of(each, "output")};
    if (result.tool_call_id.empty()) {
      result.tool_call_id = text_of(each, "tool_call_id");
    }
    if (const std::string error = text_of(each, "error"); !error.empty()) {
      result.output = error;
      result.is_error = true;
    }
    auto& parts = list.back().message.parts;
    const auto call = std::find_if(parts.begin(), parts.end(), [&](auto& part) {
      const auto* known = std::get_if<ToolCall>(&part);
      return known && !answered.contains(known->id) &&
             (result.tool_call_id.empty() ? known->name == result.name
                                          : known->id == result.tool_call_id);
    });
    if (call != parts.end()) {
      result.tool_call_id = std::get<ToolCall>(*call).id;
    } else {
      if (result.tool_call_id.empty()) {
        result.tool_call_id = "call_" + random_hex(8);
      }
      const auto arguments = each.find("arguments");
      parts.push_back(ToolCall{result.tool_call_id, result.name,
                               arguments == each.end()
                                   ? std::string("{}")
                                   : dumped(*arguments, -1)});
    }
    answered.insert(result.tool_call_id);
    answers.message.parts.push_back(std::move(result));
  }
  if (!answers.message.parts.empty()) list.push_back(std::move(answers));
}

}  // namespace

std::string entry_to_text(const SessionMessage& entry) {
  return dumped(entry_json(entry), -1);
}

SessionMessage entry_from_text(std::string_view text,
                               const MessagePlace& place) {
  return parse_entry(parsed(text, place.where), place);
}

std::string header_to_text(const SessionState& state) {
  return dumped(header_json(state), -1);
}

SessionState header_from_text(std::string_view text, std::string_view where) {
  return parse_header(parsed(text, where));
}

}  // namespace session

std::string session_to_json(const SessionState& state) {
  session::Json json = session::header_json(state);
  json["messages"] = session::Json::array();
  for (const SessionMessage& entry : state.messages) {
    json["messages"].push_back(session::entry_json(entry));
  }
  return session::dumped(json, 2) + "\n";
}

SessionState session_from_json(std::string_view text, std::string_view where) {
  const session::Json json = session::parsed(text, where);
  SessionState state = session::parse_header(json);
  const auto messages = json.find("messages");
  if (messages == json.end() || !messages->is_array()) {
    throw InvalidRequestError(
        fmt::format("[session] {} has no list of messages", where));
  }
  session::MessagePlace place{where};
  for (const session::Json& each : *messages) {
    ++place.message;
    SessionMessage entry = session::parse_entry(each, place);
    // AbstractLLM repeats the system prompt as the first message.
    if (entry.message.role == Role::kSystem && place.message == 1) {
      if (!state.system_prompt) state.system_prompt = entry.message.text();
      continue;
    }
    state.messages.push_back(std::move(entry));
    if (state.messages.back().message.role == Role::kAssistant) {
      session::divide_tool_results(each, state.messages, place);
    }
  }
  if (state.first_sent > state.messages.size()) state.first_sent = 0;
  return state;
}

}  // namespace abstractllm
