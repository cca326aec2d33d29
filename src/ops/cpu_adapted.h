// Linear layers of the CPU kernels with the changes that adapters make.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "ops/cpu_state.h"

namespace abstractllm::ops {

/// cpu::linear with the running kernel's options; rows of x are those of the
/// step.
void run_linear(CpuState& cpu, cpu::Activations& x,
                std::initializer_list<cpu::LinearTarget> targets);

/// y = activation(gate(x)) * up(x), likewise. REQUIRES: packed weights.
void run_gated_linear(CpuState& cpu, cpu::Activations& x, const Linear& gate,
                      const Linear& up, cpu::GateKind kind, float* y);

/// rows: (ids, inputs), the rows of `table` for the ids of a step.
void change_table_rows(CpuState& cpu, const Linear& table,
                       std::span<const std::int32_t> ids, float* rows);

/// The changes of rows `picked` of a step, ascending, as rows 0 .. of their
/// own. Null if none is changed.
std::shared_ptr<const RowChanges> pick_changes(
    const RowChanges* changes, std::span<const std::int64_t> picked);

}  // namespace abstractllm::ops
