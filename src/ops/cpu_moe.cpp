// Mixture of experts over the CPU kernels: one graph node, in which the tokens
// of an expert are multiplied together, so that its weights stream once.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "ops/cpu_adapted.h"
#include "ops/cpu_frame.h"
#include "ops/host_kernel.h"
#include "ops/moe.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

constexpr float kTiny = 1e-20f;

struct Visit {
  std::int64_t row;
  float weight;
};

// Chooses the experts of one token after another; keeps its buffers.
class Router {
 public:
  Router(const MoeBlock& block, int experts)
      : spec_(block.spec),
        correction_(data_or_null(block.correction)),
        scales_(data_or_null(block.expert_scales)),
        choice_(experts),
        order_(experts),
        groups_(block.spec.groups) {}

  // logits: (experts), overwritten by the scores. Adds the token's visits.
  void add(float* logits, std::int64_t row,
           std::vector<std::vector<Visit>>& visits) {
    if (spec_.score == RouterScore::kSparseMixer) {
      mix_sparsely(logits, row, visits);
      return;
    }
    score(logits);
    for (std::size_t i = 0; i < choice_.size(); ++i) {
      choice_[i] = logits[i] + (correction_ ? correction_[i] : 0.0f);
    }
    if (spec_.groups > 0) keep_best_groups();
    std::iota(order_.begin(), order_.end(), 0);
    const auto better = [&](int a, int b) { return choice_[a] > choice_[b]; };
    std::partial_sort(order_.begin(), order_.begin() + spec_.chosen,
                      order_.end(), better);
    float factor = spec_.scale;
    if (spec_.normalise) {
      float sum = kTiny;
      for (int i = 0; i < spec_.chosen; ++i) sum += logits[order_[i]];
      factor /= sum;
    }
    for (int i = 0; i < spec_.chosen; ++i) {
      const int expert = order_[i];
      const float scale = scales_ ? scales_[expert] : 1.0f;
      visits[expert].push_back({row, logits[expert] * factor * scale});
    }
  }

 private:
  void mix_sparsely(const float* logits, std::int64_t row,
                    std::vector<std::vector<Visit>>& visits) {
    constexpr float kHidden = -std::numeric_limits<float>::infinity();
    std::copy_n(logits, choice_.size(), choice_.begin());
    for (int i = 0; i < spec_.chosen; ++i) {
      const auto best = std::max_element(choice_.begin(), choice_.end());
      float sum = 0;
      for (std::size_t e = 0; e < choice_.size(); ++e) {
        const float factor = std::max(std::abs(logits[e]), *best);
        const bool far = (*best - logits[e]) / factor > 2 * spec_.jitter;
        if (!far) sum += std::exp(choice_[e] - *best);
      }
      visits[best - choice_.begin()].push_back({row, 1.0f / sum});
      *best = kHidden;
    }
  }

  void score(float* logits) const {
    const auto count = static_cast<std::int64_t>(choice_.size());
    if (spec_.score == RouterScore::kSoftmax) {
      cpu::softmax(logits, count);
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      logits[i] = 1.0f / (1.0f + std::exp(-logits[i]));
    }
  }

  float group_score(int group, int size) const {
    const float* first = &choice_[static_cast<std::size_t>(group) * size];
    float best = -std::numeric_limits<float>::infinity();
    float second = best;
    for (int i = 0; i < size; ++i) {
      if (first[i] > best) {
        second = best;
        best = first[i];
      } else {
        second = std::max(second, first[i]);
      }
    }
    return spec_.group_score == GroupScore::kLargest ? best : best + second;
  }

  void keep_best_groups() {
    const int size = static_cast<int>(choice_.size()) / spec_.groups;
    for (int g = 0; g < spec_.groups; ++g) groups_[g] = group_score(g, size);
    std::vector<float> sorted = groups_;
    std::nth_element(sorted.begin(), sorted.begin() + spec_.kept - 1,
                     sorted.end(), std::greater<>());
    for (int g = 0; g < spec_.groups; ++g) {
      if (groups_[g] >= sorted[spec_.kept - 1]) continue;
      std::fill_n(&choice_[static_cast<std::size_t>(g) * size], size,
                  -std::numeric_limits<float>::infinity());
    }
  }

