// A model's weights under Hugging Face's names, whatever file they come from.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/adapter_file.h"
#include "io/json_config.h"
#include "io/model_files.h"
#include "io/stored_tensor.h"
#include "io/weight_matrix.h"

namespace abstractllm::io {

/// Gives the weights of a model folder or a GGUF file in one form: names as in
/// Hugging Face's checkpoints ("model.layers.0.self_attn.q_proj.weight"), rows
/// of llama's q and k in their original order. Remembers what was read, so
/// that a loader can refuse a checkpoint with tensors it does not know.
/// Thread-safe. Copies share everything.
class WeightSource {
 public:
  /// Opens the weights of `files`. Throws ModelLoadingError, and
  /// UnsupportedModelError for a GGUF architecture or a kind of quantisation
  /// that cannot be read.
  static WeightSource open(const ModelFiles& files);

  /// Weights of a model that is not here: its shapes, with what `config` says
  /// of their storage. There is whatever a model reads through
  /// imagine_matrix() and imagine_vector(), and nothing else. One thread at a
  /// time. Throws as QuantizationConfig does.
  static WeightSource imagined(JsonConfig config);
  bool is_imagined() const noexcept;

  /// ImaginedTensors::matrix and add_vector. REQUIRES: is_imagined().
  WeightMatrix imagine_matrix(const std::string& module, std::int64_t rows,
                              std::int64_t columns) const;
  void imagine_vector(const std::string& name, std::int64_t size) const;

  /// The same weights with those of an adapter in them; matrices that it
  /// changes are dense, in float32. A head tied to a table has weights of its
  /// own where the adapter changes only one of the two; config() says so.
  /// Throws ModelLoadingError for a module or a shape that the weights do not
  /// have.
  WeightSource fused(std::shared_ptr<const AdapterFile> adapter) const;

  /// The same weights under other names, nothing of them read yet. Throws
  /// ModelLoadingError if two tensors get one name.
  WeightSource renamed(
      const std::function<std::string(std::string_view)>& rename) const;

  /// config.json, or the same fields made from GGUF metadata.
  const JsonConfig& config() const noexcept;

  /// Folder or file, for messages.
  const std::filesystem::path& path() const noexcept;

  bool is_gguf() const noexcept;

  /// The tensor as stored; null if there is none. In a GGUF file, q and k of
  /// llama lie with interleaved rows: use matrix() and vector(). Counts as
  /// read. The pointer lives as long as a copy of this.
  const StoredTensor* find_tensor(std::string_view name) const;

  /// find_tensor, or ModelLoadingError naming the nearest tensors.
  const StoredTensor& tensor(std::string_view name) const;

  /// Whether matrix(module) would find something. Counts as no reading.
  bool has_matrix(std::string_view module) const;

  /// The weight of a module, e.g. "model.layers.0.self_attn.q_proj", from what
  /// is stored: ".weight" alone; ".weight" with ".scales" and ".biases" (bits
  /// and group size from config.json's quantization, per module if it says
  /// so, else from the shapes); "_blocks" with "_scales"; or a tensor of just
  /// this name. Throws ModelLoadingError.
  WeightMatrix matrix(std::string_view module) const;

  bool has_vector(std::string_view name) const;

  /// The elements of a floating-point tensor of any shape, widened.
  std::vector<float> vector(std::string_view name) const;
  std::optional<std::vector<float>> find_vector(std::string_view name) const;

  /// All tensors, sorted.
  std::vector<std::string> names() const;
  /// Those that nothing above has read, sorted.
  std::vector<std::string> unread_names() const;

  /// Bytes of all tensors together.
  std::uint64_t total_bytes() const noexcept;

 private:
  struct State;
  explicit WeightSource(std::shared_ptr<State> state);
  WeightMatrix stored_matrix(std::string_view module) const;
  std::int64_t experts_in(std::string_view module) const;
  std::optional<std::string> tied_table() const;
  WeightSource untied(const std::string& table, const std::string& head,
                      const AdapterFile& adapter) const;
  // The change of a bias.
  void add_change(std::string_view name, std::vector<float>& values) const;
  [[noreturn]] void throw_unknown_target(const AdapterFile& adapter,
                                         const std::string& name) const;
  std::shared_ptr<State> state_;
};

}  // namespace abstractllm::io
