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
/// row of that is scaled to its length (DoRA, arXiv:2402.09353). Where the
/// module is replaced too, W is what replaces it. `experts` matrices may lie in
/// one module, one after the other.
struct LowRankChange {
  std::string module;  ///< the checkpoint's name, without ".weight"
  std::int64_t experts = 1;
  std::int64_t rank = 0;     ///< of each expert
  std::int64_t outputs = 0;  ///< rows of the module, all experts together
  std::int64_t inputs = 0;
  std::vector<float> down;  ///< (experts * rank, inputs)
  std::vector<float> up;    ///< (outputs, rank), the adapter's factor in it
  std::vector<float> magnitude;  ///< (outputs), or empty
  /// PEFT's DoRA of a table scales its columns: (inputs), or empty.
  std::vector<float> column_magnitude;
  /// Added to the module's outputs (lora_bias), the factor in it; or empty.
  std::vector<float> bias;
  /// The module is a table of embeddings.
  bool is_table = false;
  /// A head that is tied to this table changes with it.
  bool reaches_tied_head = false;
  /// The checkpoint has the module's matrix with the inputs first (GPT-2).
  bool inputs_first = false;
};

/// A whole tensor in place of the model's.
struct Replacement {
  StoredTensor tensor;
  /// Of a table: a head that is tied to it is replaced with it.
  bool reaches_tied_head = true;
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
  /// The same adapter with other changes; each module once.
  AdapterFile with_changes(std::vector<LowRankChange> changes) const;
  /// Null if the module is not changed.
  const LowRankChange* find(std::string_view module) const;

  /// By the checkpoint's names: PEFT's modules_to_save and the weights below
  /// its changes, mlx-lm's fine_tune_type "full".
  const std::map<std::string, Replacement>& replacements() const noexcept {
    return replacements_;
  }

  /// Whether a head tied to a table would get weights of its own: something
  /// changes one of the two and leaves the other. `head` is the head's module.
  bool unties(std::string_view head) const;

  /// Bytes of all tensors together.
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  friend class AdapterReader;

  std::filesystem::path path_;
  std::string base_;
  std::vector<LowRankChange> changes_;
  std::map<std::string, Replacement> replacements_;
  std::uint64_t bytes_ = 0;
};

}  // namespace abstractllm::io
