// Runs a fixture folder (fixtures/README.md says the format) and compares with
// its reference outputs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace abstractllm::golden {

struct GoldenOptions {
  engine::EngineOptions engine;
  /// Tokens computed at a time; 0: the prompt in one pass.
  int chunk = 0;
  /// Compared instead of the fixture's own model; empty: that.
  std::filesystem::path model;
  /// An adapter becomes part of the weights instead of running beside them.
  bool fuse_adapter = false;
};

struct GoldenResult {
  std::string name;
  std::string kind;
  double max_logit_difference = 0;
  double tolerance = 0;
  double argmax_agreement = 0;  ///< share of compared positions
  bool greedy_equal = false;
  bool pass = false;
  std::string error;  ///< why it could not be run; empty if it was
};

/// Never throws: what goes wrong is the result's error.
GoldenResult run_fixture(const std::filesystem::path& folder,
                         const GoldenOptions& options);

/// One JSON object, without a line end.
std::string to_json(const GoldenResult& result);

/// Fixture folders below `root` (or `root` itself), sorted.
std::vector<std::filesystem::path> find_fixtures(
    const std::filesystem::path& root);

}  // namespace abstractllm::golden
