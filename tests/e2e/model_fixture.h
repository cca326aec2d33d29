// The program with the engine behind it, and a tiny model of the test data,
// whose words mean nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "e2e/child.h"

namespace abstractllm::test {
inline const std::string kAllm = ALLM;
inline const std::filesystem::path kTinyModel =
    ABSTRACTLLM_TEST_DATA "/fixtures/text/llama3";

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

class Model : public ::testing::Test {
 protected:
  Environment environment() const {
    return {{"TERM", "xterm"},
            {"HOME", folder.path().string()},
            {"ABSTRACTLLM_MODELS_DIR", (folder.path() / "models").string()}};
  }
  Ended run(std::vector<std::string> arguments, std::string_view input = {}) {
    arguments.insert(arguments.begin(), kAllm);
    return run_on_pipes(arguments, input, environment());
  }
  nlohmann::json run_json(std::vector<std::string> arguments,
                          std::string_view input = {}) {
    arguments.emplace_back("--json");
    const Ended ended = run(std::move(arguments), input);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    return nlohmann::json::parse(ended.out);
  }
  // A copy of the tiny model that a test can break.
  std::filesystem::path copied_model(const std::string& name) {
    const std::filesystem::path copy = folder.path() / name;
    std::filesystem::create_directory(copy);
    for (const auto& entry : std::filesystem::directory_iterator(kTinyModel)) {
      if (!entry.is_regular_file()) continue;
      // Written anew: the data may be read-only.
      std::ofstream(copy / entry.path().filename(), std::ios::binary)
          << text_of(entry.path());
    }
    return copy;
  }
  void edit_config(const std::filesystem::path& model,
                   const std::function<void(nlohmann::json&)>& edit) {
    nlohmann::json config =
        nlohmann::json::parse(text_of(model / "config.json"));
    edit(config);
    std::ofstream(model / "config.json") << config;
  }
  // One line of error with `expected` in it, one of hint, nothing else.
  void expect_refusal(const Ended& ended, int exit_code,
                      const std::string& expected) {
    EXPECT_EQ(ended.exit_code, exit_code) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_TRUE(ended.err.starts_with("allm: error: ")) << ended.err;
    EXPECT_NE(ended.err.find(expected), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("\nhint: "), std::string::npos) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 2)
        << ended.err;
  }

  TemporaryFolder folder;
  const std::string tiny = kTinyModel.string();
};

}  // namespace abstractllm::test
