// The table of chat commands, and what each does.
// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "abstractllm/error.h"
#include "cli/atomic_file.h"
#include "cli/chat_turn.h"
#include "cli/image_argument.h"
#include "cli/report.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

using Perform = ActionResult (*)(std::string_view argument, Session& session);

struct Action {
  std::string_view name;
  std::string_view argument;
  std::string_view help;
  Perform perform;
};

ActionResult set_system(std::string_view argument, Session& session) {
  if (argument.empty()) {
    session.set_system_prompt(std::nullopt);
    return {"No system prompt.\n"};
  }
  session.set_system_prompt(std::string(argument));
  return {"System prompt set.\n"};
}

ActionResult clear(std::string_view, Session& session) {
  session.clear();
  return {"Conversation cleared.\n"};
}

std::string required_file(std::string_view argument, std::string_view name) {
  if (argument.empty()) {
    throw InvalidRequestError(fmt::format("[chat] {} needs a file", name),
                              fmt::format("{} FILE", name));
  }
  return std::string(argument);
}

ActionResult save(std::string_view argument, Session& session) {
  const std::string file = required_file(argument, "/save");
  write_file_atomically(file,
                        conversation_json(conversation_of(session.state()),
                                          session.llm().model()));
  return {fmt::format("Saved {} messages to {}\n",
                      session.state().messages.size(), file)};
}

ActionResult load(std::string_view argument, Session& session) {
  const std::string file = required_file(argument, "/load");
  session.restore(state_of(parse_conversation(read_text_file(file), file)));
  return {fmt::format("Loaded {} messages from {}\n",
                      session.state().messages.size(), file)};
}

ActionResult image(std::string_view argument, Session& session) {
  ImagePart part = image_argument(required_file(argument, "/image"));
  Request request;
  request.messages = {message_with_images({part}, "")};
  if (!session.llm().capabilities().supports(ModelCapability::kVision)) {
    throw UnsupportedFeatureError(
        fmt::format("[chat] '{}' reads no images",
                    one_line(session.llm().model())),
        "Choose a model of images and text, qwen2_vl for one.");
  }
  return {image_cost_lines(session.llm(), request) +
              "The image goes with the next message.\n",
          false, std::move(part)};
}

ActionResult set(std::string_view argument, Session& session) {
  const std::size_t space = argument.find_first_of(" \t");
  const std::string_view name = argument.substr(0, space);
  if (name.empty() || space == std::string_view::npos) {
    throw InvalidRequestError(
        "[chat] /set needs a name and a value",
        "/set temperature 0.2; the value 'default' takes a setting back; /show "
        "lists what is set.");
  }
  const std::string_view value = trimmed(argument.substr(space));
  GenerationParameters parameters = session.state().parameters;
  set_parameter(parameters, name, value == "default" ? "null" : value);
  session.set_parameters(std::move(parameters));
  return {fmt::format("{} = {}\n", name, value)};
}

ActionResult show(std::string_view, Session& session) {
  const SessionState& state = session.state();
  return {
      fmt::format("model       {}\n"
                  "provider    {}\n"
                  "system      {}\n"
                  "messages    {} ({} no longer sent)\n"
                  "parameters  {}\n",
                  session.llm().model(), session.llm().provider(),
                  state.system_prompt.value_or("(none)"), state.messages.size(),
                  state.first_sent, to_json(state.parameters))};
}

ActionResult undo(std::string_view, Session& session) {
  return {session.undo() ? "The last turn is taken back.\n"
                         : "There is no turn to take back.\n"};
}

ActionResult compact(std::string_view, Session& session) {
  const CancelToken cancel;
  const Interrupts::Answer interruptible(cancel);
  const auto change = session.compact(2, cancel);
  if (!change) return {"There is nothing to summarize yet.\n"};
  return {fmt::format("{} messages are summarized:\n{}\n", change->left_out,
                      session.state().summary)};
}

ActionResult leave(std::string_view, Session&) { return {{}, true}; }

ActionResult help(std::string_view, Session&);

constexpr std::array kActions{
    Action{"/system", "TEXT", "Set the system prompt; without TEXT, none",
           &set_system},
    Action{"/clear", "", "Forget what was said", &clear},
    Action{"/save", "FILE", "Keep the conversation as JSON", &save},
    Action{"/load", "FILE", "Go on with a conversation that was kept", &load},
    Action{"/set", "NAME VALUE", "Set a parameter; VALUE 'default' unsets it",
           &set},
    Action{"/image", "FILE", "Show an image with the next message", &image},
    Action{"/undo", "", "Take the last turn back", &undo},
    Action{"/compact", "", "Send a summary of all but the last two turns",
           &compact},
    Action{"/show", "", "Show the settings", &show},
    Action{"/help", "", "Show this list", &help},
    Action{"/exit", "", "Leave; so does Ctrl-D", &leave},
};

ActionResult help(std::string_view, Session&) {
  std::string text;
  for (const Action& action : kActions) {
    text += fmt::format("{:18}{}\n",
                        fmt::format("{} {}", action.name, action.argument),
                        action.help);
  }
  return {text +
          "Ctrl-C stops an answer. \"\"\" begins and ends a message of several "
          "lines;\na backslash at the end of a line continues it. A message "
          "that begins with\na slash is written with two.\n"};
}

}  // namespace

std::optional<ActionResult> run_chat_action(std::string_view line,
                                            Session& session) {
  if (!line.starts_with('/') || line.starts_with("//")) return std::nullopt;
  const std::string_view name = line.substr(0, line.find_first_of(" \t\n"));
  for (const Action& action : kActions) {
    if (action.name == name) {
      return action.perform(trimmed(line.substr(name.size())), session);
    }
  }
  std::vector<std::string> known;
  for (const Action& action : kActions) known.emplace_back(action.name);
  std::string hint = suggestion(name, known);
  if (!hint.empty()) hint += ' ';
  throw InvalidRequestError(
      fmt::format("[chat] unknown command '{}'", name.substr(0, 40)),
      hint + "/help lists them.");
}

}  // namespace abstractllm::cli
