// Read from the shapes: no config says it.
// SPDX-License-Identifier: Apache-2.0
#include "io/expert_order.h"

#include <fmt/format.h>

#include "abstractllm/error.h"

namespace abstractllm::io {

bool experts_have_inputs_first(const WeightSource& weights,
                               const std::string& experts,
                               std::int64_t hidden) {
  const auto& gates = weights.tensor(experts + "gate_up_proj").shape;
  if (gates.size() != 3) return false;
  if (gates[1] != gates[2]) return gates[1] == hidden;
  // A square fits both orders, the matrix behind it only one.
  const auto& down = weights.tensor(experts + "down_proj").shape;
  if (down.size() != 3) {
    throw ModelLoadingError(
        fmt::format("[weights] tensor '{}down_proj' has {} dimensions, "
                    "expected 3",
                    experts, down.size()));
  }
  return down[1] != hidden;
}

}  // namespace abstractllm::io
