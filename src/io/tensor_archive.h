// All tensors of a model, wherever they lie.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/gguf.h"
#include "io/stored_tensor.h"

namespace abstractllm::io {

/// The tensors of a model folder (safetensors) or of a GGUF file by name, as
/// stored. Files stay mapped as long as a tensor of them lives. Immutable;
/// thread-safe.
class TensorArchive {
 public:
  /// Reads the shards that model.safetensors.index.json names, else
  /// model.safetensors, else one of the other names that single files are
  /// published under, else the folder's only index, file model*.safetensors or
  /// *.safetensors ("model.fp16.safetensors"). Any other is never read. Throws
  /// ModelLoadingError.
  static TensorArchive open_folder(const std::filesystem::path& folder);

  /// One safetensors file.
  static TensorArchive open_safetensors(const std::filesystem::path& file);

  /// The tensors of a GGUF file under GGUF's names.
  static TensorArchive open_gguf(const std::filesystem::path& file);
  explicit TensorArchive(const GgufFile& gguf);

  /// None.
  static TensorArchive empty() {
    return TensorArchive(std::filesystem::path());
  }

  /// Folder or file, for messages.
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Null if there is none. The pointer lives as long as this object.
  const StoredTensor* find(std::string_view name) const;

  /// Throws ModelLoadingError naming the tensor, the file and the nearest
  /// names that there are.
  const StoredTensor& at(std::string_view name) const;

  /// Sorted.
  std::vector<std::string> names() const;

  std::size_t size() const noexcept { return tensors_.size(); }

  /// Bytes of all tensors together.
  std::uint64_t total_bytes() const noexcept;

  /// "__metadata__" of the safetensors files; of the first file that has a
  /// key. Empty for GGUF.
  const std::map<std::string, std::string>& metadata() const noexcept {
    return metadata_;
  }

 private:
  explicit TensorArchive(std::filesystem::path path) : path_(std::move(path)) {}
  void add_file(const std::filesystem::path& file);
  void add(StoredTensor tensor);
  void read_index(const std::filesystem::path& index);

  std::filesystem::path path_;
  std::vector<StoredTensor> tensors_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace abstractllm::io
