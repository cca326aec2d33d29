// The folder that Ollama keeps its models in; only read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::hub {

/// A model of Ollama whose weights are one GGUF file.
struct OllamaModel {
  std::string id;  ///< "NAME:TAG" or "NAMESPACE/NAME:TAG", as Ollama shows it
  std::filesystem::path path;  ///< of the GGUF file, without that ending
  std::uint64_t bytes = 0;
};

/// manifests/REGISTRY/NAMESPACE/NAME/TAG name blobs by their digest. Manifests
/// that cannot be read or name no GGUF file are passed over. Sorted by id.
std::vector<OllamaModel> list_ollama_models(const std::filesystem::path& store);

/// The digest's file in `store` that a manifest names as the model's weights;
/// empty: none.
std::filesystem::path ollama_weights(const std::filesystem::path& store,
                                     std::string_view manifest);

}  // namespace abstractllm::hub
