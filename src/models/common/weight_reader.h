// Checkpoint tensors by name, checked against the sizes that the config says,
// made into operands of a backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ops/blocks.h"

namespace abstractllm::io {
class WeightSource;
}

namespace abstractllm::models {

enum class Bias { kNone, kIfPresent, kRequired };

/// Names are the checkpoint's own (Hugging Face's). A missing tensor or a
/// wrong shape is a ModelLoadingError naming it. One thread at a time.
class WeightReader {
 public:
  WeightReader(const io::WeightSource& source, const ops::Backend& backend)
      : source_(source), backend_(backend) {}

  /// `module`.weight: (outputs, inputs), and `module`.bias: (outputs).
  ops::Linear linear(const std::string& module, int outputs, int inputs,
                     Bias bias) const;

  /// `module`.weight: (size). `offset` is added to each weight, for families
  /// that store w - 1.
  ops::Norm rms_norm(const std::string& module, int size, float eps,
                     float offset = 0) const;

  bool has_matrix(const std::string& module) const;

 private:
  std::vector<float> vector(const std::string& name, int size) const;

  const io::WeightSource& source_;
  const ops::Backend& backend_;
};

}  // namespace abstractllm::models
