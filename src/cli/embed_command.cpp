// `allm embed`: texts to vectors.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "abstractllm/error.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/report.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

// Texts of one request: services refuse very many at once.
constexpr std::size_t kBatch = 256;

struct EmbedOptions {
  ModelOptions model;
  std::vector<std::string> texts;
  std::optional<int> dimensions;
  std::optional<std::string> prompt;
  bool truncate = false;
  bool json = false;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
    start = end + 1;
  }
  return lines;
}

std::vector<std::string> read_texts(const EmbedOptions& options,
                                    CliEnvironment& env) {
  const bool given = !options.texts.empty();
  std::vector<std::string> texts =
      given ? options.texts : lines_of(read_text(env.in, "standard input"));
  if (texts.empty()) {
    throw InvalidRequestError("[embed] there is no text to embed",
                              "Give texts, or lines on standard input.");
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string where =
        fmt::format("{} {}", given ? "text" : "line", i + 1);
    require_utf8(texts[i], where);
    if (!texts[i].empty()) continue;
    throw InvalidRequestError(fmt::format("[embed] {} is empty", where),
                              "An empty text has no vector.");
  }
  return texts;
}

std::string vector_text(const std::vector<float>& vector) {
  return fmt::format("{}\n", fmt::join(vector, " "));
}

// Shortest numbers that read back as the same floats: JSON's own writer would
// spell out the doubles that they widen to.
std::string vector_json(const std::vector<float>& vector) {
  return fmt::format("[{}]", fmt::join(vector, ","));
}

int embed(const EmbedOptions& options, CliEnvironment& env) {
  const std::vector<std::string> texts = read_texts(options, env);
  const auto model = open_model(options.model, env);
  std::string vectors;
  std::size_t dimensions = 0;
  int tokens = 0;
  for (std::size_t first = 0; first < texts.size(); first += kBatch) {
    const std::size_t end = std::min(first + kBatch, texts.size());
    const auto begin = texts.begin();
    const EmbeddingResponse response =
        model->embed({.inputs = {begin + static_cast<std::ptrdiff_t>(first),
                                 begin + static_cast<std::ptrdiff_t>(end)},
                      .dimensions = options.dimensions,
                      .prompt_name = options.prompt,
                      .truncate = options.truncate});
    tokens += response.usage.prompt_tokens;
    for (const std::vector<float>& vector : response.vectors) {
      dimensions = vector.size();
      if (options.json) {
        vectors += (vectors.empty() ? "" : ",") + vector_json(vector);
      } else {
        env.out.write(vector_text(vector));
      }
    }
  }
  if (options.json) {
    env.out.write(
        fmt::format("{{\"model\":{},\"dimensions\":{},\"embeddings\":[{}],"
                    "\"prompt_tokens\":{}}}\n",
                    Json(std::string(model->model()))
                        .dump(-1, ' ', false, Json::error_handler_t::replace),
                    dimensions, vectors, tokens));
  }
  return 0;
}

}  // namespace

void add_embed_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("embed", "Turn texts into vectors");
  const auto options = std::make_shared<EmbedOptions>();
  add_model_argument(*command, options->model);
  command
      ->add_option("TEXT", options->texts,
                   "What to embed; without it, each line of standard input")
      ->type_name("TEXT...");
  command->add_flag("--json", options->json, "Print one JSON object");
  command
      ->add_option("--dimensions", options->dimensions,
                   "Length of the vectors; without it, the model's own")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--prompt", options->prompt,
                   "Put the model's own prompt of this name (query, document) "
                   "in front of each text")
      ->type_name("NAME");
  command->add_flag("--truncate", options->truncate,
                    "Cut texts that are longer than the model takes");
  add_engine_options(*command, options->model);
  add_connection_options(*command, options->model);
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return embed(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
