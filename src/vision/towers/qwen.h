// What the towers of Qwen2-VL, Qwen2.5-VL and Qwen3-VL share: any size of
// image, positions by rotation in height and width, squares of patches merged.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/json_config.h"
#include "models/source.h"
#include "vision/towers/encoder.h"

namespace abstractllm::vision {

inline constexpr float kQwenEps = 1e-6f;  ///< of the norms; in no config

/// Fields of vision_config, by their names there.
struct QwenVisionConfig {
  int depth = 0;
  int embed = 0;  ///< embed_dim of Qwen2-VL, hidden_size of later ones
  int intermediate_size = 0;
  int num_heads = 0;
  int in_channels = 0;
  int patch_size = 0;
  int temporal_patch_size = 0;
  int merge = 0;  ///< spatial_merge_size
  int out_hidden_size = 0;
  ops::Activation activation = ops::Activation::kGelu;

  int head_dim() const { return embed / num_heads; }
  int merged() const { return embed * merge * merge; }
};

/// The fields that the three name alike. Throws ModelLoadingError.
QwenVisionConfig read_qwen_vision_config(const io::JsonConfig& config);

/// Patches of one image.
struct PatchGrid {
  int frames = 0;
  int rows = 0;
  int columns = 0;

  int patches() const { return frames * rows * columns; }
};

/// image_grid_thw, checked against the pixel values and for whole squares of
/// `merge` patches. Throws InvalidRequestError.
PatchGrid read_grid(const ImageInputs& image, const QwenVisionConfig& config);

/// Row and column of a patch in its frame.
struct PatchPlace {
  int row = 0;
  int column = 0;
};

/// Places in the order of the pixel values: square by square, those of a frame
/// one after the other.
std::vector<PatchPlace> patch_places(const PatchGrid& grid, int merge);

/// Angles of 2-D rotation at `places`: the first half of a head's pairs turns
/// by row, the other by column.
ops::RopeAngles patch_angles(const std::vector<PatchPlace>& places,
                             int head_dim);

/// The layers' attention, whose modules begin with `prefix` and are qkv and
/// proj. `mlp` has its frame.
EncoderLayer read_qwen_layer(const models::WeightReader& weights,
                             const QwenVisionConfig& config,
                             const std::string& prefix, ops::Norm norm,
                             ops::MlpBlock mlp);

/// The same for a layer of Qwen2-VL and Qwen3-VL: layer norms, and two linear
/// layers of these names.
EncoderLayer read_qwen_layer(const models::WeightReader& weights,
                             const QwenVisionConfig& config, int index,
                             const std::string& up, const std::string& down);

/// The convolution over patches, as a product.
ops::Linear read_qwen_patches(const models::ModelSource& source,
                              const QwenVisionConfig& config,
                              models::Bias bias);

/// norm, then squares of patches as one row, then two linear layers; or the
/// norm over the whole row.
struct QwenMerger {
  ops::Norm norm;
  bool norm_after = false;
  TwoLinears mlp;
};
mlx::core::array merge(const mlx::core::array& x, const QwenMerger& merger,
                       const QwenVisionConfig& config);

}  // namespace abstractllm::vision
