// Small conversations with words that cannot come from elsewhere.
// SPDX-License-Identifier: Apache-2.0
#include "families/template_facts.h"

#include <array>
#include <optional>
#include <vector>

#include "abstractllm/error.h"

namespace abstractllm::families {

namespace {

constexpr char kSystem[] = "zqSystem";
constexpr char kUser[] = "zqUser";
constexpr char kTool[] = "zq_tool";
constexpr char kArgument[] = "zq_argument";
constexpr char kValue[] = "zq_value";
constexpr char kResult[] = "zqResult";

bool contains(const std::optional<std::string>& text, std::string_view part) {
  return text && text->find(part) != std::string::npos;
}

std::vector<ToolDefinition> one_tool() {
  return {{kTool, "A tool.",
           std::string(R"({"type":"object","properties":{")") + kArgument +
               R"(":{"type":"string","description":"x"}},"required":[")" +
               kArgument + "\"]}"}};
}

class Prober {
 public:
  explicit Prober(const text::ChatTemplate& chat_template)
      : template_(chat_template) {}

  // From here on every conversation has tools.
  void offer_tools() { always_ = one_tool(); }

  // Nothing where the template refuses.
  std::optional<std::string> render(
      const std::vector<Message>& messages, const text::MessageShape& shape,
      const std::vector<ToolDefinition>& tools = {},
      const std::string& variables = "{}") const {
    try {
      return template_.render(
          {.messages = text::messages_to_json(messages, shape),
           .tools = text::tools_to_json(tools.empty() ? always_ : tools),
           .variables = variables,
           .now = {}});
    } catch (const InvalidRequestError&) {
      return std::nullopt;
    }
  }

 private:
  const text::ChatTemplate& template_;
  std::vector<ToolDefinition> always_{};
};

std::vector<Message> call_and_result() {
  const std::string id = "zqcall123";
  return {
      Message::user(kUser),
      {Role::kAssistant,
       {ToolCall{id, kTool,
                 std::string("{\"") + kArgument + "\":\"" + kValue + "\"}"}}},
      {Role::kTool, {ToolResult{id, kTool, kResult, false}}}};
}

// An object that Python's str() wrote is no JSON.
bool writes_call(const std::optional<std::string>& text) {
  return contains(text, kTool) && contains(text, kArgument) &&
         contains(text, kValue) &&
         !contains(text, std::string("{'") + kArgument) &&
         !contains(text, std::string("\\\"") + kArgument);
}

void find_tool_facts(const Prober& prober, TemplateFacts& facts) {
  const auto messages = call_and_result();
  facts.tools = contains(
      prober.render({Message::user(kUser)}, facts.shape, one_tool()), kTool);
  for (const bool as_text : {false, true}) {
    text::MessageShape shape = facts.shape;
    shape.arguments_as_text = as_text;
    const auto text = prober.render(messages, shape, one_tool());
    if (!writes_call(text)) continue;
    facts.tool_calls = true;
    facts.tool_results = contains(text, kResult);
    facts.shape = shape;
    break;
  }
  if (!facts.tool_calls) return;
  auto other_ids = messages;
  std::get<ToolCall>(other_ids[1].parts[0]).id = "call_00000000";
  std::get<ToolResult>(other_ids[2].parts[0]).tool_call_id = "call_00000000";
  facts.shape.short_call_ids =
      !prober.render(other_ids, facts.shape, one_tool()).has_value();
}

std::string assign(const std::string& variable, const char* value) {
  return "{\"" + variable + "\":" + value + "}";
}

ThinkingControl find_thinking(const Prober& prober, const std::string& source,
                              const text::MessageShape& shape) {
  using Kind = ThinkingControl::Kind;
  struct Candidate {
    Kind kind;
    const char* variable;
    const char* one;
    const char* other;
  };
  constexpr std::array kCandidates{
      Candidate{Kind::kSwitch, "enable_thinking", "true", "false"},
      Candidate{Kind::kSwitch, "thinking", "true", "false"},
      Candidate{Kind::kLevel, "reasoning_effort", "\"low\"", "\"high\""},
      Candidate{Kind::kBudget, "thinking_budget", "0", "-1"},
  };
  const std::vector<Message> messages{Message::user(kUser)};
  for (const Candidate& each : kCandidates) {
    if (source.find(each.variable) == std::string::npos) continue;
    const auto one =
        prober.render(messages, shape, {}, assign(each.variable, each.one));
    const auto other =
        prober.render(messages, shape, {}, assign(each.variable, each.other));
    if (one && other && *one != *other) return {each.kind, each.variable};
  }
  // Words that the template takes out of what the system says.
  const auto told = [&](const char* word) {
    return prober.render({Message::system(word), Message::user(kUser)}, shape);
  };
  constexpr char kOff[] = "/no_think";
  if (source.find(kOff) != std::string::npos) {
    const auto off = told(kOff);
    if (off && !contains(off, kOff) && off != told("/think")) {
      return {Kind::kWord, "/think"};
    }
  }
  return {};
}

}  // namespace

TemplateFacts find_template_facts(const text::ChatTemplate& chat_template) {
  Prober prober(chat_template);
  const std::string& source = chat_template.source();
  TemplateFacts facts;
  facts.shape.names_thinking = source.find("thinking") != std::string::npos &&
                               source.find("<|channel|>") != std::string::npos;
  const std::vector<Message> user{Message::user(kUser)};
  const auto takes = [&](bool as_parts) {
    facts.shape.content_as_parts = as_parts;
    return contains(prober.render(user, facts.shape), kUser);
  };
  if (!takes(false) && !takes(true)) {
    // One for requests with tools alone.
    prober.offer_tools();
    // What it lacks if that does not help is told when it is used.
    if (!takes(false) && !takes(true)) return facts;
  }
  const std::vector<Message> with_system{Message::system(kSystem),
                                         Message::user(kUser)};
  if (!contains(prober.render(with_system, facts.shape), kSystem)) {
    facts.system_prompt = SystemPrompt::kFolded;
  }
  facts.alternates =
      !contains(prober.render({Message::user("zqFirst"), Message::user(kUser)},
                              facts.shape),
                "zqFirst");
  find_tool_facts(prober, facts);
  facts.thinking = find_thinking(prober, source, facts.shape);
  return facts;
}

}  // namespace abstractllm::families
