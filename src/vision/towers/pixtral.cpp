// Pixtral's tower, arXiv:2410.07073.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/pixtral.h"

#include <cmath>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "vision/towers/vit.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

using models::Bias;
using models::WeightReader;

namespace {

constexpr float kEps = 1e-5f;  // of all norms; no config says it

double read_theta(const io::JsonConfig& config) {
  if (const auto theta = config.find_number("rope_theta")) return *theta;
  const auto rope = config.find_object("rope_parameters");
  if (!rope) return 10000;
  return rope->find_number("rope_theta").value_or(10000);
}

ops::Norm read_norm(const WeightReader& weights, const std::string& name,
                    int size) {
  return weights.norm(ops::NormKind::kRms, name, size, kEps);
}

EncoderLayer read_layer(const WeightReader& weights,
                        const PixtralConfig& config, int index) {
  const std::string prefix =
      "vision_tower.transformer.layers." + std::to_string(index) + ".";
  const int size = config.hidden_size;
  const int inner = config.intermediate_size;
  const auto linear = [&](const char* name, int outputs, int inputs) {
    return weights.linear(prefix + name, outputs, inputs, Bias::kIfPresent);
  };
  return {.spec = plain_heads(config.num_attention_heads, config.head_dim()),
          .norm = read_norm(weights, prefix + "attention_norm", size),
          .query = linear("attention.q_proj", size, size),
          .key = linear("attention.k_proj", size, size),
          .value = linear("attention.v_proj", size, size),
          .output = linear("attention.o_proj", size, size),
          .mlp = {.frame = {.before =
                                read_norm(weights, prefix + "ffn_norm", size)},
                  .activation = config.activation,
                  .gate = linear("feed_forward.gate_proj", inner, size),
                  .up = linear("feed_forward.up_proj", inner, size),
                  .down = linear("feed_forward.down_proj", size, inner)}};
}

// Even frequencies turn by the row, odd ones by the column.
ops::RopeAngles grid_angles(const PixtralConfig& config, int rows,
                            int columns) {
  const int size = config.head_dim();
  std::vector<float> frequencies;
  for (int first : {0, 1}) {
    for (int i = first; i < size / 2; i += 2) {
      frequencies.push_back(static_cast<float>(
          1.0 / std::pow(config.rope_theta, 2.0 * i / size)));
    }
  }
  const std::size_t quarter = frequencies.size() / 2;
  ops::RopeAngles angles;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const int position = i < quarter ? row : column;
        const float angle = static_cast<float>(position) * frequencies[i];
        angles.cos.push_back(std::cos(angle));
        angles.sin.push_back(std::sin(angle));
      }
    }
  }
  return angles;
}

}  // namespace

PixtralConfig read_pixtral_config(const io::JsonConfig& config) {
  PixtralConfig read{
      .hidden_size = models::require_size(config, "hidden_size"),
      .intermediate_size = models::require_size(config, "intermediate_size"),
      .num_hidden_layers = models::require_size(config, "num_hidden_layers"),
      .num_attention_heads =
          models::require_size(config, "num_attention_heads"),
      .num_channels = models::size_or(config, "num_channels", 3),
      .patch_size = square_side(config, "patch_size"),
      .rope_theta = read_theta(config),
      .activation = models::read_activation(config, "hidden_act", "gelu")};
  if (read.hidden_size % read.num_attention_heads != 0 ||
      read.head_dim() % 4 != 0 || !(read.rope_theta > 0)) {
    throw ModelLoadingError("[config] a tower of " +
                            std::to_string(read.hidden_size) +
                            " values does not divide into " +
                            std::to_string(read.num_attention_heads) +
                            " heads of rows and columns");
  }
  return read;
}

PixtralEncoder::PixtralEncoder(const models::ModelSource& source,
                               PixtralConfig config, int layer)
    : config_(config),
      patch_(WeightReader(source.weights, source.backend)
                 .patch_linear("vision_tower.patch_conv", config.hidden_size,
                               config.num_channels,
                               {config.patch_size, config.patch_size},
                               Bias::kIfPresent)),
      first_norm_(read_norm(WeightReader(source.weights, source.backend),
                            "vision_tower.ln_pre", config.hidden_size)) {
  const WeightReader weights(source.weights, source.backend);
  const int used = config.num_hidden_layers + layer + 1;
  for (int i = 0; i < used; ++i) {
    layers_.push_back(read_layer(weights, config, i));
  }
  models::pass_over(source.weights, {"vision_tower."});
}

PatchRows PixtralEncoder::encode(const ImageInputs& image,
                                 Stages& stages) const {
  const std::vector<std::int32_t>& size = integers(image, "image_sizes", 2);
  const mx::array all = pixel_array(image.pixel_values, 3);
  const int patch = config_.patch_size;
  if (all.shape(0) != 1 || all.shape(1) != config_.num_channels ||
      size[0] < patch || size[1] < patch || size[0] > all.shape(2) ||
      size[1] > all.shape(3)) {
    throw InvalidRequestError(
        "[vision] the pixel values do not fit an image of " +
        std::to_string(size[1]) + "x" + std::to_string(size[0]));
  }
  const int rows = size[0] / patch;
  const int columns = size[1] / patch;
  const mx::array pixels =
      mx::slice(all, {0, 0, 0, 0},
                {1, config_.num_channels, rows * patch, columns * patch});
  auto layout =
      std::make_shared<ops::EncoderLayout>(*equal_stretches(1, rows * columns));
  layout->angles = grid_angles(config_, rows, columns);
  mx::array x = ops::normalise(ops::linear(cut_patches(pixels, patch), patch_),
                               first_norm_);
  x = run_layers(x, layers_, layout, stages);
  return {std::move(x), rows, columns};
}

}  // namespace abstractllm::vision