  const RouterSpec& spec_;
  const float* correction_;
  const float* scales_;
  std::vector<float> choice_;
  std::vector<int> order_;
  std::vector<float> groups_;
};

// gate = clamped unit of gate and up.
void apply_clamped(cpu::ThreadPool& pool, const ClampedUnit& unit,
                   const float* up, std::int64_t count, float* gate) {
  pool.parallel_for(
      count, 1 << 12, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) {
          const float g = std::min(gate[i], unit.limit);
          const float u = std::clamp(up[i], -unit.limit, unit.limit);
          gate[i] = g / (1.0f + std::exp(-unit.alpha * g)) * (u + 1.0f);
        }
      });
}

// Runs `work(i)` for the visits of an expert, each of a row of its own.
template <typename Work>
void for_each_visit(cpu::ThreadPool& pool, std::int64_t visits,
                    std::int64_t hidden, Work work) {
  constexpr std::int64_t kValues = 1 << 14;
  pool.parallel_for(visits, kValues / hidden,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        work(static_cast<std::size_t>(i));
                      }
                    });
}

class Experts {
 public:
  Experts(CpuState& cpu, const MoeBlock& block)
      : cpu_(cpu), block_(block), state_(cpu.experts) {}

  // x: (rows, hidden); adds the weighted outputs of all experts to `sum`.
  void run(const float* x, std::int64_t hidden,
           const std::vector<std::vector<Visit>>& visits, float* sum) {
    for (std::size_t e = 0; e < visits.size(); ++e) {
      if (!visits[e].empty()) run_expert(e, x, hidden, visits[e], sum);
    }
  }

  // (rows, intermediate): the gated unit of `input`.
  float* gated(const Linear& gate, const Linear& up, cpu::Activations& input) {
    const std::int64_t count = input.rows() * gate.outputs();
    float* inner = floats(state_.inner, count);
    if (block_.clamped) {
      float* other = floats(state_.up, count);
      run_linear(cpu_, input, {target(gate, inner), target(up, other)});
      apply_clamped(cpu_.pool, *block_.clamped, other, count, inner);
      return inner;
    }
    run_gated_linear(cpu_, input, gate, up, gate_kind(block_.activation),
                     inner);
    return inner;
  }

 private:
  void run_expert(std::size_t expert, const float* x, std::int64_t hidden,
                  const std::vector<Visit>& visits, float* sum) {
    const auto rows = static_cast<std::int64_t>(visits.size());
    const bool scales_input = block_.spec.scales_input;
    float* gathered = floats(state_.gathered, rows * hidden);
    for_each_visit(cpu_.pool, rows, hidden, [&](std::size_t i) {
      float* to = gathered + static_cast<std::int64_t>(i) * hidden;
      std::copy_n(x + visits[i].row * hidden, hidden, to);
      if (!scales_input) return;
      for (std::int64_t j = 0; j < hidden; ++j) to[j] *= visits[i].weight;
    });
    state_.input.set(gathered, rows, hidden);
    auto of_step = std::exchange(cpu_.adapters.changes,
                                 changes_of(visits, cpu_.adapters.changes));
    const Linear& down = (*block_.down.packed())[expert];
    const float* inner = gated((*block_.gate.packed())[expert],
                               (*block_.up.packed())[expert], state_.input);
    state_.input.set(inner, rows, down.inputs());
    // The gathered rows have been read: their place takes the outputs.
    run_linear(cpu_, state_.input, {target(down, gathered)});
    cpu_.adapters.changes = std::move(of_step);
    for_each_visit(cpu_.pool, rows, hidden, [&](std::size_t i) {
      cpu::add_scaled(gathered + static_cast<std::int64_t>(i) * hidden,
                      scales_input ? 1.0f : visits[i].weight, hidden,
                      sum + visits[i].row * hidden);
    });
  }

