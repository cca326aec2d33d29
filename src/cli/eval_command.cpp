// `allm eval`: how well a model predicts a text.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

struct EvalOptions {
  ModelOptions model;
  std::string file;
  int max_tokens = 0;
  bool json = false;
};

int evaluate(const EvalOptions& options, CliEnvironment& env) {
  const std::string text = read_text_file(options.file, &env.in);
  const auto model = open_model(options.model, env);
  // The beginning token is there if the model's own tokenizer adds one.
  std::vector<std::int32_t> ids = model->tokenize(text, true);
  if (options.max_tokens > 0 &&
      ids.size() > static_cast<std::size_t>(options.max_tokens)) {
    ids.resize(static_cast<std::size_t>(options.max_tokens));
  }
  if (ids.size() < 2) {
    throw InvalidRequestError(
        fmt::format("[eval] '{}' has {} tokens; at least 2 are needed",
                    options.file, ids.size()),
        "Choose a longer text.");
  }
  const Score score = model->score(ids);
  const double perplexity =
      std::exp(score.negative_log_likelihood / score.tokens);
  if (options.json) {
    const nlohmann::ordered_json json = {
        {"model", std::string(model->model())},
        {"tokens", score.tokens},
        {"negative_log_likelihood", score.negative_log_likelihood},
        {"perplexity", perplexity}};
    env.out.write(json.dump() + "\n");
  } else {
    env.out.write(
        fmt::format("tokens                   {}\n"
                    "negative log-likelihood  {:.4f}\n"
                    "perplexity               {:.4f}\n",
                    score.tokens, score.negative_log_likelihood, perplexity));
  }
  return 0;
}

}  // namespace

void add_eval_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("eval", "Measure how well a model predicts a text");
  const auto options = std::make_shared<EvalOptions>();
  add_model_argument(*command, options->model);
  command
      ->add_option("--perplexity", options->file,
                   "The text to predict; '-' is standard input")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--max-tokens", options->max_tokens,
                   "Use the first N tokens of the text; 0 uses all (0)")
      ->check(CLI::Range(0, 1 << 30).description(""))
      ->type_name("N");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_engine_options(*command, options->model);
  command->footer(
      "One pass over the text, in windows of the context length where it is "
      "longer. Tokens counts the predicted ones, all but the first.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return evaluate(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
