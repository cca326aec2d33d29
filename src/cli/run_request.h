// What `allm run` was told, as a request.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "abstractllm/request.h"
#include "cli/cli.h"
#include "cli/model_options.h"
#include "cli/parameter_options.h"
#include "cli/tool_options.h"

namespace abstractllm::cli {

struct RunOptions {
  ModelOptions model;
  ParameterOptions parameters;
  ToolOptions tools;
  std::optional<std::string> prompt;
  std::optional<std::string> system;
  std::string messages_file;
  std::vector<std::string> files;
  std::vector<std::string> images;
  std::vector<std::string> videos;
  std::optional<double> video_fps;
  std::string draw_file;
  std::optional<std::string> schema_file;
  std::optional<std::string> regex;
  std::optional<std::string> grammar_file;
  std::string reasoning;
  bool json_answer = false;
  bool raw = false;
  bool json = false;
  bool verbose = false;
};

/// Reads the files and the standard input that it needs; no model. Throws
/// InvalidRequestError, InvalidParameterError, FileProcessingError.
Request make_request(const RunOptions& options, CliEnvironment& env);

}  // namespace abstractllm::cli
