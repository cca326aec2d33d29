// From a model's files to a folder in MLX's format, quantised or not.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/export.h"

namespace abstractllm {

/// What to convert, and to what. A plain value.
struct ConversionOptions {
  /// Model id, a folder in Hugging Face's or MLX's format, or a .gguf file.
  std::string model{};
  /// The folder to make.
  std::string output{};
  /// "affine", "mxfp4", "mxfp8" or "nvfp4"; empty: weights stay as numbers,
  /// where they are quantised they are widened. Weights in MXFP4 keep it,
  /// whatever the mode: `rules` may say otherwise.
  std::string mode{};
  /// Of a code: 2 to 6 or 8 with "affine"; 0: what the mode has, 4.
  int bits = 0;
  /// Weights that share a scale: 32, 64 or 128 with "affine"; 0: what the mode
  /// has, 64.
  int group_size = 0;
  /// "mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6": the lower bits but for
  /// the head and the values and last products of some layers, as mlx-lm
  /// chooses them. Empty: `bits` throughout.
  std::string recipe{};
  /// Globs of module names with what holds for them instead: "4", "8/32" (bits
  /// and group), a mode, or "keep" (not quantised). The first that fits counts.
  std::vector<std::pair<std::string, std::string>> rules{};
  /// Of what is not quantised: "float16", "bfloat16", "float32"; empty: as the
  /// config says, else as stored.
  std::string dtype{};
  /// An adapter's folder, which becomes part of the weights; or empty.
  std::string adapter{};
  /// Replaces an output folder that is there.
  bool force = false;
  /// Bytes of a weight file, at most, but for tensors larger than that.
  std::uint64_t shard_bytes = 5'000'000'000;
  CancelToken cancel{};
  /// Called with the share of bytes written, in [0, 1]; may be empty.
  std::function<void(double)> on_progress{};
};

struct ConversionResult {
  std::string folder;
  std::uint64_t bytes = 0;  ///< of weights
  int tensors = 0;
  int quantised = 0;  ///< modules
  int resumed = 0;    ///< modules that an earlier run had written
};

/// Writes beside the output and renames in the end, so that there is the whole
/// folder or none; a run that was stopped is gone on with by the next one of
/// the same options. Holds a part of one tensor at a time. Throws
/// InvalidParameterError, FileProcessingError (output is there, disk too
/// small), CancelledError, and what opening the model throws.
ABSTRACTLLM_API ConversionResult
convert_model(const ConversionOptions& options);

}  // namespace abstractllm
