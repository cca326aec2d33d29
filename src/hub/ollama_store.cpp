// Manifests and blobs.
// SPDX-License-Identifier: Apache-2.0
#include "hub/ollama_store.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "hub/model_folder.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxManifest = 1 << 20;

std::string text_of(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error) ||
      fs::file_size(file, error) > kMaxManifest || error) {
    return {};
  }
  std::ifstream stream(file, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

// As `ollama list` writes it: what is usual is left out.
std::string id_of(const std::string& registry, const std::string& owner,
                  const std::string& name, const std::string& tag) {
  std::string id = name + ":" + tag;
  if (registry != "registry.ollama.ai")
    return registry + "/" + owner + "/" + id;
  return owner == "library" ? id : owner + "/" + id;
}

}  // namespace

fs::path ollama_weights(const fs::path& store, std::string_view manifest) {
  const auto json = nlohmann::json::parse(manifest, nullptr, false);
  if (!json.is_object() || !json.contains("layers") ||
      !json["layers"].is_array()) {
    return {};
  }
  for (const auto& layer : json["layers"]) {
    if (!layer.is_object() || !layer.contains("mediaType") ||
        layer["mediaType"] != "application/vnd.ollama.image.model" ||
        !layer.contains("digest") || !layer["digest"].is_string()) {
      continue;
    }
    const std::string digest = layer["digest"].get<std::string>();
    constexpr std::string_view kPrefix = "sha256:";
    if (!digest.starts_with(kPrefix) || digest.size() != kPrefix.size() + 64 ||
        digest.find_first_not_of("0123456789abcdef", kPrefix.size()) !=
            digest.npos) {
      continue;
    }
    const fs::path blob =
        store / "blobs" / ("sha256-" + digest.substr(kPrefix.size()));
    if (is_gguf(blob)) return blob;
  }
  return {};
}

std::vector<OllamaModel> list_ollama_models(const fs::path& store) {
  std::vector<OllamaModel> models;
  for (const fs::path& registry : entries_of(store / "manifests")) {
    for (const fs::path& owner : entries_of(registry)) {
      for (const fs::path& name : entries_of(owner)) {
        for (const fs::path& tag : entries_of(name)) {
          const fs::path blob = ollama_weights(store, text_of(tag));
          if (blob.empty()) continue;
          std::error_code error;
          const auto bytes = fs::file_size(blob, error);
          models.push_back({id_of(registry.filename(), owner.filename(),
                                  name.filename(), tag.filename()),
                            blob, error ? 0 : bytes});
        }
      }
    }
  }
  std::sort(models.begin(), models.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return models;
}

}  // namespace abstractllm::hub
