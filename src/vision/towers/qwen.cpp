// Grids, rotations and mergers of Qwen's towers.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/qwen.h"

#include <cmath>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

using models::Bias;
using models::WeightReader;

namespace {

constexpr double kTheta = 10000;

}  // namespace

QwenVisionConfig read_qwen_vision_config(const io::JsonConfig& config) {
  const char* channels = config.has("in_channels") ? "in_channels" : "in_chans";
  QwenVisionConfig read{
      .depth = models::require_size(config, "depth"),
      .num_heads = models::require_size(config, "num_heads"),
      .in_channels = models::size_or(config, channels, 3),
      .patch_size = models::require_size(config, "patch_size"),
      .temporal_patch_size = models::size_or(config, "temporal_patch_size", 2),
      .merge = models::size_or(config, "spatial_merge_size", 2)};
  return read;
}

PatchGrid read_grid(const ImageInputs& image, const QwenVisionConfig& config) {
  const std::vector<std::int32_t>& sizes = integers(image, "image_grid_thw", 3);
  constexpr int kMost = 1 << 14;  // patches a side: their product fits an int
  const PatchGrid grid{sizes[0], sizes[1], sizes[2]};
  const bool whole = grid.frames > 0 && grid.rows > 0 && grid.columns > 0 &&
                     grid.frames < kMost && grid.rows < kMost &&
                     grid.columns < kMost && grid.rows % config.merge == 0 &&
                     grid.columns % config.merge == 0;
  const std::vector<int>& shape = image.pixel_values.shape;
  if (!whole || shape.size() != 2 ||
      std::int64_t{grid.frames} * grid.rows * grid.columns != shape[0] ||
      config.in_channels * config.temporal_patch_size * config.patch_size *
              config.patch_size !=
          shape[1]) {
    throw InvalidRequestError(
        "[vision] the pixel values do not fit a grid of " +
        std::to_string(grid.frames) + " x " + std::to_string(grid.rows) +
        " x " + std::to_string(grid.columns) + " patches");
  }
  return grid;
}

std::vector<PatchPlace> patch_places(const PatchGrid& grid, int merge) {
  std::vector<PatchPlace> places;
  places.reserve(static_cast<std::size_t>(grid.patches()));
  for (int frame = 0; frame < grid.frames; ++frame) {
    for (int row = 0; row < grid.rows; row += merge) {
      for (int column = 0; column < grid.columns; column += merge) {
        for (int i = 0; i < merge * merge; ++i) {
          places.push_back({row + i / merge, column + i % merge});
        }
      }
    }
  }
  return places;
}

ops::RopeAngles patch_angles(const std::vector<PatchPlace>& places,
                             int head_dim) {
  const int quarter = head_dim / 4;
  std::vector<float> frequencies;
  for (int i = 0; i < quarter; ++i) {
    frequencies.push_back(
        static_cast<float>(1.0 / std::pow(kTheta, 2.0 * i / (head_dim / 2))));
  }
  ops::RopeAngles angles;
  angles.cos.reserve(places.size() * static_cast<std::size_t>(2 * quarter));
  angles.sin.reserve(angles.cos.capacity());
  for (const PatchPlace& place : places) {
    for (const int position : {place.row, place.column}) {
      for (const float frequency : frequencies) {
        const float angle = static_cast<float>(position) * frequency;
        angles.cos.push_back(std::cos(angle));
        angles.sin.push_back(std::sin(angle));
      }
    }
  }
  return angles;
}

EncoderLayer read_qwen_layer(const WeightReader& weights,
                             const QwenVisionConfig& config,
                             const std::string& prefix, ops::Norm norm,
                             ops::MlpBlock mlp) {
  const int size = config.embed;
  if (size % config.num_heads != 0 || config.head_dim() % 4 != 0) {
    throw ModelLoadingError("[config] a tower of " + std::to_string(size) +
                            " values does not divide into " +
                            std::to_string(config.num_heads) +
                            " heads of rows and columns");
  }
  const std::vector<ops::Linear> inputs = weights.split_linear(
      prefix + "attn.qkv", {size, size, size}, size, Bias::kIfPresent);
  return {.spec = plain_heads(config.num_heads, config.head_dim()),
          .norm = std::move(norm),
          .query = inputs[0],
          .key = inputs[1],
          .value = inputs[2],
          .output = weights.linear(prefix + "attn.proj", size, size,
                                   Bias::kIfPresent),
          .mlp = std::move(mlp)};
}

EncoderLayer read_qwen_layer(const WeightReader& weights,
                             const QwenVisionConfig& config, int index,
                             const std::string& up, const std::string& down) {
  const std::string prefix =
      "vision_tower.blocks." + std::to_string(index) + ".";
  const auto norm = [&](const char* name) {
    return weights.norm(ops::NormKind::kLayer, prefix + name, config.embed,
                        kQwenEps);
  };
  return read_qwen_layer(
      weights, config, prefix, norm("norm1"),
      ops::MlpBlock{
          .frame = ops::ResidualFrame{.before = norm("norm2")},
          .activation = config.activation,
          .gate = std::nullopt,
          .up = weights.linear(prefix + up, config.intermediate_size,
                               config.embed, Bias::kIfPresent),
          .down = weights.linear(prefix + down, config.embed,
                                 config.intermediate_size, Bias::kIfPresent)});
}

ops::Linear read_qwen_patches(const models::ModelSource& source,
                              const QwenVisionConfig& config, Bias bias) {
  return WeightReader(source.weights, source.backend)
      .patch_linear(
          "vision_tower.patch_embed.proj", config.embed, config.in_channels,
          {config.temporal_patch_size, config.patch_size, config.patch_size},
          bias);
}

mx::array merge(const mx::array& x, const QwenMerger& merger,
                const QwenVisionConfig& config) {
  const mx::Shape shape{x.shape(0) / (config.merge * config.merge),
                        config.merged()};
  if (merger.norm_after) {
    return run(ops::normalise(mx::reshape(x, shape), merger.norm), merger.mlp);
  }
  return run(mx::reshape(ops::normalise(x, merger.norm), shape), merger.mlp);
}

}  // namespace abstractllm::vision
