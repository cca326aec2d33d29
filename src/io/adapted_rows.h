// A matrix with an adapter's change in it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/adapter_file.h"
#include "io/weight_matrix.h"

namespace abstractllm::io {

/// The dense rows of `base` after `change`, in float32. `change` must outlive
/// the result. Throws ModelLoadingError naming the module and both shapes if
/// they differ; `adapter` is for that message.
WeightMatrix adapted_matrix(const WeightMatrix& base,
                            const LowRankChange& change,
                            const AdapterFile& adapter);

/// "[adapter] PATH: ...": the change of `module` does not fit a weight of
/// (outputs, inputs).
[[noreturn]] void throw_misfit(const AdapterFile& adapter,
                               const LowRankChange& change,
                               std::int64_t outputs, std::int64_t inputs);

/// The adapter changes `module`, but the model has only `known` ones.
[[noreturn]] void throw_unknown_module(const AdapterFile& adapter,
                                       std::string_view module,
                                       const std::vector<std::string>& known);

}  // namespace abstractllm::io
