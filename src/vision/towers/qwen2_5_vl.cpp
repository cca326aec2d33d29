// Qwen2.5-VL's tower, arXiv:2502.13923: most layers see windows only.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "vision/towers/qwen.h"
#include "vision/towers/towers.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

QwenVisionConfig read_config(const io::JsonConfig& config) {
  QwenVisionConfig read = read_qwen_vision_config(config);
  read.embed = models::require_size(config, "hidden_size");
  read.out_hidden_size = models::require_size(config, "out_hidden_size");
  read.intermediate_size = models::require_size(config, "intermediate_size");
  read.activation = models::read_activation(config, "hidden_act", "silu");
  return read;
}

EncoderLayer read_layer(const models::WeightReader& weights,
                        const QwenVisionConfig& config, int index) {
  const std::string prefix =
      "vision_tower.blocks." + std::to_string(index) + ".";
  const int inner = config.intermediate_size;
  const auto norm = [&](const char* name) {
    return weights.norm(ops::NormKind::kRms, prefix + name, config.embed,
                        kQwenEps);
  };
  const auto linear = [&](const char* name, int outputs, int inputs) {
    return weights.linear(prefix + name, outputs, inputs,
                          models::Bias::kIfPresent);
  };
  return read_qwen_layer(
      weights, config, prefix, norm("norm1"),
      ops::MlpBlock{.frame = ops::ResidualFrame{.before = norm("norm2")},
                    .activation = config.activation,
                    .gate = linear("mlp.gate_proj", inner, config.embed),
                    .up = linear("mlp.up_proj", inner, config.embed),
                    .down = linear("mlp.down_proj", config.embed, inner)});
}

QwenMerger read_merger(const models::WeightReader& weights,
                       const QwenVisionConfig& config) {
  const std::string prefix = "vision_tower.merger.";
  const int size = config.merged();
  return {.norm = weights.norm(ops::NormKind::kRms, prefix + "ln_q",
                               config.embed, kQwenEps),
          .mlp = TwoLinears{
              .first = weights.linear(prefix + "mlp.0", size, size,
                                      models::Bias::kIfPresent),
              .activation = ops::Activation::kGelu,
              .second = weights.linear(prefix + "mlp.2", config.out_hidden_size,
                                       size, models::Bias::kIfPresent)}};
}

// Squares of merged patches in the order of the windows they lie in.
struct Windows {
  std::vector<std::int32_t> order;
  std::vector<int> ends;  // of windows, in squares
};

Windows cut_windows(const PatchGrid& grid, int merge, int window) {
  const int rows = grid.rows / merge;
  const int columns = grid.columns / merge;
  Windows windows;
  for (int frame = 0; frame < grid.frames; ++frame) {
    for (int top = 0; top < rows; top += window) {
      for (int left = 0; left < columns; left += window) {
        for (int row = top; row < std::min(top + window, rows); ++row) {
          for (int column = left; column < std::min(left + window, columns);
               ++column) {
            windows.order.push_back((frame * rows + row) * columns + column);
          }
        }
        windows.ends.push_back(static_cast<int>(windows.order.size()));
      }
    }
  }
  return windows;
}

mx::array index_array(const std::vector<std::int32_t>& indices) {
  return mx::array(indices.data(), {static_cast<int>(indices.size())},
                   mx::int32);
}

class Tower : public VisionTower {
 public:
  Tower(const models::ModelSource& source, QwenVisionConfig config)
      : config_(config),
        patch_(read_qwen_patches(source, config, models::Bias::kIfPresent)),
        merger_(read_merger(
            models::WeightReader(source.weights, source.backend), config)) {
    const io::JsonConfig fields = source.config.require_object("vision_config");
    window_ = std::max(1, models::size_or(fields, "window_size", 112) /
                              config.merge / config.patch_size);
    const auto full = fields.find_ints("fullatt_block_indexes")
                          .value_or(std::vector<std::int64_t>{7, 15, 23, 31});
    const models::WeightReader weights(source.weights, source.backend);
    for (int i = 0; i < config.depth; ++i) {
      layers_.push_back({read_layer(weights, config, i),
                         std::find(full.begin(), full.end(), i) != full.end()});
    }
  }

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const PatchGrid grid = read_grid(image, config_);
    const int square = config_.merge * config_.merge;
    const Windows windows = cut_windows(grid, config_.merge, window_);
    const auto whole = std::make_shared<ops::EncoderLayout>(
        *equal_stretches(grid.frames, grid.rows * grid.columns));
    const std::vector<PatchPlace> places = patch_places(grid, config_.merge);
    std::vector<PatchPlace> ordered;
    for (const std::int32_t index : windows.order) {
      const auto first = places.begin() + std::ptrdiff_t{index} * square;
      ordered.insert(ordered.end(), first, first + square);
    }
    whole->angles = patch_angles(ordered, config_.head_dim());
    const auto cut = std::make_shared<ops::EncoderLayout>();
    for (const int end : windows.ends) cut->ends.push_back(end * square);
    cut->angles = whole->angles;

    const mx::array patches =
        ops::linear(pixel_array(image.pixel_values, 1), patch_);
    mx::array x =
        mx::reshape(mx::take(mx::reshape(patches, {-1, square * config_.embed}),
                             index_array(windows.order), 0),
                    {-1, config_.embed});
    for (const auto& [layer, sees_all] : layers_) {
      x = run_layer(x, layer, sees_all ? whole : cut, stages);
    }
    std::vector<std::int32_t> back(windows.order.size());
    for (std::size_t i = 0; i < back.size(); ++i) {
      back[static_cast<std::size_t>(windows.order[i])] =
          static_cast<std::int32_t>(i);
    }
    return {mx::take(merge(x, merger_, config_), index_array(back), 0)};
  }

 private:
  struct Layer {
    EncoderLayer layer;
    bool sees_all;
  };

  QwenVisionConfig config_;
  ops::Linear patch_;
  QwenMerger merger_;
  int window_ = 0;  // squares a side
  std::vector<Layer> layers_;
};

}  // namespace

TowerPtr make_qwen2_5_vl_tower(const models::ModelSource& source) {
  return std::make_unique<Tower>(
      source, read_config(source.config.require_object("vision_config")));
}

}  // namespace abstractllm::vision
