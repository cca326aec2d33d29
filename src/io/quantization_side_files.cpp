// Three files, each with one tool's fields.
// SPDX-License-Identifier: Apache-2.0
#include "io/quantization_side_files.h"

#include <algorithm>
#include <array>
#include <string>

namespace abstractllm::io {
namespace {

struct SideFile {
  const char* name;
  const char* method;
  const char* inside;  // the field that has it all; null: the whole file
};

constexpr std::array kFiles{
    SideFile{"hf_quant_config.json", "modelopt", "quantization"},
    SideFile{"quantize_config.json", "gptq", nullptr},
    SideFile{"quant_config.json", "awq", nullptr},
};

}  // namespace

bool is_quantization_file(std::string_view name) {
  return std::any_of(kFiles.begin(), kFiles.end(),
                     [&](const SideFile& file) { return name == file.name; });
}

JsonConfig with_quantization_file(JsonConfig config,
                                  const std::filesystem::path& folder) {
  constexpr const char* kField = "quantization_config";
  constexpr const char* kMethod = "quant_method";
  if (config.has(kField) || config.has("quantization")) return config;
  for (const SideFile& file : kFiles) {
    if (!std::filesystem::exists(folder / file.name)) continue;
    JsonConfig said = JsonConfig::load(folder / file.name);
    if (file.inside != nullptr) {
      const auto inside = said.find_object(file.inside);
      if (!inside) continue;
      said = *inside;
    }
    if (!said.has(kMethod)) {
      said = said.with_field(kMethod, "\"" + std::string(file.method) + "\"");
    }
    return config.with_field(kField, said.to_json());
  }
  return config;
}

}  // namespace abstractllm::io
