// Generation parameters as command-line options.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "abstractllm/parameters.h"

namespace CLI {
class App;
}

namespace abstractllm::cli {

/// One option for each name of parameter_names(): top_k is --top-k. Values are
/// kept as text and judged by set_parameter, so that the program and the
/// library have one opinion of them.
struct ParameterOptions {
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<std::string> stop;
  std::vector<std::string> stop_token_ids;
  std::vector<std::string> logit_bias;
};

void add_parameter_options(CLI::App& app, ParameterOptions& options);

/// Throws InvalidParameterError.
GenerationParameters read_parameters(const ParameterOptions& options);

}  // namespace abstractllm::cli
