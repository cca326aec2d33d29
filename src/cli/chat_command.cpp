// `allm chat`: a conversation on the terminal or from a script.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "abstractllm/error.h"
#include "cli/chat_actions.h"
#include "cli/commands.h"
#include "cli/message_reader.h"
#include "cli/model_options.h"
#include "cli/parameter_options.h"
#include "cli/report.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

struct ChatOptions {
  ModelOptions model;
  ParameterOptions parameters;
  std::optional<std::string> system;
  std::string load_file;
  std::string history_file;
  bool verbose = false;
};

// Reads lines and lets the session answer them until the user leaves.
class ChatLoop {
 public:
  ChatLoop(CliEnvironment& env, ChatSession& session, LineSource& lines,
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
      return result->leave;
    }
    const std::size_t unsent = session_.unsent();
    const GenerateResponse response =
        session_.ask(text.starts_with("//") ? text.substr(1) : text, view_);
    if (session_.unsent() > unsent) {
      report_note(env_.err,
                  fmt::format("the context is full: the first {} messages are "
                              "no longer sent",
                              session_.unsent()));
    }
    if (verbose_) env_.err.write(timing_line(response) + "\n");
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
  ChatSession& session_;
  LineSource& lines_;
  AnswerView view_;
  bool verbose_;
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

int chat(const ChatOptions& options, CliEnvironment& env) {
  Conversation conversation = first_conversation(options);
  const auto model = open_model(options.model, env);
  ChatSession session(*model, std::move(conversation));
  const bool edited = env.in_is_terminal && env.out_is_terminal;
  Interrupts interrupts(edited ? Interrupts::Mode::kTerminal
                               : Interrupts::Mode::kFilter);
  const auto lines = line_source(options, env, interrupts, edited);
  if (env.in_is_terminal) {
    env.err.write(fmt::format("{}: /help lists the commands, Ctrl-D leaves.\n",
                              one_line(model->model())));
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
  command
      ->add_option("--load", options->load_file,
                   "Go on with a conversation that /save kept")
      ->type_name("FILE");
  command
      ->add_option("--history", options->history_file,
                   "Keep typed lines in FILE over sessions (not kept)")
      ->type_name("FILE");
  command->add_flag("--verbose", options->verbose,
                    "Report token counts and speed on standard error");
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
