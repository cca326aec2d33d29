// Prompt, files and form of the answer, put together.
// SPDX-License-Identifier: Apache-2.0
#include "cli/run_request.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "abstractllm/error.h"
#include "cli/conversation.h"
#include "cli/image_argument.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

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

// What the answer is to look like.
void add_form(const RunOptions& options, Request& request) {
  if (options.schema_file) {
    request.response_format = {ResponseFormat::Kind::kJsonSchema,
                               read_text_file(*options.schema_file)};
  } else if (options.regex) {
    request.response_format = {.kind = ResponseFormat::Kind::kRegex,
                               .pattern = *options.regex};
  } else if (options.grammar_file) {
    request.response_format = {
        .kind = ResponseFormat::Kind::kGrammar,
        .grammar = read_text_file(*options.grammar_file)};
  } else if (options.json_answer) {
    request.response_format.kind = ResponseFormat::Kind::kJsonObject;
  }
  if (!options.reasoning.empty()) {
    request.reasoning_effort = parse_reasoning_effort(options.reasoning);
  }
}

}  // namespace

Request make_request(const RunOptions& options, CliEnvironment& env) {
  Request request;
  request.parameters = read_parameters(options.parameters);
  add_form(options, request);
  if (options.system) {
    require_utf8(*options.system, "the system prompt");
    request.system_prompt = options.system;
  }
  if (!options.messages_file.empty()) {
    add_messages(options, env, request);
  } else if (!options.images.empty() || !options.videos.empty()) {
    std::vector<ImagePart> images;
    for (const std::string& image : options.images) {
      images.push_back(image_argument(image));
    }
    for (const std::string& video : options.videos) {
      images.push_back(video_argument(video, options.video_fps));
    }
    request.messages = {
        message_with_images(std::move(images), prompt_text(options, env))};
  } else if (options.raw) {
    request.prompt = prompt_text(options, env);
  } else {
    request.messages = {Message::user(prompt_text(options, env))};
  }
  attach_files(options, request);
  return request;
}

}  // namespace abstractllm::cli
