// What the CPU forms of the blocks share: the frame around a sub-layer and
// attention over slabs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ops/blocks.h"
#include "ops/cpu/float_kernels.h"
#include "ops/cpu_state.h"

namespace abstractllm::ops {

/// `buffer` with room for `count` floats.
float* floats(cpu::AlignedBuffer& buffer, std::int64_t count);

/// Null if there is none. REQUIRES: evaluated float32.
const float* data_or_null(const std::optional<mlx::core::array>& array);

/// x: (rows, columns); `out` may be `x`.
void apply_norm(cpu::ThreadPool& pool, const Norm& norm, const float* x,
                std::int64_t rows, std::int64_t columns, float* out);

/// y = weight(input). REQUIRES: packed weights.
cpu::LinearTarget target(const Linear& weight, float* y);

cpu::GateKind gate_kind(Activation activation);

/// The two ends of a ResidualFrame over (rows, hidden) buffers.
class CpuFrame {
 public:
  CpuFrame(CpuState& cpu, const ResidualFrame& frame, std::int64_t rows,
           std::int64_t hidden)
      : cpu_(cpu), frame_(frame), rows_(rows), hidden_(hidden) {}

  /// Makes before(input) the input of the next linear layers. Returns it;
  /// valid until cpu.normed is used again.
  const float* enter(const float* input);

  /// output = residual + scale * after(weight(x)).
  void leave(const Linear& weight, const float* x, const float* residual,
             float* output);

  /// output = residual + scale * after(branch). Overwrites `branch`.
  void leave(float* branch, const float* residual, float* output);

 private:
  CpuState& cpu_;
  const ResidualFrame& frame_;
  std::int64_t rows_;
  std::int64_t hidden_;
};

/// The new tokens of one sequence in one layer.
struct SlabRows {
  cpu::KvSlab* slab;
  std::int64_t first_row;
  std::int64_t rows;
  int planned;
  int position_shift;
  std::shared_ptr<const RowPlacement> placement;
};

/// Takes the slabs of `layer` out of `step` and, if they are to be `added`,
/// reserves the new rows in them.
std::vector<SlabRows> reserve_slabs(const Step& step, int layer,
                                    bool added = true);

/// Each of `rows` queries, (rows, heads * head_dim), over all of `slab`, which
/// is not empty -> out like them.
void attend_all(CpuState& cpu, const cpu::AttentionShape& shape,
                const cpu::KvSlab& slab, std::int64_t rows, const float* query,
                float* out);

/// query (rows, heads * head_dim) is rotated in place, and so may be key; key
/// and value of kv_heads * head_dim; out like query. Without key and value
/// those of the rows are in the slabs already.
void attend_slabs(CpuState& cpu, const AttentionSpec& spec,
                  const std::vector<SlabRows>& sequences, float* query,
                  float* key, const float* value, float* out);

}  // namespace abstractllm::ops
