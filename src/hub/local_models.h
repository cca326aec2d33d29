// From a model id to the folder or file that holds it on this machine.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/factory.h"
#include "hub/hub_settings.h"

namespace abstractllm::hub {

/// Folders that models are looked for in; an empty path is not looked at.
struct ModelLocations {
  /// Models by id: NAME or ORG/NAME, each a folder or a .gguf file.
  std::filesystem::path models;
  /// The cache that Hugging Face's tools keep (models--ORG--NAME/...).
  std::filesystem::path hugging_face;
  /// LM Studio's: ORG/NAME folders. Only read.
  std::vector<std::filesystem::path> lm_studio{};
  /// Ollama's: manifests and blobs. Only read.
  std::vector<std::filesystem::path> ollama{};

  /// $ABSTRACTLLM_MODELS_DIR, else abstractllm/models in the user's cache;
  /// hub_cache; models in the folder that ~/.lmstudio-home-pointer names, in
  /// ~/.lmstudio and in ~/.cache/lm-studio; $OLLAMA_MODELS, ~/.ollama/models
  /// and that of Ollama's service.
  static ModelLocations from_environment();
  static ModelLocations from_environment(const Environment& environment);
};

/// Look-up of models in local folders, without a network. Reads the folders at
/// each call. Immutable; thread-safe.
class LocalModels {
 public:
  explicit LocalModels(ModelLocations locations)
      : locations_(std::move(locations)) {}

  /// The folder or GGUF file of `id`: a path to a model; else an id or alias
  /// in the models folder; else an id in the Hugging Face cache,
  /// ORG/NAME[@REVISION][:FILES]; else in LM Studio's folder, ORG/NAME[:FILES];
  /// else Ollama's NAME[:TAG]; else the last part of a single model's id.
  /// "hf:", "lmstudio:" and "ollama:" before it name one place. Where none of
  /// these is there, a folder with a config.json. A path that is written as one
  /// ("/x", "./x", "../x") is returned if it exists, model or not. Throws
  /// InvalidRequestError that lists the models where several fit, and
  /// ModelNotFoundError that says where it looked and which models there are,
  /// the nearest first.
  std::filesystem::path resolve(std::string_view id) const;

  /// resolve, but nothing where it throws.
  std::optional<std::filesystem::path> find(std::string_view id) const;

  /// The models that `id` may mean, of the first place that has any. Without
  /// their architecture.
  std::vector<LocalModel> candidates(std::string_view id) const;

  /// All models, sorted by id, and what pulls have left unfinished. One that
  /// another place has under the same id has its place before it.
  std::vector<LocalModel> list() const;

  const ModelLocations& locations() const noexcept { return locations_; }

 private:
  std::vector<LocalModel> enumerate() const;
  [[noreturn]] void refuse(std::string_view id) const;

  ModelLocations locations_;
};

}  // namespace abstractllm::hub
