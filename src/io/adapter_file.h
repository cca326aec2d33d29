// Adapters: small changes of a model's weights, in mlx-lm's and PEFT's files.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/stored_tensor.h"

namespace abstractllm::io {

/// W becomes W + up * down (LoRA, arXiv:2106.09685), and with a magnitude each
/// row of that is scaled to its length (DoRA, arXiv:2402.09353). `experts`
/// matrices may lie in one module, one after the other.
struct LowRankChange {
  std::string module;  ///< the checkpoint's name, without ".weight"
  std::int64_t experts = 1;
  std::int64_t rank = 0;     ///< of each expert
  std::int64_t outputs = 0;  ///< rows of the module, all experts together
  std::int64_t inputs = 0;
  std::vector<float> down;  ///< (experts * rank, inputs)
  std::vector<float> up;    ///< (outputs, rank), the adapter's factor in it
  std::vector<float> magnitude;  ///< (outputs), or empty
  /// The module is a table of embeddings, and only that.
  bool is_table = false;
  /// The checkpoint has the module's matrix with the inputs first (GPT-2).
  bool inputs_first = false;
};

/// What an adapter's folder holds. Immutable; thread-safe.
class AdapterFile {
 public:
  /// Reads adapter_config.json with adapters.safetensors (mlx-lm) or
  /// adapter_model.safetensors (PEFT). Throws ModelNotFoundError if there is
  /// no such folder, UnsupportedModelError for other kinds than LoRA, and
  /// ModelLoadingError naming what is wrong.
  static AdapterFile open(const std::filesystem::path& folder);

  const std::filesystem::path& path() const noexcept { return path_; }

  /// The model that it was made for, as its config names it; may be empty.
  const std::string& base() const noexcept { return base_; }

  /// Sorted by module, each once.
  const std::vector<LowRankChange>& changes() const noexcept {
    return changes_;
  }
  /// Null if the module is not changed.
  const LowRankChange* find(std::string_view module) const;

  /// Whole tensors that take the place of the model's, by the checkpoint's
  /// names: PEFT's modules_to_save, mlx-lm's fine_tune_type "full".
  const std::map<std::string, StoredTensor>& replacements() const noexcept {
    return replacements_;
  }

  /// Bytes of all tensors together.
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  friend class AdapterReader;

  std::filesystem::path path_;
  std::string base_;
  std::vector<LowRankChange> changes_;
  std::map<std::string, StoredTensor> replacements_;
  std::uint64_t bytes_ = 0;
};

}  // namespace abstractllm::io
