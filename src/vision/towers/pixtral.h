// Pixtral's tower: any size, rows and columns by rotation, gated units.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/json_config.h"
#include "models/source.h"
#include "vision/towers/encoder.h"

namespace abstractllm::vision {

/// Fields of vision_config, by their names there.
struct PixtralConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_channels = 0;
  int patch_size = 0;
  double rope_theta = 0;
  ops::Activation activation = ops::Activation::kGelu;

  int head_dim() const { return hidden_size / num_attention_heads; }
};

/// Throws ModelLoadingError for a missing field or impossible sizes.
PixtralConfig read_pixtral_config(const io::JsonConfig& vision_config);

/// What comes out of the tower for one image.
struct PatchRows {
  mlx::core::array rows;  ///< (height * width, hidden)
  int height;             ///< in patches
  int width;
};

/// Immutable after load.
class PixtralEncoder {
 public:
  /// `layer`: the hidden state that is given out, from the end (-1: the last
  /// layer's). Layers behind it are not read.
  PixtralEncoder(const models::ModelSource& source, PixtralConfig config,
                 int layer);

  const PixtralConfig& config() const { return config_; }

  /// The part of pixel_values (1, channels, height, width) that image_sizes
  /// says; what lies beyond it is padding. Throws InvalidRequestError.
  PatchRows encode(const ImageInputs& image, Stages& stages) const;

 private:
  PixtralConfig config_;
  ops::Linear patch_;
  ops::Norm first_norm_;
  std::vector<EncoderLayer> layers_;
};

}  // namespace abstractllm::vision
