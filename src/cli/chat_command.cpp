// `allm chat`: a conversation on the terminal or from a script.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "cli/chat_actions.h"
#include "cli/chat_turn.h"
#include "cli/commands.h"
#include "cli/image_argument.h"
#include "cli/message_reader.h"
#include "cli/model_options.h"
#include "cli/parameter_options.h"
#include "cli/report.h"
#include "cli/text_input.h"
#include "cli/tool_options.h"

namespace abstractllm::cli {
namespace {

struct ChatOptions {
  ModelOptions model;
  ParameterOptions parameters;
  ToolOptions tools;
  std::optional<std::string> system;
  std::string load_file;
  std::string session;
  std::string history_file;
  bool verbose = false;
};

// Reads lines and lets the session answer them until the user leaves.
class ChatLoop {
 public:
  ChatLoop(CliEnvironment& env, Session& session, LineSource& lines,
           bool verbose)
      : env_(env), session_(session), lines_(lines), verbose_(verbose) {
    view_.text = &env.out;
    view_.terminal = env.out_is_terminal;
    view_.color = env.out_is_terminal && env.color;
    if (env.out_is_terminal) view_.reasoning = &env.out;
  }

  int run() {
    while (true) {
      const Line line = read_message(lines_, "> ", ". ");
      if (line.kind == Line::Kind::kEnd) return exit_code();
      if (line.kind == Line::Kind::kInterrupted) {
        if (line.text.empty() && asked_to_leave_) return kExitInterrupted;
        asked_to_leave_ = line.text.empty();
        if (asked_to_leave_) {
          env_.err.write("Ctrl-C once more, or Ctrl-D, leaves.\n");
        }
        continue;
      }
      asked_to_leave_ = false;
      if (is_blank(line.text)) continue;
      try {
        remember(line.text);
        if (answer(line.text)) return exit_code();
      } catch (const Error& error) {
        report_error(env_.err, error);
        if (first_error_ == 0) {
          first_error_ = error_traits(error.code()).exit_code;
        }
      }
    }
  }

 private:
  // A person has seen the errors; a script learns of them at the end.
  int exit_code() const { return env_.in_is_terminal ? 0 : first_error_; }

  // Returns whether to leave.
  bool answer(const std::string& text) {
    require_utf8(text, "the message");
    if (const auto result = run_chat_action(text, session_)) {
      env_.err.write(result->message);
      if (result->image) images_.push_back(*result->image);
      return result->leave;
    }
    const Turn turn = take_turn(
        session_,
        message_with_images(std::exchange(images_, {}),
                            text.starts_with("//") ? text.substr(1) : text),
        view_, env_.err);
    if (verbose_) env_.err.write(timing_line(turn.response) + "\n");
    return false;
  }

  void remember(const std::string& text) {
    try {
      std::string_view rest = text;
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        if (end > 0) lines_.remember(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    } catch (const FileProcessingError& error) {
      if (!told_of_history_) report_note(env_.err, error.message());
      told_of_history_ = true;
    }
  }

  CliEnvironment& env_;
  Session& session_;
  LineSource& lines_;
  AnswerView view_;
  bool verbose_;
  std::vector<ImagePart> images_;  // that wait for a message
  bool asked_to_leave_ = false;
  bool told_of_history_ = false;
  int first_error_ = 0;
};

Conversation first_conversation(const ChatOptions& options) {
  Conversation conversation;
  if (!options.load_file.empty()) {
    conversation = parse_conversation(read_text_file(options.load_file),
                                      options.load_file);
  }
  if (options.system) {
    require_utf8(*options.system, "the system prompt");
    conversation.system = options.system;
  }
  conversation.parameters =
      overlay(read_parameters(options.parameters), conversation.parameters);
  return conversation;
}

std::unique_ptr<LineSource> line_source(const ChatOptions& options,
                                        CliEnvironment& env,
                                        Interrupts& interrupts, bool edited) {
  if (!edited) return std::make_unique<PlainLines>(env.in);
  try {
    return env.edit_lines(options.history_file, interrupts);
  } catch (const Error& error) {
    report_note(env.err, "no history: " + error.message());
    return env.edit_lines({}, interrupts);
  }
}

// A stored session goes on with what the command line adds to it.
Session begin(const ChatOptions& options, CliEnvironment& env,
              std::shared_ptr<AbstractLLMInterface> model,
              Conversation conversation, SessionOptions session_options) {
  if (options.session.empty()) {
    return Session(std::move(model), std::move(session_options),
                   state_of(std::move(conversation)));
  }
  SessionManager manager(env.sessions_file);
  if (!manager.contains(options.session)) {
    return manager.create(std::move(model), options.session,
                          std::move(session_options),
                          state_of(std::move(conversation)));
  }
  Session session = manager.open(options.session, std::move(model),
                                 std::move(session_options));
  if (conversation.system) session.set_system_prompt(conversation.system);
  const GenerationParameters parameters =
      overlay(conversation.parameters, session.state().parameters);
  if (parameters != session.state().parameters) {
    session.set_parameters(parameters);
  }
  if (env.err_is_terminal) {
    report_note(env.err, fmt::format("{} messages were said before",
                                     session.state().messages.size()));
  }
  return session;
}

int chat(const ChatOptions& options, CliEnvironment& env) {
  Conversation conversation = first_conversation(options);
  const bool edited = env.in_is_terminal && env.out_is_terminal;
  SessionOptions session_options;
  session_options.tools = make_tools(options.tools, env);
  std::shared_ptr<AbstractLLMInterface> model = open_model(options.model, env);
  if (session_options.tools) require_tools(*model);
  Interrupts interrupts(edited ? Interrupts::Mode::kTerminal
                               : Interrupts::Mode::kFilter);
  const auto lines = line_source(options, env, interrupts, edited);
  session_options.confirm_tool = confirmation(options.tools, env, *lines);
  Session session = begin(options, env, std::move(model),
                          std::move(conversation), std::move(session_options));
  if (env.in_is_terminal) {
    env.err.write(fmt::format("{}: /help lists the commands, Ctrl-D leaves.\n",
                              one_line(session.llm().model())));
  }
  return ChatLoop(env, session, *lines, options.verbose).run();
}

}  // namespace

void add_chat_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("chat", "Talk with a model, turn by turn");
  const auto options = std::make_shared<ChatOptions>();
  add_model_argument(*command, options->model);
  command->add_option("--system", options->system, "System prompt")
      ->type_name("TEXT");
  CLI::Option* load =
      command
          ->add_option("--load", options->load_file,
                       "Go on with a conversation that /save kept")
          ->type_name("FILE");
  command
      ->add_option("--session", options->session,
                   "Store each turn as the session NAME, and go on with it if "
                   "there is one; see 'allm sessions'")
      ->type_name("NAME")
      ->excludes(load);
  command
      ->add_option("--history", options->history_file,
                   "Keep typed lines in FILE over sessions (not kept)")
      ->type_name("FILE");
  command->add_flag("--verbose", options->verbose,
                    "Report token counts and speed on standard error");
  add_tool_options(*command, options->tools);
  add_parameter_options(*command, options->parameters);
  add_engine_options(*command, options->model);
  add_connection_options(*command, options->model);
  command->footer(
      "Answers go to standard output, everything else to standard error. "
      "/help lists the commands. Ctrl-C stops an answer; Ctrl-D leaves.\n"
      "Without a terminal each line of standard input is a turn, and the exit "
      "status is that of the first turn that failed.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return chat(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
