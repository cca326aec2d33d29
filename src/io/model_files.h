// The files that make up a model on disk.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace abstractllm::io {

/// Whether a file of the name `path` is a GGUF model or a part of one, and not
/// what is published beside models: a vision tower ("mmproj"), or the matrix of
/// importances that quantising took ("imatrix" at either end of the name).
bool is_gguf_model_name(std::string_view path);

/// Where the parts of one model lie: a folder with config.json, or a GGUF
/// file. Paths that are set exist. A plain value.
struct ModelFiles {
  std::filesystem::path location;  ///< the folder or the GGUF file
  /// Set for a GGUF model; then config and the tokenizer may be absent.
  std::optional<std::filesystem::path> gguf = {};
  std::optional<std::filesystem::path> config = {};  // config.json
  std::optional<std::filesystem::path> generation_config =
      {};                                               // ...config.json
  std::optional<std::filesystem::path> tokenizer = {};  // tokenizer.json
  std::optional<std::filesystem::path> tokenizer_config = {};
  std::optional<std::filesystem::path> special_tokens_map = {};
  std::optional<std::filesystem::path> chat_template =
      {};  // .jinja, else .json

  /// Looks at `location`: a folder with config.json, a folder with exactly one
  /// GGUF model, or a .gguf file. Throws ModelNotFoundError if there is no
  /// such path, and ModelLoadingError saying what was found instead of a
  /// model.
  static ModelFiles at(const std::filesystem::path& location);

  /// `name` beside the model's other files, if it is there.
  std::optional<std::filesystem::path> find(const char* name) const;
};

}  // namespace abstractllm::io
