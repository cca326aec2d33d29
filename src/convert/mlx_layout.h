// Where mlx-lm keeps other matrices than the published checkpoint: its models
// read quantised weights in their own layout only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/weight_source.h"

namespace abstractllm::convert {

/// A matrix of the output: the rows of all `matrices`, one after the other.
struct LaidOutMatrix {
  std::string name;
  std::vector<std::int64_t> leading;  ///< shape, without the columns
  /// Made when they are written: some hold a widened copy of a tensor.
  std::function<std::vector<io::WeightMatrix>()> matrices;
};

/// Numbers that lie in another order than in the checkpoint.
struct LaidOutVector {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// What is laid out anew. Everything else keeps its shape, under mlx_name().
struct MlxLayout {
  std::vector<LaidOutMatrix> matrices;
  std::vector<LaidOutVector> vectors;
  std::set<std::string> taken;  ///< modules of the checkpoint that are in them

  /// Whether `tensor` of the checkpoint is part of what is laid out anew.
  bool takes(std::string_view tensor) const;
};

/// The layout is that of mlx-lm's `sanitize` for the architecture. Copies of
/// `weights` live as long as the result. Throws what reading shapes throws.
MlxLayout lay_out_for_mlx(const io::WeightSource& weights);

/// What mlx-lm calls a tensor that keeps its shape; empty: it has none of it.
std::string mlx_name(const io::WeightSource& weights, const std::string& name);

/// Whether mlx-lm has `module`, a router, in plain numbers only.
bool is_plain_router(const io::JsonConfig& config, std::string_view module);

}  // namespace abstractllm::convert
