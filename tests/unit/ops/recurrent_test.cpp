// Recurrent layers against plain loops, whole and in chunks.
// SPDX-License-Identifier: Apache-2.0
#include "ops/recurrent.h"

#include <gtest/gtest.h>

#include "block_data.h"
#include "cache/recurrent_cache.h"

namespace abstractllm::ops::testing {
namespace {

constexpr int kHidden = 16;
constexpr int kTokens = 10;
constexpr int kKernel = 3;
constexpr float kClose = 2e-5f;

// Channel i of the convolution at token t; rows of `x` are (channels).
float convolved(const Values& x, int channels, int t, int i,
                const Values& weight, const Values& bias) {
  double sum = bias[i];
  for (int k = 0; k < kKernel; ++k) {
    const int from = t - (kKernel - 1) + k;
    if (from >= 0) sum += weight[k * channels + i] * x[from * channels + i];
  }
  return static_cast<float>(sum);
}

CausalConvolution convolution(const Values& weight, const Values& bias) {
  return {.kernel = kKernel,
          .weight = to_array(weight, kKernel),
          .bias = make_floats(bias)};
}

template <typename Block, typename Run>
void expect_equal(const Backend& backend, const Block& block,
                  const Values& input, const Values& want, Run run) {
  for (const int chunk : {1, 4, kTokens}) {
    KvLayers kv;
    kv.push_back(cache::make_recurrent_cache(0));
    Values outputs;
    for (int first = 0; first < kTokens; first += chunk) {
      const int rows = std::min(chunk, kTokens - first);
      const Values part(input.begin() + first * kHidden,
                        input.begin() + (first + rows) * kHidden);
      const mx::array x = to_array(part, rows);
      const Values y = to_values(run(x, x, block, 0, Step{{{&kv, 0, rows}}}));
      outputs.insert(outputs.end(), y.begin(), y.end());
    }
    EXPECT_EQ(kv[0]->length(), kTokens);
    EXPECT_LT(distance(outputs, want), kClose)
        << "backend " << static_cast<int>(backend.kind) << ", chunks of "
        << chunk;
  }
}

TEST(ShortConvolution, GatesBeforeAndAfter) {
  Random random(11);
  const Matrix in(random, 3 * kHidden, kHidden);
  const Matrix out(random, kHidden, kHidden);
  const Values weight = random.values(kKernel * kHidden);
  const Values bias = random.values(kHidden);
  const Values input = random.values(kTokens * kHidden);

  Values gated;
  Values after;
  for (int t = 0; t < kTokens; ++t) {
    const Values y = in.apply(row_of(input, t, kHidden));
    for (int i = 0; i < kHidden; ++i)
      gated.push_back(y[i] * y[2 * kHidden + i]);
    after.insert(after.end(), y.begin() + kHidden, y.begin() + 2 * kHidden);
  }
  Values want = input;
  for (int t = 0; t < kTokens; ++t) {
    Values mixed(kHidden);
    for (int i = 0; i < kHidden; ++i) {
      mixed[i] = after[t * kHidden + i] *
                 convolved(gated, kHidden, t, i, weight, bias);
    }
    const Values y = out.apply(mixed);
    for (int i = 0; i < kHidden; ++i) want[t * kHidden + i] += y[i];
  }

  for (const Backend& backend : {reference_backend(), cpu_backend()}) {
    const ShortConvolutionBlock block{.frame = {},
                                      .input = in.linear(backend),
                                      .convolution = convolution(weight, bias),
                                      .output = out.linear(backend)};
    expect_equal(backend, block, input, want, short_convolution_block);
  }
}

TEST(StateSpace, RemembersByHeadsAndGroups) {
  constexpr StateSpaceSpec kSpec{.heads = 4,
                                 .head_dim = 3,
                                 .groups = 2,
                                 .state = 5,
                                 .least_step = 0.2f,
                                 .largest_step = 1.5f};
  const int inner = kSpec.inner();
  const int shared = kSpec.groups * kSpec.state;
  const int channels = inner + 2 * shared;
  Random random(13);
  const Matrix in(random, inner + channels + kSpec.heads, kHidden);
  const Matrix out(random, kHidden, inner);
  const Values weight = random.values(kKernel * channels);
  const Values bias = random.values(channels);
  const Values step_bias = random.values(kSpec.heads);
  const Values skip = random.values(kSpec.heads);
  const Values norm = random.values(inner);
  Values decay = random.values(kSpec.heads);
  for (float& value : decay) value = -std::exp(value);
  const Values input = random.values(kTokens * kHidden);

  Values projected;
  Values before;  // what is convolved
  for (int t = 0; t < kTokens; ++t) {
    const Values y = in.apply(row_of(input, t, kHidden));
    projected.insert(projected.end(), y.begin(), y.end());
    before.insert(before.end(), y.begin() + inner,
                  y.begin() + inner + channels);
  }
  Values memory(inner * kSpec.state);
  Values want = input;
  for (int t = 0; t < kTokens; ++t) {
    const auto row = row_of(projected, t, in.rows);
    Values mixed(channels);
    for (int i = 0; i < channels; ++i) {
      mixed[i] = silu(convolved(before, channels, t, i, weight, bias));
    }
    Values y(inner);
    for (int i = 0; i < inner; ++i) {
      const int head = i / kSpec.head_dim;
      const int group = head / 2;
      const float raw = row[inner + channels + head] + step_bias[head];
      const float step = std::clamp(std::log1p(std::exp(raw)), kSpec.least_step,
                                    kSpec.largest_step);
      for (int n = 0; n < kSpec.state; ++n) {
        float& cell = memory[i * kSpec.state + n];
        cell = cell * std::exp(step * decay[head]) +
               step * mixed[i] * mixed[inner + group * kSpec.state + n];
        y[i] += cell * mixed[inner + shared + group * kSpec.state + n];
      }
      y[i] = (y[i] + skip[head] * mixed[i]) * silu(row[i]);
    }
    const Values last = out.apply(apply_rms_norm(y, norm));
    for (int i = 0; i < kHidden; ++i) want[t * kHidden + i] += last[i];
  }

  for (const Backend& backend : {reference_backend(), cpu_backend()}) {
    const StateSpaceBlock block{.frame = {},
                                .spec = kSpec,
                                .input = in.linear(backend),
                                .convolution = convolution(weight, bias),
                                .step_bias = make_floats(step_bias),
                                .decay = make_floats(decay),
                                .skip = make_floats(skip),
                                .norm = rms_norm(backend, norm),
                                .output = out.linear(backend)};
    expect_equal(backend, block, input, want, state_space_block);
  }
}

}  // namespace
}  // namespace abstractllm::ops::testing
