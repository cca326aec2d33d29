// PEFT's changes of tensors that are no layer of their own (target_parameters):
// stacks of experts above all.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/adapter_file.h"
#include "io/json_config.h"

namespace abstractllm::io {

/// The two factors of one parameter as PEFT stores them: (rank * experts,
/// inputs) and (outputs, rank * experts).
struct ParameterFactors {
  const StoredTensor* a = nullptr;
  const StoredTensor* b = nullptr;
};

/// Which parameters of which modules an adapter changes. Immutable.
class ParameterTargets {
 public:
  ParameterTargets() = default;
  /// `config`: PEFT's adapter_config.json.
  explicit ParameterTargets(const JsonConfig& config);

  /// Those of `module`, sorted, without its name.
  std::vector<std::string> of(std::string_view module) const;

  /// The changes of `module`, whose parameters PEFT wraps one in the other:
  /// what belongs to which, only the shapes tell. Factors of up are not scaled
  /// yet. Throws ModelLoadingError where they do not tell, and for factors that
  /// do not fit each other.
  std::vector<LowRankChange> changes(
      const std::string& module,
      const std::vector<ParameterFactors>& wrappers) const;

 private:
  LowRankChange read(const ParameterFactors& factors) const;

  std::vector<std::pair<std::string, std::string>> targets_;
  std::int64_t rank_ = 0;
};

}  // namespace abstractllm::io
