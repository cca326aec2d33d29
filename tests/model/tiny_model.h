// Tiny fixture models behind the public interface.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "abstractllm/abstractllm.h"
#include "support/source_folder.h"

namespace abstractllm::test {

inline std::filesystem::path fixture(const std::string& name) {
  const std::filesystem::path fixtures =
      std::filesystem::path(ABSTRACTLLM_TEST_DATA) / "fixtures" / name;
  if (std::filesystem::exists(fixtures)) return fixtures;
  return abstractllm::test::source_folder() / "tests/data/fixtures" / name;
}

inline nlohmann::json reference_of(const std::string& name) {
  std::ifstream stream(fixture(name) / "reference.json");
  return nlohmann::json::parse(stream);
}

inline std::unique_ptr<AbstractLLMInterface> open_fixture(
    const std::string& name, ProviderConfig config = {}) {
  config.model = fixture(name).string();
  if (config.cpu_precision == "auto") config.cpu_exact = true;
  return create_llm("mlx", std::move(config));
}

/// A greedy request for ids, past end tokens.
inline Request greedy_request(std::vector<std::int32_t> ids, int max_tokens) {
  Request request;
  request.prompt_token_ids = std::move(ids);
  request.parameters.temperature = 0;
  request.parameters.max_tokens = max_tokens;
  request.parameters.ignore_eos = true;
  return request;
}

}  // namespace abstractllm::test
