// Tensors of a model whose weights are not here, as its config has them stored.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_config.h"
#include "io/module_selector.h"
#include "io/quantization_config.h"
#include "io/weight_matrix.h"

namespace abstractllm::io {

/// A matrix of (rows, columns) zeros that takes no memory, for models that are
/// built of shapes alone. REQUIRES: `type` is F32, F16 or BF16.
WeightMatrix shape_of_matrix(const std::string& name, std::int64_t rows,
                             std::int64_t columns,
                             StorageType type = StorageType::kBF16);

/// Remembers what it is asked for: the tensors of the model that asks. They
/// are stored as config.json's `quantization` or `quantization_config` says,
/// else in 16 bits a number, or 32 where its dtype is float32. One thread at a
/// time.
class ImaginedTensors {
 public:
  /// Throws as QuantizationConfig does.
  explicit ImaginedTensors(const JsonConfig& config);

  /// `module`.weight, (rows, columns), of zeros. Throws ModelLoadingError for a
  /// second shape of one module, and for more tensors than any model has.
  WeightMatrix matrix(const std::string& module, std::int64_t rows,
                      std::int64_t columns);

  /// Numbers that are never quantised, under their whole name. Throws
  /// likewise.
  void add_vector(const std::string& name, std::int64_t size);

  /// By the name of a tensor or of its module; null where nobody asked.
  const WeightMatrix* find(std::string_view name) const;

  std::vector<std::string> names() const;
  /// Of all tensors together; the largest number where that is none.
  std::uint64_t total_bytes() const noexcept { return bytes_; }

 private:
  // How the matrix of one module lies in a file.
  struct Form {
    WeightEncoding encoding = WeightEncoding::kDense;
    int bits = 16;
    int group_size = 0;
    double bytes_a_number = 2;
    bool is_rounded = false;  // when it is widened to `bits`
  };
  Form form_of(const std::string& module, std::int64_t columns) const;
  static Form nvfp4();
  Form packed_form(const PackedRule& rule, std::int64_t columns) const;
  bool is_spared(const std::string& module) const;
  WeightMatrix add(const std::string& name, std::int64_t rows,
                   std::int64_t columns, const Form& form);

  QuantizationConfig quantization_;
  Form plain_;
  bool experts_alone_ = false;
  std::vector<ModuleSelector> spared_;
  std::map<std::string, WeightMatrix, std::less<>> tensors_;
  std::uint64_t bytes_ = 0;
};

}  // namespace abstractllm::io
