// `allm run`: one prompt, one answer.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "abstractllm/error.h"
#include "cli/answer.h"
#include "cli/atomic_file.h"
#include "cli/chat_turn.h"
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/draw_boxes.h"
#include "cli/image_argument.h"
#include "cli/report.h"
#include "cli/run_request.h"
#include "io/image.h"
#include "io/png_writer.h"
#include "output/detections.h"

namespace abstractllm::cli {
namespace {

// The boxes of the answer over the first image.
void draw(const RunOptions& options, const Request& request,
          const std::vector<output::Detection>& found, CliEnvironment& env) {
  const std::vector<Part>& parts = request.messages.back().parts;
  const auto first = std::find_if(
      parts.begin(), parts.end(),
      [](const Part& p) { return std::holds_alternative<ImagePart>(p); });
  const auto& image = std::get<ImagePart>(*first);
  const io::EncodedImage encoded =
      image.path.empty() ? io::EncodedImage::from_bytes(image.bytes)
                         : io::EncodedImage::open(image.path);
  io::RgbImage picture = io::read_pixels(encoded);
  draw_boxes(found, picture);
  write_file_atomically(options.draw_file, io::encode_png(picture));
  report_note(env.err, fmt::format("{} boxes drawn to {}", found.size(),
                                   one_line(options.draw_file)));
}

// Calls are made and answered until there is text.
GenerateResponse answer_with_tools(const RunOptions& options,
                                   const Request& request,
                                   std::shared_ptr<AbstractLLMInterface> model,
                                   std::shared_ptr<ToolRegistry> tools,
                                   const AnswerView& view,
                                   CliEnvironment& env) {
  require_tools(*model);
  Conversation before{request.system_prompt, request.messages,
                      request.parameters};
  Message message = std::move(before.messages.back());
  before.messages.pop_back();
  PlainLines lines(env.in);
  SessionOptions session_options;
  session_options.tools = std::move(tools);
  session_options.confirm_tool = confirmation(options.tools, env, lines);
  Session session(std::move(model), std::move(session_options),
                  state_of(std::move(before)));
  return take_turn(session, std::move(message), view, env.err).response;
}

int run(const RunOptions& options, CliEnvironment& env) {
  using Clock = std::chrono::steady_clock;
  // What the user got wrong is said before a model is loaded for it.
  Request request = make_request(options, env);
  const auto tools = make_tools(options.tools, env);
  const auto start = Clock::now();
  const auto model = open_model(options.model, env);
  const std::chrono::duration<double> load = Clock::now() - start;

  if (!options.images.empty() || !options.videos.empty()) {
    env.err.write(image_cost_lines(*model, request));
  }
  AnswerView view;
  view.terminal = env.out_is_terminal;
  if (!options.json) view.text = &env.out;
  Interrupts interrupts(Interrupts::Mode::kFilter);
  GenerateResponse response;
  if (tools) {
    response = answer_with_tools(options, request, model, tools, view, env);
  } else {
    const Interrupts::Answer answer(request.cancel);
    response = show_answer(*model, request, view);
  }
  const std::vector<output::Detection> found =
      options.images.empty() ? std::vector<output::Detection>{}
                             : output::find_detections(response.content);
  if (options.json) {
    env.out.write(
        answer_json(response, model->provider(), load.count(), found));
  }
  if (!options.draw_file.empty()) draw(options, request, found, env);
  if (options.verbose) {
    env.err.write(fmt::format("loaded in {:.3f} s; {}\n", load.count(),
                              timing_line(response)));
  }
  return response.finish_reason == FinishReason::kCancelled ? kExitInterrupted
                                                            : 0;
}

void add_prompt_options(CLI::App& command, RunOptions& options) {
  command
      .add_option("PROMPT", options.prompt,
                  "What to answer. Piped text follows it after a blank line, "
                  "or stands alone without it.")
      ->type_name("PROMPT");
  CLI::Option* messages =
      command
          .add_option("--messages", options.messages_file,
                      "A whole conversation as JSON, [{\"role\": ..., "
                      "\"content\": ...}, ...]; '-' is standard input. PROMPT, "
                      "if given, follows it.")
          ->type_name("FILE");
  CLI::Option* system =
      command.add_option("--system", options.system, "System prompt")
          ->type_name("TEXT");
  CLI::Option* image =
      command
          .add_option("--image", options.images,
                      "An image to show with the prompt: a path or a data: "
                      "URL. May be repeated; what each costs is said first.")
          ->type_name("FILE")
          ->allow_extra_args(false)
          ->excludes(messages);
  CLI::Option* video =
      command
          .add_option("--video", options.videos,
                      "A moving picture to show with the prompt: an animated "
                      "GIF, or a folder with an image a frame. May be "
                      "repeated; stands behind the images.")
          ->type_name("PATH")
          ->allow_extra_args(false)
          ->excludes(messages);
  command
      .add_option("--video-fps", options.video_fps,
                  "Frames a second of the folder, or of the GIF in the place "
                  "of its own")
      ->type_name("N")
      ->needs(video);
  command
      .add_option("--draw", options.draw_file,
                  "Draw the boxes of the answer (PaliGemma's <loc>) over the "
                  "first image, as a PNG")
      ->type_name("OUT")
      ->needs(image);
  CLI::Option* files =
      command
          .add_option("--file", options.files,
                      "An image, text or table to send before the prompt; "
                      "repeatable")
          ->type_name("FILE")
          ->allow_extra_args(false);
  command
      .add_flag("--raw", options.raw,
                "Continue the prompt as it stands, without a chat template")
      ->excludes(messages)
      ->excludes(image)
      ->excludes(video)
      ->excludes(system)
      ->excludes(files);
}

// What the answer is to be; one of them.
void add_form_options(CLI::App& command, RunOptions& options) {
  std::vector<CLI::Option*> forms;
  forms.push_back(
      command
          .add_option("--schema", options.schema_file,
                      "Answer with JSON that fits the JSON Schema in FILE")
          ->type_name("FILE"));
  forms.push_back(command.add_flag("--json-answer", options.json_answer,
                                   "Answer with a JSON object"));
  forms.push_back(
      command
          .add_option("--regex", options.regex,
                      "Answer with text that PATTERN matches as a whole "
                      "(models on this machine)")
          ->type_name("PATTERN"));
  forms.push_back(
      command
          .add_option("--grammar", options.grammar_file,
                      "Answer with text of the Lark grammar in FILE (models "
                      "on this machine)")
          ->type_name("FILE"));
  for (std::size_t i = 0; i < forms.size(); ++i) {
    for (std::size_t j = i + 1; j < forms.size(); ++j) {
      forms[i]->excludes(forms[j]);
    }
  }
  command
      .add_option("--reasoning", options.reasoning,
                  "How much a reasoning model thinks first: off, low, "
                  "medium or high (the model's own way)")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"off", "low", "medium", "high"}).description(""));
}

}  // namespace

void add_run_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("run", "Answer one prompt");
  const auto options = std::make_shared<RunOptions>();
  add_model_argument(*command, options->model);
  add_prompt_options(*command, *options);
  command->add_flag("--json", options->json,
                    "Print the answer with its details as one JSON object");
  command->add_flag("--verbose", options->verbose,
                    "Report token counts and speed on standard error");
  add_form_options(*command, *options);
  add_tool_options(*command, options->tools);
  // A turn with tools is a conversation of its own.
  for (const char* tool_option : {"--tool", "--mcp"}) {
    for (const char* other :
         {"--raw", "--messages", "--schema", "--json-answer", "--regex",
          "--grammar", "--reasoning"}) {
      command->get_option(tool_option)->excludes(command->get_option(other));
    }
  }
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
