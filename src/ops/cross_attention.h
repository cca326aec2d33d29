// Attention of text to images that are no part of it: keys and values come from
// the images' features, each row of text sees all of those it follows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "mlx/array.h"
#include "ops/blocks.h"

namespace abstractllm::ops {

namespace cpu {
class KvSlab;
}

/// What one image gives one layer: (rows, kv_heads * head_dim) each.
struct CrossKeys {
  mlx::core::array keys;
  mlx::core::array values;
};

/// An image as rows of text see it.
struct CrossPart {
  /// Of each layer that looks at images; evaluated.
  std::shared_ptr<const std::vector<CrossKeys>> layers;
  int rows = 0;  ///< the first ones of `layers`, which are seen
};

/// All that some rows of text see, laid out for the layers when they first ask
/// for it, which is kept. Engine thread, and the kernels that run for it.
class CrossSight {
 public:
  /// `parts`: at least one, each with rows.
  explicit CrossSight(std::vector<CrossPart> parts);
  ~CrossSight();
  CrossSight(const CrossSight&) = delete;
  CrossSight& operator=(const CrossSight&) = delete;

  int rows() const { return rows_; }

  /// Of layer `index` of CrossPart::layers, (rows, kv_heads * head_dim).
  const CrossKeys& keys(int index) const;
  /// The same for the CPU kernels.
  const cpu::KvSlab& slab(CpuState& cpu, const AttentionSpec& spec,
                          int index) const;

 private:
  struct Laid;

  std::vector<CrossPart> parts_;
  int rows_ = 0;
  mutable std::vector<std::unique_ptr<Laid>> layers_;
};

/// Neighbouring rows of a sequence that see the same.
struct CrossSpan {
  int rows = 0;
  std::shared_ptr<const CrossSight> sight;
  /// The rows stand before all images: their feed-forward half adds nothing.
  bool before_images = false;
};

/// Weights of one layer's attention to images. Immutable after load.
struct CrossAttentionBlock {
  ResidualFrame frame;
  AttentionSpec spec;  ///< heads, kv_heads, head_dim and scale are used
  Linear query;        ///< (heads * head_dim, hidden)
  Linear output;       ///< (hidden, heads * head_dim)
  Norm query_norm;     ///< of each head
  int index = 0;       ///< of CrossPart::layers
};

/// input, residual: (tokens, hidden) -> (tokens, hidden). Rows of sequences
/// without images are returned as they are.
mlx::core::array cross_attention_block(const mlx::core::array& input,
                                       const mlx::core::array& residual,
                                       const CrossAttentionBlock& block,
                                       const Step& step);

/// (tokens, hidden): `after` in rows that follow an image, `before` in others.
mlx::core::array rows_behind_images(const mlx::core::array& before,
                                    const mlx::core::array& after,
                                    const Step& step);

}  // namespace abstractllm::ops
