// Qwen3-VL's tower: learned positions, stretched to the image, beside the
// rotation; what some layers give goes to the text model, too (deepstack).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
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
  read.activation =
      models::read_activation(config, "hidden_act", "gelu_pytorch_tanh");
  return read;
}

QwenMerger read_merger(const models::WeightReader& weights,
                       const QwenVisionConfig& config,
                       const std::string& prefix, bool norm_after) {
  const int size = config.merged();
  return {
      .norm = weights.norm(ops::NormKind::kLayer, prefix + "norm",
                           norm_after ? size : config.embed, kQwenEps),
      .norm_after = norm_after,
      .mlp = TwoLinears{.first = weights.linear(prefix + "linear_fc1", size,
                                                size, models::Bias::kIfPresent),
                        .activation = ops::Activation::kGelu,
                        .second = weights.linear(prefix + "linear_fc2",
                                                 config.out_hidden_size, size,
                                                 models::Bias::kIfPresent)}};
}

// Where a patch of `count` falls among `side` learned positions, end on end.
struct Between {
  int low;
  int high;
  float share;  // of high
};
Between stretch(int index, int count, int side) {
  const float place = static_cast<float>(index) * static_cast<float>(side - 1) /
                      static_cast<float>(std::max(1, count - 1));
  const int low = static_cast<int>(std::floor(place));
  return {low, std::min(low + 1, side - 1), place - static_cast<float>(low)};
}

// What layers behind which a merger stands give to the text model.
struct Tap {
  int layer;
  QwenMerger merger;
};

class Tower : public VisionTower {
 public:
  Tower(const models::ModelSource& source, QwenVisionConfig config)
      : config_(config),
        patch_(read_qwen_patches(source, config, models::Bias::kIfPresent)),
        merger_(
            read_merger(models::WeightReader(source.weights, source.backend),
                        config, "vision_tower.merger.", false)) {
    const io::JsonConfig fields = source.config.require_object("vision_config");
    const models::WeightReader weights(source.weights, source.backend);
    read_positions(fields, weights);
    for (int i = 0; i < config.depth; ++i) {
      layers_.push_back(read_qwen_layer(weights, config, i, "mlp.linear_fc1",
                                        "mlp.linear_fc2"));
    }
    const auto taps = fields.find_ints("deepstack_visual_indexes")
                          .value_or(std::vector<std::int64_t>{8, 16, 24});
    for (std::size_t i = 0; i < taps.size(); ++i) {
      if (taps[i] < 0 || taps[i] >= config.depth) {
        throw ModelLoadingError(
            "[config] deepstack_visual_indexes names layer " +
            std::to_string(taps[i]) + " of " + std::to_string(config.depth));
      }
      taps_.push_back({static_cast<int>(taps[i]),
                       read_merger(weights, config,
                                   "vision_tower.deepstack_merger_list." +
                                       std::to_string(i) + ".",
                                   true)});
    }
  }

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const PatchGrid grid = read_grid(image, config_);
    const std::vector<PatchPlace> places = patch_places(grid, config_.merge);
    auto layout = std::make_shared<ops::EncoderLayout>(
        *equal_stretches(grid.frames, grid.rows * grid.columns));
    layout->angles = patch_angles(places, config_.head_dim());
    mx::array x = ops::linear(pixel_array(image.pixel_values, 1), patch_);
    x = x + mx::astype(position_rows(grid, places), x.dtype());
    std::vector<mx::array> given(taps_.size(), mx::array(0.0f));
    for (int i = 0; i < config_.depth; ++i) {
      x = run_layer(x, layers_[static_cast<std::size_t>(i)], layout, stages);
      for (std::size_t tap = 0; tap < taps_.size(); ++tap) {
        if (taps_[tap].layer == i) {
          given[tap] = merge(x, taps_[tap].merger, config_);
        }
      }
    }
    return {merge(x, merger_, config_), std::move(given)};
  }

 private:
  void read_positions(const io::JsonConfig& fields,
                      const models::WeightReader& weights) {
    const int count = models::require_size(fields, "num_position_embeddings");
    side_ = static_cast<int>(std::lround(std::sqrt(count)));
    if (side_ * side_ != count) {
      throw ModelLoadingError("[config] num_position_embeddings is " +
                              std::to_string(count) + ", expected a square");
    }
    positions_ = weights.vector("vision_tower.pos_embed.weight",
                                std::int64_t{count} * config_.embed);
  }

  // (patches, embed): the learned positions around each place, by nearness.
  mx::array position_rows(const PatchGrid& grid,
                          const std::vector<PatchPlace>& places) const {
    const auto width = static_cast<std::size_t>(config_.embed);
    std::vector<float> rows(places.size() * width);
    float* out = rows.data();
    for (const PatchPlace& place : places) {
      const Between y = stretch(place.row, grid.rows, side_);
      const Between x = stretch(place.column, grid.columns, side_);
      const auto learned = [&](int row, int column) {
        return positions_.data() +
               static_cast<std::size_t>(row * side_ + column) * width;
      };
      const float* corners[] = {learned(y.low, x.low), learned(y.low, x.high),
                                learned(y.high, x.low),
                                learned(y.high, x.high)};
      const float shares[] = {(1 - y.share) * (1 - x.share),
                              (1 - y.share) * x.share, y.share * (1 - x.share),
                              y.share * x.share};
      for (std::size_t i = 0; i < width; ++i) {
        float sum = 0;
        for (int corner = 0; corner < 4; ++corner) {
          sum += corners[corner][i] * shares[corner];
        }
        *out++ = sum;
      }
    }
    return mx::array(rows.data(),
                     {static_cast<int>(places.size()), config_.embed},
                     mx::float32);
  }

  QwenVisionConfig config_;
  ops::Linear patch_;
  QwenMerger merger_;
  int side_ = 0;
  std::vector<float> positions_;  // (side * side, embed)
  std::vector<EncoderLayer> layers_;
  std::vector<Tap> taps_;
};

}  // namespace

TowerPtr make_qwen3_vl_tower(const models::ModelSource& source) {
  return std::make_unique<Tower>(
      source, read_config(source.config.require_object("vision_config")));
}

}  // namespace abstractllm::vision
