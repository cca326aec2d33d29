// CLIP's and SigLIP's vision transformers: learned positions, images of one
// size.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/json_config.h"
#include "models/source.h"
#include "vision/towers/encoder.h"

namespace abstractllm::vision {

/// Fields of vision_config, by their names there.
struct VitConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int image_size = 0;
  int patch_size = 0;
  int num_channels = 0;
  float layer_norm_eps = 0;
  ops::Activation activation = ops::Activation::kGelu;

  int patches_per_side() const { return image_size / patch_size; }
  int patches() const { return patches_per_side() * patches_per_side(); }
};

/// Throws ModelLoadingError for a missing field or impossible sizes.
VitConfig read_vit_config(const io::JsonConfig& vision_config);

/// Throws InvalidRequestError unless `pixels` are (images, num_channels,
/// image_size, image_size).
void check_image_size(const mlx::core::array& pixels, const VitConfig& config);

/// What the modules of a layer are called in which towers differ.
struct VitLayerNames {
  const char* norm = "layer_norm1";
  const char* mlp_norm = "layer_norm2";
  const char* output = "self_attn.out_proj";
};

/// One layer, whose modules begin with `prefix`.
EncoderLayer read_vit_layer(const models::WeightReader& weights,
                            const VitConfig& config, const std::string& prefix,
                            const VitLayerNames& names = {});

/// Which of the hidden states is given out, as config.json counts: -1 is the
/// output of the last layer, before the last norm.
inline constexpr int kWithFinalNorm = 0;

/// Immutable after load.
class Vit {
 public:
  /// `layer`: a hidden state from the end (-2: that before the last layer), or
  /// kWithFinalNorm. A class token and a norm in front are there where the
  /// checkpoint has them. Layers that are not needed are not read.
  Vit(const models::ModelSource& source, VitConfig config, int layer);

  const VitConfig& config() const { return config_; }
  bool has_class_token() const { return class_token_.has_value(); }

  /// pixels: (images, channels, height, width) of image_size ->
  /// (images, patches, hidden), without the class token unless `keep_class`.
  /// Throws InvalidRequestError for images of another size.
  mlx::core::array encode(const mlx::core::array& pixels, Stages& stages,
                          bool keep_class = false) const;

 private:
  VitConfig config_;
  ops::Linear patch_;
  mlx::core::array positions_;                   // (tokens, hidden)
  std::optional<mlx::core::array> class_token_;  // (hidden)
  std::optional<ops::Norm> first_norm_;
  std::vector<EncoderLayer> layers_;
  std::optional<ops::Norm> last_norm_;
};

}  // namespace abstractllm::vision
