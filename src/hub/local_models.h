// From a model id to the folder or file that holds it on this machine.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/factory.h"

namespace abstractllm::hub {

/// Folders that models are looked for in; an empty path is not looked at.
struct ModelLocations {
  /// Models by id: NAME or ORG/NAME, each a folder or a .gguf file.
  std::filesystem::path models;
  /// The cache that Hugging Face's tools keep (models--ORG--NAME/...). Only
  /// read.
  std::filesystem::path hugging_face;

  /// The value of an environment variable; null if it is not set.
  using Environment = std::function<const char*(const char*)>;

  /// $ABSTRACTLLM_MODELS_DIR, else abstractllm/models in the user's cache;
  /// $HF_HUB_CACHE, else hub in $HF_HOME, else huggingface/hub in the cache.
  static ModelLocations from_environment();
  static ModelLocations from_environment(const Environment& environment);
};

/// Look-up of models in local folders, without a network. Reads the folders at
/// each call. Immutable; thread-safe.
class LocalModels {
 public:
  explicit LocalModels(ModelLocations locations)
      : locations_(std::move(locations)) {}

  /// The folder or .gguf file of `id`: a path to a model; else an id or alias
  /// in the models folder; else an id in the Hugging Face cache. A path that
  /// is written as one ("/x", "./x", "../x") is returned if it exists, model
  /// or not. Throws ModelNotFoundError that says where it looked and which
  /// models there are, the nearest first.
  std::filesystem::path resolve(std::string_view id) const;

  /// resolve, but nothing where it throws.
  std::optional<std::filesystem::path> find(std::string_view id) const;

  /// All models in the two folders, sorted by id, each id once.
  std::vector<LocalModel> list() const;

  const ModelLocations& locations() const noexcept { return locations_; }

 private:
  ModelLocations locations_;
};

}  // namespace abstractllm::hub
