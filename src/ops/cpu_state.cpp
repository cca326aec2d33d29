// Rotations shared between layers.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_state.h"

namespace abstractllm::ops {

cpu::RotaryTable& CpuState::rotary(const RopeTable& table) {
  for (const auto& known : rotaries_) {
    if (known->source == table) return known->table;
  }
  const auto pairs =
      table.interleaved ? cpu::RopePairs::kNeighbours : cpu::RopePairs::kHalves;
  rotaries_.push_back(std::make_unique<Rotary>(Rotary{
      table,
      cpu::RotaryTable(table.inverse_frequencies, table.amplitude, pairs)}));
  return rotaries_.back()->table;
}

}  // namespace abstractllm::ops
