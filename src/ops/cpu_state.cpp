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

RowKind::RowKind(const Backend& backend, const Step& step)
    : cpu_(backend.cpu.get()) {
  if (cpu_ == nullptr) return;
  cpu_->next_options.precision =
      step.prompt_rows ? cpu_->precision.prompt : cpu_->precision.generated;
}

RowKind::~RowKind() {
  if (cpu_ == nullptr) return;
  cpu_->next_options.precision = cpu_->precision.generated;
}

}  // namespace abstractllm::ops
