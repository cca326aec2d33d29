// Names of parts of a config.json.
// SPDX-License-Identifier: Apache-2.0
#include "io/model_config.h"

#include <string>

namespace abstractllm::io {

JsonConfig load_model_config(const std::filesystem::path& path) {
  JsonConfig config = JsonConfig::load(path);
  // InternVL in its authors' layout.
  constexpr const char* kOlder = "llm_config";
  if (config.has("text_config") || !config.is_object(kOlder)) return config;
  return config.with_field("text_config", *config.find_json(kOlder));
}

}  // namespace abstractllm::io
