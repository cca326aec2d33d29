// What one folder holds of models.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::hub {

/// A GGUF model: one file, or the first part of several.
struct GgufEntry {
  std::string name;  ///< path within the folder
  std::filesystem::path path;
  std::uint64_t bytes = 0;  ///< of all parts
};

/// Looks at a folder and, for GGUF files, at those in it. What cannot be read
/// counts as absent. A plain value.
struct ModelFolder {
  std::filesystem::path path;
  bool has_safetensors = false;  ///< config.json beside *.safetensors
  std::uint64_t safetensors_bytes = 0;
  std::vector<GgufEntry> ggufs;  ///< sorted by name

  explicit ModelFolder(const std::filesystem::path& folder);

  /// Where the folder itself has no model, its GGUF models are those of the
  /// folders in it, as some repositories keep one for each quantisation.
  void look_below();

  bool empty() const { return !has_safetensors && ggufs.empty(); }

  /// The GGUF models, also of the folders in it, that `wanted` names:
  /// gguf_models_named().
  std::vector<GgufEntry> find(std::string_view wanted) const;
};

/// All files of the GGUF model that `file` is, or is a part of, sorted.
std::vector<std::filesystem::path> gguf_parts(
    const std::filesystem::path& file);

/// The bytes of gguf_parts().
std::uint64_t gguf_bytes(const std::filesystem::path& file);

/// Whether `path` is a .gguf file or, whatever its name, one that begins as
/// GGUF files do.
bool is_gguf(const std::filesystem::path& path);

/// A folder with a model, or a GGUF file.
bool is_model(const std::filesystem::path& path);

/// Whether a folder in `folder`, at any depth, holds a model.
bool holds_models_below(const std::filesystem::path& folder);

/// Entries that are not hidden, sorted; none if the folder cannot be read.
std::vector<std::filesystem::path> entries_of(
    const std::filesystem::path& folder);

/// config.json's model_type, or general.architecture of a GGUF file; empty
/// where neither can be read.
std::string architecture_of(const std::filesystem::path& model);

}  // namespace abstractllm::hub
