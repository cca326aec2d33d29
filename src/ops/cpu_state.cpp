// Rotations shared between layers.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_state.h"

#include <algorithm>
#include <utility>

namespace abstractllm::ops {

cpu::RotaryTable& CpuState::rotary(const RopeTable& table) {
  for (const auto& known : rotaries_) {
    if (known->source == table) return known->table;
  }
  // Of those that grow with a sequence only the last serve again: as many as a
  // step may hold, twice over.
  constexpr int kMostGrown = 16;
  const auto is_grown = [](const auto& known) {
    return known->source.growth.has_value();
  };
  if (std::count_if(rotaries_.begin(), rotaries_.end(), is_grown) >=
      kMostGrown) {
    rotaries_.erase(std::find_if(rotaries_.begin(), rotaries_.end(), is_grown));
  }
  const auto pairs =
      table.interleaved ? cpu::RopePairs::kNeighbours : cpu::RopePairs::kHalves;
  rotaries_.push_back(std::make_unique<Rotary>(Rotary{
      table,
      cpu::RotaryTable(table.inverse_frequencies, table.amplitude, pairs)}));
  return rotaries_.back()->table;
}

cpu::RopeRows CpuState::placed_rotary(
    const RopeTable& table, std::shared_ptr<const RowPlacement> placement) {
  const auto as_rows = [&](const RopeAngles& angles) {
    return cpu::RopeRows{.cos = angles.cos.data(),
                         .sin = angles.sin.data(),
                         .dims = table.dims,
                         .pairs = cpu::RopePairs::kHalves};
  };
  for (const PlacedRotary& known : placed_) {
    if (known.placement == placement && known.source == table) {
      return as_rows(known.angles);
    }
  }
  // Those of steps that are over.
  std::erase_if(placed_, [](const PlacedRotary& known) {
    return known.placement.use_count() == 1;
  });
  RopeAngles angles = rope_angles(table, placement->positions);
  placed_.push_back({table, std::move(placement), std::move(angles)});
  return as_rows(placed_.back().angles);
}

ImageRows::ImageRows(const Backend& backend) : cpu_(backend.cpu.get()) {
  if (cpu_ != nullptr) cpu_->next_options.rounds_bf16 = true;
}

ImageRows::~ImageRows() {
  if (cpu_ != nullptr) cpu_->next_options.rounds_bf16 = false;
}

RowKind::RowKind(const Backend& backend, const Step& step)
    : cpu_(backend.cpu.get()) {
  if (cpu_ == nullptr) return;
  if (!step.prompt_rows) return;
  cpu_->next_options.precision = cpu_->precision.prompt;
  cpu_->next_options.rounds_attention =
      cpu_->precision.prompt == cpu::Precision::kInt8;
}

RowKind::~RowKind() {
  if (cpu_ == nullptr) return;
  cpu_->next_options.precision = cpu_->precision.generated;
  cpu_->next_options.rounds_attention = false;
}

}  // namespace abstractllm::ops