  static std::shared_ptr<const RowChanges> changes_of(
      const std::vector<Visit>& visits,
      const std::shared_ptr<const RowChanges>& of_step) {
    if (of_step == nullptr) return nullptr;
    std::vector<std::int64_t> rows;
    for (const Visit& visit : visits) rows.push_back(visit.row);
    return pick_changes(of_step.get(), rows);
  }

  CpuState& cpu_;
  const MoeBlock& block_;
  ExpertBuffers& state_;
};

// Writes the shared expert's output of cpu.input to `sum`, or zeros.
void start_sum(CpuState& cpu, const MoeBlock& block, Experts& experts,
               std::int64_t rows, std::int64_t hidden, float* sum) {
  if (!block.shared) {
    std::fill_n(sum, rows * hidden, 0.0f);
    return;
  }
  const SharedExpert& shared = *block.shared;
  std::vector<float> weights;
  if (shared.weight) {
    weights.resize(static_cast<std::size_t>(rows));
    run_linear(cpu, cpu.input, {target(*shared.weight, weights.data())});
  }
  const float* inner = experts.gated(shared.gate, shared.up, cpu.input);
  cpu.experts.input.set(inner, rows, shared.down.inputs());
  run_linear(cpu, cpu.experts.input, {target(shared.down, sum)});
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float weight = 1.0f / (1.0f + std::exp(-weights[i]));
    float* row = sum + static_cast<std::int64_t>(i) * hidden;
    for (std::int64_t j = 0; j < hidden; ++j) row[j] *= weight;
  }
}

// logits: (rows, experts). cpu.input holds what the experts get.
void run_router(CpuState& cpu, const MoeBlock& block, std::int64_t rows,
                const float* input, float* logits) {
  // Rounded, close decisions would send rows to other experts.
  const KernelOptions usual = cpu.options;
  cpu.options.precision = cpu::Precision::kExact;
  if (block.router_norm) {
    const std::int64_t hidden = block.router.inputs();
    float* normed = floats(cpu.branch, rows * hidden);
    apply_norm(cpu.pool, *block.router_norm, input, rows, hidden, normed);
    cpu.experts.input.set(normed, rows, hidden);
    run_linear(cpu, cpu.experts.input, {target(block.router, logits)});
  } else {
    run_linear(cpu, cpu.input, {target(block.router, logits)});
  }
  cpu.options = usual;
}

void run_moe(CpuState& cpu, const MoeBlock& block, std::int64_t rows,
             const float* input, const float* residual, float* output) {
  const std::int64_t hidden = block.router.inputs();
  const int experts = block.router.outputs();
  CpuFrame frame(cpu, block.frame, rows, hidden);
  const float* x = frame.enter(input);
  std::vector<float> logits(static_cast<std::size_t>(rows) * experts);
  run_router(cpu, block, rows, input, logits.data());
  std::vector<std::vector<Visit>> visits(experts);
  Router router(block, experts);
  for (std::int64_t row = 0; row < rows; ++row) {
    router.add(&logits[static_cast<std::size_t>(row) * experts], row, visits);
  }
  Experts work(cpu, block);
  float* sum = floats(cpu.branch, rows * hidden);
  start_sum(cpu, block, work, rows, hidden, sum);
  work.run(x, hidden, visits, sum);
  frame.leave(sum, residual, output);
}

}  // namespace

mx::array moe_block_cpu(const mx::array& input, const mx::array& residual,
                        const MoeBlock& block) {
  return host_kernel(block.router.backend().cpu, "MoeBlock", residual.shape(),
                     {input, residual},
                     [cpu = block.router.backend().cpu, block = &block,
                      rows = residual.shape(0)](auto inputs, float* output) {
                       run_moe(*cpu, *block, rows, inputs[0], inputs[1],
                               output);
                     });
}

}  // namespace abstractllm::ops
