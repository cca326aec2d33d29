// `allm run`: one prompt, one answer.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "abstractllm/error.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/model_options.h"
#include "cli/parameter_options.h"
#include "cli/report.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

struct RunOptions {
  ModelOptions model;
  ParameterOptions parameters;
  std::optional<std::string> prompt;
  std::optional<std::string> system;
  std::string messages_file;
  std::vector<std::string> files;
  bool raw = false;
  bool json = false;
  bool verbose = false;
};

// The prompt of the command line, a blank line, and what was piped in.
std::string prompt_text(const RunOptions& options, CliEnvironment& env) {
  std::string text = options.prompt.value_or("");
  require_utf8(text, "the prompt");
  if (!env.in_is_terminal) {
    std::string piped = read_text(env.in, "standard input");
    // `echo` adds a line break that nobody means; --raw takes bytes as they
    // are.
    if (!options.raw && piped.ends_with('\n')) piped.pop_back();
    if (!piped.empty() && !is_blank(text)) text += "\n\n";
    text += piped;
  }
  if (is_blank(text)) {
    throw InvalidRequestError(
        "[run] the prompt is empty",
        "Give one: allm run MODEL \"prompt\", or pipe text in.");
  }
  return text;
}

void add_messages(const RunOptions& options, CliEnvironment& env,
                  Request& request) {
  const std::string& file = options.messages_file;
  Conversation conversation =
      parse_conversation(read_text_file(file, &env.in), file);
  if (conversation.system && options.system) {
    throw InvalidRequestError(
        fmt::format("[run] {} has a system message, and --system gives another",
                    file),
        "Leave one of them out.");
  }
  if (conversation.system) request.system_prompt = conversation.system;
  request.messages = std::move(conversation.messages);
  if (options.prompt) {
    require_utf8(*options.prompt, "the prompt");
    request.messages.push_back(Message::user(*options.prompt));
  }
  if (request.messages.empty()) {
    throw InvalidRequestError(
        fmt::format("[run] {} has no message to answer", file),
        "Add a message of the role user.");
  }
}

// Before the text of the last message, as services advise: the question about
// a document comes behind it.
void attach_files(const RunOptions& options, Request& request) {
  if (options.files.empty()) return;
  std::vector<Part>& parts = request.messages.back().parts;
  std::vector<Part> attached;
  for (const std::string& file : options.files) {
    attached.push_back(part_from_file(file));
    if (auto* text = std::get_if<TextPart>(&attached.back())) {
      text->text += '\n';
    }
  }
  parts.insert(parts.begin(), attached.begin(), attached.end());
}

Request make_request(const RunOptions& options, CliEnvironment& env) {
  Request request;
  request.parameters = read_parameters(options.parameters);
  if (options.system) {
    require_utf8(*options.system, "the system prompt");
    request.system_prompt = options.system;
  }
  if (!options.messages_file.empty()) {
    add_messages(options, env, request);
  } else if (options.raw) {
    request.prompt = prompt_text(options, env);
  } else {
    request.messages = {Message::user(prompt_text(options, env))};
  }
  attach_files(options, request);
  return request;
}

int run(const RunOptions& options, CliEnvironment& env) {
  using Clock = std::chrono::steady_clock;
  // What the user got wrong is said before a model is loaded for it.
  Request request = make_request(options, env);
  const auto start = Clock::now();
  const auto model = open_model(options.model, env);
  const std::chrono::duration<double> load = Clock::now() - start;

  AnswerView view;
  view.terminal = env.out_is_terminal;
  if (!options.json) view.text = &env.out;
  Interrupts interrupts(Interrupts::Mode::kFilter);
  GenerateResponse response;
  {
    const Interrupts::Answer answer(request.cancel);
    response = show_answer(*model, request, view);
  }
  if (options.json) {
    env.out.write(answer_json(response, model->provider(), load.count()));
  }
  if (options.verbose) {
    env.err.write(fmt::format("loaded in {:.3f} s; {}\n", load.count(),
                              timing_line(response)));
  }
  return response.finish_reason == FinishReason::kCancelled ? kExitInterrupted
                                                            : 0;
}

}  // namespace

void add_run_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("run", "Answer one prompt");
  const auto options = std::make_shared<RunOptions>();
  add_model_argument(*command, options->model);
  command
      ->add_option("PROMPT", options->prompt,
                   "What to answer. Piped text follows it after a blank line, "
                   "or stands alone without it.")
      ->type_name("PROMPT");
  CLI::Option* messages =
      command
          ->add_option(
              "--messages", options->messages_file,
              "A whole conversation as JSON, [{\"role\": ..., "
              "\"content\": ...}, ...]; '-' is standard input. PROMPT, "
              "if given, follows it.")
          ->type_name("FILE");
  CLI::Option* system =
      command->add_option("--system", options->system, "System prompt")
          ->type_name("TEXT");
  CLI::Option* files =
      command
          ->add_option("--file", options->files,
                       "An image, text or table to send before the prompt; "
                       "repeatable")
          ->type_name("FILE")
          ->allow_extra_args(false);
  command
      ->add_flag("--raw", options->raw,
                 "Continue the prompt as it stands, without a chat template")
      ->excludes(messages)
      ->excludes(system)
      ->excludes(files);
  command->add_flag("--json", options->json,
                    "Print the answer with its details as one JSON object");
  command->add_flag("--verbose", options->verbose,
                    "Report token counts and speed on standard error");
  add_parameter_options(*command, options->parameters);
  add_engine_options(*command, options->model);
  add_connection_options(*command, options->model);
  command->footer(
      "The answer alone goes to standard output. Ctrl-C ends it; what there is "
      "by then stays, and the exit status is 130. Put -- before a prompt that "
      "begins with a dash.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return run(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
