// Latent attention over the CPU kernels, as one graph node.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/cpu_adapted.h"
#include "ops/cpu_frame.h"
#include "ops/host_kernel.h"
#include "ops/latent_attention.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

class LatentAttention {
 public:
  LatentAttention(CpuState& cpu, const LatentAttentionBlock& block,
                  std::int64_t rows)
      : cpu_(cpu), buffers_(cpu.latent), block_(block), rows_(rows) {}

  void run(const std::vector<SlabRows>& sequences, const float* input,
           const float* residual, float* output) {
    const AttentionSpec& spec = block_.spec;
    CpuFrame frame(cpu_, block_.frame, rows_, block_.output.outputs());
    frame.enter(input);
    float* query = project_input();
    project_latent();
    const std::int64_t width = rows_ * spec.heads * spec.head_dim;
    float* key = floats(cpu_.key, width);
    float* value = floats(cpu_.value, width);
    spread(key, value);
    float* attended = floats(cpu_.inner, width);
    attend_slabs(cpu_, spec, sequences, query, key, value, attended);
    narrow(attended);
    frame.leave(block_.output, attended, residual, output);
  }

 private:
  // Everything that reads the layer's input; returns the queries.
  float* project_input() {
    float* latent = floats(buffers_.latent, rows_ * block_.latent.outputs());
    float* rotated =
        floats(buffers_.rotated, rows_ * block_.rotated_key.outputs());
    float* query = floats(cpu_.query, rows_ * block_.query.outputs());
    if (!block_.query_down) {
      run_linear(cpu_, cpu_.input,
                 {target(block_.query, query), target(block_.latent, latent),
                  target(block_.rotated_key, rotated)});
      return query;
    }
    const int rank = block_.query_down->outputs();
    float* down = floats(buffers_.query, rows_ * rank);
    run_linear(cpu_, cpu_.input,
               {target(*block_.query_down, down), target(block_.latent, latent),
                target(block_.rotated_key, rotated)});
    apply_norm(cpu_.pool, *block_.query_norm, down, rows_, rank, down);
    cpu_.input.set(down, rows_, rank);
    run_linear(cpu_, cpu_.input, {target(block_.query, query)});
    return query;
  }

  void project_latent() {
    const int size = block_.latent.outputs();
    auto* latent = buffers_.latent.as<float>();
    apply_norm(cpu_.pool, block_.latent_norm, latent, rows_, size, latent);
    cpu_.input.set(latent, rows_, size);
    run_linear(
        cpu_, cpu_.input,
        {target(block_.key, floats(buffers_.key, rows_ * block_.key.outputs())),
         target(block_.value,
                floats(buffers_.value, rows_ * block_.value.outputs()))});
  }

  // Keys and values in heads of one size, as slabs hold them.
  void spread(float* key, float* value) const {
    const AttentionSpec& spec = block_.spec;
    const int rotated = spec.rope.dims;
    const int plain = spec.head_dim - rotated;
    const int value_size = spec.value_size();
    const auto* shared = buffers_.rotated.as<float>();
    const auto* own = buffers_.key.as<float>();
    const auto* values = buffers_.value.as<float>();
    for (std::int64_t row = 0; row < rows_; ++row, shared += rotated) {
      for (int head = 0; head < spec.heads; ++head) {
        std::copy_n(shared, rotated, key);
        std::copy_n(own, plain, key + rotated);
        std::copy_n(values, value_size, value);
        std::fill(value + value_size, value + spec.head_dim, 0.0f);
        own += plain;
        values += value_size;
        key += spec.head_dim;
        value += spec.head_dim;
      }
    }
  }

  // (rows, heads, head_dim) -> (rows, heads, value_size), in place.
  void narrow(float* attended) const {
    const AttentionSpec& spec = block_.spec;
    const int size = spec.value_size();
    for (std::int64_t i = 1; i < rows_ * spec.heads; ++i) {
      std::copy_n(attended + i * spec.head_dim, size, attended + i * size);
    }
  }

  CpuState& cpu_;
  LatentBuffers& buffers_;
  const LatentAttentionBlock& block_;
  std::int64_t rows_;
};

}  // namespace

mx::array latent_attention_block_cpu(const mx::array& input,
                                     const mx::array& residual,
                                     const LatentAttentionBlock& block,
                                     int layer, const Step& step) {
  return host_kernel(block.query.backend().cpu, "LatentAttentionBlock",
                     residual.shape(), {input, residual},
                     [cpu = block.query.backend().cpu, block = &block,
                      sequences = reserve_slabs(step, layer),
                      rows = residual.shape(0)](auto inputs, float* output) {
                       LatentAttention(*cpu, *block, rows)
                           .run(sequences, inputs[0], inputs[1], output);
                     });
}

}  // namespace abstractllm::ops
