// The help of each parameter, and its option.
// SPDX-License-Identifier: Apache-2.0
#include "cli/parameter_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>

namespace abstractllm::cli {
namespace {

struct ParameterHelp {
  std::string_view name;
  std::string_view value;  // empty: a flag
  std::string_view text;
};

constexpr std::array kHelp{
    ParameterHelp{"temperature", "X", "0 is greedy, up to 2 (0.7)"},
    ParameterHelp{"top_k", "N", "Keep the N most probable tokens; 0: all (0)"},
    ParameterHelp{"top_p", "X", "Nucleus sampling, (0, 1] (1)"},
    ParameterHelp{"min_p", "X",
                  "Drop tokens below X times the best probability (0)"},
    ParameterHelp{"typical_p", "X", "Locally typical sampling, (0, 1] (1)"},
    ParameterHelp{"repetition_penalty", "X",
                  "Weakens tokens already seen, (0, 10] (1)"},
    ParameterHelp{"presence_penalty", "X",
                  "Subtracted once from tokens generated before, [-2, 2] (0)"},
    ParameterHelp{"frequency_penalty", "X",
                  "Subtracted at each occurrence of a token, [-2, 2] (0)"},
    ParameterHelp{"repetition_window", "N",
                  "Latest tokens that the repetition penalty looks at; 0: all "
                  "(64)"},
    ParameterHelp{"logit_bias", "ID=X",
                  "Add X to the logit of token ID, [-100, 100]; repeatable"},
    ParameterHelp{"seed", "N", "Makes sampling repeatable (random)"},
    ParameterHelp{"stop", "TEXT", "Text that ends the answer; repeatable"},
    ParameterHelp{"stop_token_ids", "ID",
                  "Token id that ends the answer; repeatable"},
    ParameterHelp{"max_tokens", "N",
                  "Most tokens to generate (what the context leaves)"},
    ParameterHelp{"min_tokens", "N", "No end before that many tokens (0)"},
    ParameterHelp{"ignore_eos", "", "Go on past the model's end tokens"},
    ParameterHelp{"logprobs", "",
                  "Report the log-probability of each token (with --json)"},
    ParameterHelp{"top_logprobs", "N",
                  "And of the N most probable alternatives, up to 20 (0)"},
    ParameterHelp{"clamp_parameters", "",
                  "Move a temperature out of range into [0.01, 2]"},
};

ParameterHelp help_of(std::string_view name) {
  const auto found = std::find_if(
      kHelp.begin(), kHelp.end(),
      [&](const ParameterHelp& help) { return help.name == name; });
  return found == kHelp.end() ? ParameterHelp{name, "VALUE", ""} : *found;
}

std::string option_name(std::string_view name) {
  // One id an option.
  if (name == "stop_token_ids") name = "stop_token_id";
  std::string option = "--" + std::string(name);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

std::vector<std::string>* repeated(ParameterOptions& options,
                                   std::string_view name) {
  if (name == "stop") return &options.stop;
  if (name == "stop_token_ids") return &options.stop_token_ids;
  if (name == "logit_bias") return &options.logit_bias;
  return nullptr;
}

}  // namespace

void add_parameter_options(CLI::App& app, ParameterOptions& options) {
  for (const std::string_view name : parameter_names()) {
    const ParameterHelp help = help_of(name);
    const std::string option = option_name(name);
    const std::string text(help.text);
    const auto keep = [&options, key = std::string(name)](std::string value) {
      options.values.emplace_back(key, std::move(value));
    };
    CLI::Option* added = nullptr;
    if (auto* list = repeated(options, name)) {
      added = app.add_option(option, *list, text)->allow_extra_args(false);
    } else if (help.value.empty()) {
      added = app.add_flag_callback(
          option, [keep] { keep("true"); }, text);
    } else {
      added = app.add_option_function<std::string>(option, keep, text);
    }
    if (!help.value.empty()) added->type_name(std::string(help.value));
    added->group("Generation");
  }
}

GenerationParameters read_parameters(const ParameterOptions& options) {
  GenerationParameters parameters;
  // clamp_parameters widens what the others may be, so it comes first.
  for (const bool first : {true, false}) {
    for (const auto& [name, value] : options.values) {
      if ((name == "clamp_parameters") == first) {
        set_parameter(parameters, name, value);
      }
    }
  }
  if (!options.stop.empty()) parameters.stop = options.stop;
  if (!options.stop_token_ids.empty()) {
    set_parameter(parameters, "stop_token_ids",
                  fmt::format("{}", fmt::join(options.stop_token_ids, ",")));
  }
  if (!options.logit_bias.empty()) {
    set_parameter(parameters, "logit_bias",
                  fmt::format("{}", fmt::join(options.logit_bias, ",")));
  }
  validate(parameters);
  return parameters;
}

}  // namespace abstractllm::cli
