// Reader of one safetensors file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/stored_tensor.h"

namespace abstractllm::io {

/// What one safetensors file holds; the tensors keep the mapping alive.
struct SafetensorsFile {
  std::vector<StoredTensor> tensors;            ///< in the order of the data
  std::map<std::string, std::string> metadata;  ///< "__metadata__"
};

/// Maps `path` and reads its header. Everything is checked: header length,
/// types, shapes, and that the tensors cover the data without overlap or gap.
/// Throws ModelLoadingError naming file, tensor, expected and found.
SafetensorsFile open_safetensors(const std::filesystem::path& path);

/// The same for a mapped file.
SafetensorsFile read_safetensors(
    const std::shared_ptr<const base::MappedFile>& file);

}  // namespace abstractllm::io
