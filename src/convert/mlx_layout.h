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
  io::StorageType type;  ///< of the tensor they are from
};

/// What is laid out anew. Everything else keeps its shape, under mlx_name().
struct MlxLayout {
  std::vector<LaidOutMatrix> matrices;
  std::vector<LaidOutVector> vectors;
  std::set<std::string> taken;  ///< modules of the checkpoint that are in them

  /// Whether `tensor` of the checkpoint is part of what is laid out anew.
  bool takes(std::string_view tensor) const;
};

/// What mlx-lm's `sanitize` makes, when it loads a model, of stacks of experts,
/// of matrices with the inputs first (GPT-2) and of DeepSeek V3's latents, and
/// all that it does to Qwen3-Next and Falcon H1 (lay_out_family()). It does so
/// with plain numbers only. Everything else it takes as published.
/// Copies of `weights` live as long as the result. Throws ModelLoadingError for
/// shapes that do not fit, and what reading shapes throws.
MlxLayout lay_out_for_mlx(const io::WeightSource& weights);

/// What mlx-lm calls the tensor `name` of the checkpoint, in full, if it keeps
/// its shape; empty: mlx-lm's model has no such tensor, and it is left out.
std::string mlx_name(const io::WeightSource& weights, const std::string& name);

/// Whether `module`, without ".weight", is a router of DeepSeek's kind: mlx-lm
/// has it as a bare array, not as a layer that it could quantise. All other
/// routers are quantised as everything else.
bool is_plain_router(const io::JsonConfig& config, std::string_view module);

}  // namespace abstractllm::convert
