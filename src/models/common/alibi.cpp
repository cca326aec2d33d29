// Slopes of ALiBi.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/alibi.h"

#include <cmath>
#include <vector>

#include "io/half.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

// For 2^n heads a geometric sequence; for fewer heads than that every second
// slope first, from the second one on, then the others.
std::vector<float> slopes_of(int heads, double largest) {
  int power = 1;
  while (power < heads) power *= 2;
  std::vector<float> all;
  for (int i = 1; i <= power; ++i) {
    all.push_back(static_cast<float>(std::exp2(-largest * i / power)));
  }
  if (power == heads) return all;
  std::vector<float> slopes;
  for (const int first : {1, 0}) {
    for (int i = first; i < power; i += 2) {
      slopes.push_back(all[static_cast<std::size_t>(i)]);
    }
  }
  slopes.resize(static_cast<std::size_t>(heads));
  return slopes;
}

}  // namespace

void place_by_alibi(DecoderParts& parts, double largest) {
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.spec.rope = {};
    block.spec.slopes = ops::make_floats(slopes_of(block.spec.heads, largest));
  });
}

void place_by_rounded_alibi(DecoderParts& parts) {
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    std::vector<float> slopes = slopes_of(block.spec.heads, 8);
    for (float& slope : slopes) {
      slope = io::bf16_to_f32(io::f32_to_bf16(slope));
    }
    block.spec.rope = {};
    block.spec.slopes = ops::make_floats(slopes);
    block.spec.rounds_slopes = true;
  });
}

}  // namespace abstractllm::models
