// `allm tokenize`: text to token ids and back.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/report.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct TokenizeOptions {
  ModelOptions model;
  std::optional<std::string> text;
  bool ids = false;
  bool json = false;
  bool no_special = false;
  bool decode = false;
};

std::vector<std::int32_t> parse_ids(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,[]";
  std::vector<std::int32_t> ids;
  while (true) {
    const std::size_t start = text.find_first_not_of(kBetween);
    if (start == std::string_view::npos) return ids;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(kBetween));
    std::int32_t id = 0;
    const auto parsed =
        std::from_chars(word.data(), word.data() + word.size(), id);
    if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size() ||
        id < 0) {
      throw InvalidRequestError(
          fmt::format("[tokenize] '{}' is not a token id", word.substr(0, 40)),
          "Ids are integers from 0 up, with spaces or commas between them.");
    }
    ids.push_back(id);
    text.remove_prefix(word.size());
  }
}

// A token's text in one line: the escapes of JSON, without its quotes.
std::string token_text(AbstractLLMInterface& model, std::int32_t id) {
  const std::string quoted =
      Json(base::replace_invalid_utf8(model.detokenize({id}))).dump();
  return quoted.substr(1, quoted.size() - 2);
}

std::string tokens_json(AbstractLLMInterface& model,
                        const std::vector<std::int32_t>& ids) {
  Json tokens = Json::array();
  for (const std::int32_t id : ids) {
    tokens.push_back(
        {{"id", id},
         {"text", base::replace_invalid_utf8(model.detokenize({id}))}});
  }
  const Json json = {{"count", ids.size()}, {"tokens", std::move(tokens)}};
  return json.dump() + "\n";
}

void print_tokens(const TokenizeOptions& options, CliEnvironment& env,
                  AbstractLLMInterface& model,
                  const std::vector<std::int32_t>& ids) {
  if (options.json) {
    env.out.write(tokens_json(model, ids));
  } else if (options.ids) {
    env.out.write(fmt::format("{}\n", fmt::join(ids, " ")));
  } else {
    std::string table;
    for (const std::int32_t id : ids) {
      table += fmt::format("{:>7}  {}\n", id, token_text(model, id));
    }
    env.out.write(table);
  }
}

int tokenize(const TokenizeOptions& options, CliEnvironment& env) {
  const std::string text =
      options.text ? *options.text : read_text(env.in, "standard input");
  require_utf8(text, "the text");
  if (!options.decode) {
    const auto model = open_model(options.model, env);
    print_tokens(options, env, *model,
                 model->tokenize(text, !options.no_special));
    return 0;
  }
  const std::vector<std::int32_t> ids = parse_ids(text);
  const auto model = open_model(options.model, env);
  if (options.json) {
    const Json json = {{"text", model->detokenize(ids)}};
    env.out.write(json.dump(-1, ' ', false, Json::error_handler_t::replace) +
                  "\n");
  } else {
    const std::string decoded = model->detokenize(ids);
    env.out.write(env.out_is_terminal ? terminal_text(decoded) + "\n"
                                      : decoded);
  }
  return 0;
}

}  // namespace

void add_tokenize_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("tokenize", "Turn text into tokens, or back");
  const auto options = std::make_shared<TokenizeOptions>();
  add_model_argument(*command, options->model);
  command
      ->add_option("TEXT", options->text,
                   "What to tokenize; standard input without it")
      ->type_name("TEXT");
  CLI::Option* json =
      command->add_flag("--json", options->json, "Print one JSON object");
  CLI::Option* ids =
      command
          ->add_flag("--ids", options->ids, "Print the ids alone, on one line")
          ->excludes(json);
  CLI::Option* no_special =
      command->add_flag("--no-special", options->no_special,
                        "Add no special tokens around the text");
  command
      ->add_flag("--decode", options->decode,
                 "TEXT is a list of ids: print their text")
      ->excludes(ids)
      ->excludes(no_special);
  add_engine_options(*command, options->model);
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return tokenize(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
