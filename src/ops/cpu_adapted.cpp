// Changed products, added to those of the packed weights.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_adapted.h"

#include "ops/cpu/float_kernels.h"
#include "ops/cpu_frame.h"

namespace abstractllm::ops {

namespace {

// What a target gets beside its product for the rows of one adapter.
class ChangedRows {
 public:
  ChangedRows(CpuState& cpu, const cpu::Activations& x,
              const cpu::LinearTarget& target, const RowChange& rows)
      : cpu_(cpu),
        buffers_(cpu.adapters),
        target_(target),
        count_(rows.count),
        outputs_(target.weights->rows()),
        stride_(target.stride != 0 ? target.stride : outputs_),
        y_(target.y + rows.first * stride_) {
    buffers_.input.set(x.data() + rows.first * x.stride(), rows.count,
                       x.columns(), x.stride());
  }

  void apply(const LinearChange& change) {
    if (!change.replacement && !change.gain) {
      if (change.down) add_product(change, y_, stride_);
    } else {
      float* sum = subtract_base();
      if (change.replacement) {
        multiply(buffers_.input, *change.replacement, sum, 0, false);
      }
      if (change.down) add_product(change, sum, 0);
      const float* gain = change.gain ? change.gain->data<float>() : nullptr;
      for (std::int64_t row = 0; row < count_; ++row) {
        float* y = y_ + row * stride_;
        for (std::int64_t i = 0; i < outputs_; ++i, ++sum) {
          y[i] += gain ? gain[i] * *sum : *sum;
        }
      }
    }
    if (!change.bias) return;
    const float* bias = change.bias->data<float>();
    for (std::int64_t row = 0; row < count_; ++row) {
      float* y = y_ + row * stride_;
      for (std::int64_t i = 0; i < outputs_; ++i) y[i] += bias[i];
    }
  }

 private:
  // Adds (x D^T) U^T.
  void add_product(const LinearChange& change, float* y, std::int64_t stride) {
    float* product = floats(buffers_.product, count_ * change.down->outputs());
    multiply(buffers_.input, *change.down, product, 0, false);
    buffers_.reduced.set(product, count_, change.down->outputs());
    multiply(buffers_.reduced, *change.up, y, stride, true);
  }

  void multiply(cpu::Activations& x, const Linear& weight, float* y,
                std::int64_t stride, bool add) {
    cpu::linear(
        cpu_.pool, x,
        {{.weights = weight.packed(), .y = y, .stride = stride, .add = add}},
        cpu_.options);
  }

  // Takes the unchanged product, which is returned, out of y: the rest of y,
  // its bias and what was there before, stays.
  float* subtract_base() {
    float* base = floats(buffers_.base, count_ * outputs_);
    cpu::linear(cpu_.pool, buffers_.input,
                {{.weights = target_.weights, .y = base}}, cpu_.options);
    for (std::int64_t row = 0; row < count_; ++row) {
      float* y = y_ + row * stride_;
      for (std::int64_t i = 0; i < outputs_; ++i) {
        y[i] -= base[row * outputs_ + i];
      }
    }
    return base;
  }

  CpuState& cpu_;
  AdapterBuffers& buffers_;
  const cpu::LinearTarget& target_;
  std::int64_t count_;
  std::int64_t outputs_;
  std::int64_t stride_;
  float* y_;
};

bool changes_any(const RowChanges* changes, const Linear& weight) {
  if (changes == nullptr) return false;
  for (const RowChange& rows : *changes) {
    if (rows.adapter->of(*weight.packed()) != nullptr) return true;
  }
  return false;
}

}  // namespace

void run_linear(CpuState& cpu, cpu::Activations& x,
                std::initializer_list<cpu::LinearTarget> targets) {
  cpu::linear(cpu.pool, x, targets, cpu.options);
  if (cpu.adapters.changes == nullptr) return;
  for (const cpu::LinearTarget& target : targets) {
    for (const RowChange& rows : *cpu.adapters.changes) {
      const LinearChange* change = rows.adapter->of(*target.weights);
      if (change) ChangedRows(cpu, x, target, rows).apply(*change);
    }
  }
}

void run_gated_linear(CpuState& cpu, cpu::Activations& x, const Linear& gate,
                      const Linear& up, cpu::GateKind kind, float* y) {
  const RowChanges* changes = cpu.adapters.changes.get();
  if (!changes_any(changes, gate) && !changes_any(changes, up)) {
    cpu::gated_linear(cpu.pool, x,
                      {.gate = gate.packed(),
                       .up = up.packed(),
                       .kind = kind,
                       .y = y,
                       .gate_bias = data_or_null(gate.bias()),
                       .up_bias = data_or_null(up.bias())},
                      cpu.options);
    return;
  }
  const std::int64_t count = x.rows() * gate.outputs();
  float* other = floats(cpu.adapters.up, count);
  run_linear(cpu, x, {target(gate, y), target(up, other)});
  cpu::activate(kind, y, count, y);
  for (std::int64_t i = 0; i < count; ++i) y[i] *= other[i];
}

namespace {

void change_rows(CpuState& cpu, const LinearChange& change,
                 std::span<const std::int32_t> ids, float* rows,
                 std::int64_t columns) {
  const auto count = static_cast<std::int64_t>(ids.size());
  if (change.replacement) {
    change.replacement->packed()->gather_rows(ids, rows);
  }
  if (change.down) {
    const std::int64_t rank = change.up->inputs();
    float* product = floats(cpu.adapters.product, count * rank);
    change.up->packed()->gather_rows(ids, product);
    cpu.adapters.reduced.set(product, count, rank);
    cpu::linear(cpu.pool, cpu.adapters.reduced,
                {{.weights = change.down->packed(), .y = rows, .add = true}},
                cpu.options);
  }
  if (!change.gain && !change.row_gain) return;
  const float* gain = change.gain ? change.gain->data<float>() : nullptr;
  for (const std::int32_t id : ids) {
    const float whole =
        change.row_gain ? change.row_gain->data<float>()[id] : 1;
    for (std::int64_t i = 0; i < columns; ++i) {
      *rows++ *= gain ? whole * gain[i] : whole;
    }
  }
}

}  // namespace

void change_table_rows(CpuState& cpu, const Linear& table,
                       std::span<const std::int32_t> ids, float* rows) {
  if (cpu.adapters.changes == nullptr) return;
  for (const RowChange& part : *cpu.adapters.changes) {
    const LinearChange* change = part.adapter->of_table(*table.packed());
    if (change == nullptr) continue;
    change_rows(cpu, *change,
                ids.subspan(static_cast<std::size_t>(part.first),
                            static_cast<std::size_t>(part.count)),
                rows + std::int64_t{part.first} * table.inputs(),
                table.inputs());
  }
}

std::shared_ptr<const RowChanges> pick_changes(
    const RowChanges* changes, std::span<const std::int64_t> picked) {
  if (changes == nullptr) return nullptr;
  RowChanges found;
  std::size_t i = 0;
  for (const RowChange& rows : *changes) {
    while (i < picked.size() && picked[i] < rows.first) ++i;
    const std::size_t first = i;
    while (i < picked.size() && picked[i] < rows.first + rows.count) ++i;
    if (i == first) continue;
    found.push_back(
        {static_cast<int>(first), static_cast<int>(i - first), rows.adapter});
  }
  if (found.empty()) return nullptr;
  return std::make_shared<const RowChanges>(std::move(found));
}

}  // namespace abstractllm::ops
