// Llama 3.2 Vision: tiles that see one another, two transformers, the second
// behind gates; states of several layers side by side, and what the text
// model's layers take of them.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/vision_language.h"
#include "ops/residual.h"
#include "vision/towers/towers.h"
#include "vision/towers/vit.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

using models::Bias;
using models::WeightReader;

constexpr float kOuterEps = 1e-5f;  // of the norms around the layers
constexpr int kMultiple = 8;        // the tokens of a tile are padded to one

struct Config {
  VitConfig vit;
  int num_global_layers = 0;
  int max_num_tiles = 0;
  int max_aspect_ratio_id = 0;
  std::vector<int> taps;  // intermediate_layers_indices

  int tile_tokens() const { return vit.patches() + 1; }
  int tile_padding() const {
    return (kMultiple - tile_tokens() % kMultiple) % kMultiple;
  }
};

std::vector<int> read_taps(const io::JsonConfig& config, int layers) {
  std::vector<int> taps;
  for (const std::int64_t tap :
       config.find_ints("intermediate_layers_indices")
           .value_or(std::vector<std::int64_t>{3, 7, 15, 23, 30})) {
    if (tap < 0 || tap >= layers) {
      throw ModelLoadingError(
          "[config] intermediate_layers_indices names layer " +
          std::to_string(tap) + " of " + std::to_string(layers));
    }
    taps.push_back(static_cast<int>(tap));
  }
  return taps;
}

// How many arrangements of up to `tiles` tiles there are.
int arrangements(int tiles) {
  int count = 0;
  for (int rows = 1; rows <= tiles; ++rows) count += tiles / rows;
  return count;
}

Config read_config(const io::JsonConfig& config) {
  const bool named = config.has("attention_heads");
  Config read{
      .vit = {.hidden_size = models::require_size(config, "hidden_size"),
              .intermediate_size =
                  models::require_size(config, "intermediate_size"),
              .num_hidden_layers =
                  models::require_size(config, "num_hidden_layers"),
              .num_attention_heads = models::require_size(
                  config, named ? "attention_heads" : "num_attention_heads"),
              .image_size = square_side(config, "image_size"),
              .patch_size = square_side(config, "patch_size"),
              .num_channels = models::size_or(config, "num_channels", 3),
              .layer_norm_eps = models::number_or(config, "norm_eps", 1e-5),
              .activation =
                  models::read_activation(config, "hidden_act", "gelu")},
      .num_global_layers = models::size_or(config, "num_global_layers", 8),
      .max_num_tiles = models::size_or(config, "max_num_tiles", 4)};
  constexpr int kMostTiles = 64;
  if (read.vit.hidden_size % read.vit.num_attention_heads != 0 ||
      read.vit.image_size < read.vit.patch_size ||
      read.max_num_tiles > kMostTiles) {
    throw ModelLoadingError(
        "[config] a tower of " + std::to_string(read.vit.hidden_size) +
        " values, " + std::to_string(read.vit.num_attention_heads) +
        " heads and " + std::to_string(read.max_num_tiles) + " tiles of " +
        std::to_string(read.vit.image_size) + " pixels cannot be");
  }
  read.max_aspect_ratio_id = models::size_or(config, "max_aspect_ratio_id",
                                             arrangements(read.max_num_tiles));
  read.taps = read_taps(config, read.vit.num_hidden_layers);
  return read;
}

EncoderLayer read_layer(const WeightReader& weights, const VitConfig& config,
                        const std::string& prefix) {
  EncoderLayer layer = read_vit_layer(weights, config, prefix,
                                      {.norm = "input_layernorm",
                                       .mlp_norm = "post_attention_layernorm",
                                       .output = "self_attn.o_proj"});
  if (weights.has_vector(prefix + "gate_attn")) {
    layer.attention_scale = mx::array(weights.tanh_gate(prefix + "gate_attn"),
                                      weights.backend().compute);
    layer.mlp.frame.scale = weights.tanh_gate(prefix + "gate_ffn");
  }
  return layer;
}

// What is added to tiles by the arrangement they are part of.
class TileEmbedding {
 public:
  // `rows`: of a tile.
  TileEmbedding(const WeightReader& weights, const Config& config,
                const std::string& table, float gate, int rows)
      : tiles_(config.max_num_tiles),
        rows_(rows),
        hidden_(config.vit.hidden_size),
        table_(mx::array(0.0f)) {
    const int ids = config.max_aspect_ratio_id + 1;
    const std::int64_t size = std::int64_t{tiles_} * rows_ * hidden_;
    std::vector<float> values = weights.vector(table + ".weight", ids * size);
    for (float& value : values) value *= gate;
    table_ = mx::reshape(ops::make_vector(weights.backend(), values),
                         {ids, static_cast<int>(size)});
  }

  // (tiles, rows, hidden)
  mx::array of(int id) const {
    return mx::reshape(mx::slice(table_, {id, 0}, {id + 1, table_.shape(1)}),
                       {tiles_, rows_, hidden_});
  }

 private:
  int tiles_;
  int rows_;
  int hidden_;
  mx::array table_;  // (ids, tiles * rows * hidden)
};

// Keys and values of one layer of the text model.
struct KeyMaker {
  ops::Linear key;
  ops::Norm key_norm;
  ops::Linear value;
};

std::vector<KeyMaker> read_key_makers(const models::ModelSource& source) {
  const WeightReader weights(source.weights, source.backend);
  const io::JsonConfig text = models::text_config(source.config);
  const int hidden = models::require_size(text, "hidden_size");
  const int heads = models::require_size(text, "num_attention_heads");
  const int kv_heads = models::size_or(text, "num_key_value_heads", heads);
  const int head_dim = models::size_or(text, "head_dim", hidden / heads);
  std::vector<KeyMaker> makers;
  for (const int layer : models::cross_attention_layers(text)) {
    const std::string prefix =
        "model.layers." + std::to_string(layer) + ".cross_attn.";
    makers.push_back(
        {.key = weights.linear(prefix + "k_proj", kv_heads * head_dim, hidden,
                               Bias::kNone),
         .key_norm =
             weights.norm(ops::NormKind::kRms, prefix + "k_norm", head_dim,
                          models::number_or(text, "rms_norm_eps", 1e-5)),
         .value = weights.linear(prefix + "v_proj", kv_heads * head_dim, hidden,
                                 Bias::kNone)});
  }
  return makers;
}

class Tower : public VisionTower {
 public:
  Tower(const models::ModelSource& source, const Config& config)
      : Tower(source, config, WeightReader(source.weights, source.backend)) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const int tiles = config_.max_num_tiles;
    const int tokens = config_.tile_tokens();
    const std::vector<std::int32_t>& mask =
        integers(image, "aspect_ratio_mask", static_cast<std::size_t>(tiles));
    const auto shown =
        static_cast<int>(std::count(mask.begin(), mask.end(), 1));
    const int id = integers(image, "aspect_ratio_ids", 1)[0];
    if (shown < 1 || shown > tiles || id < 1 ||
        id > config_.max_aspect_ratio_id) {
      throw InvalidRequestError("[vision] an image of " +
                                std::to_string(shown) +
                                " tiles in arrangement " + std::to_string(id) +
                                " does not fit the tower");
    }
    mx::array x = tokens_of(pixel_array(image.pixel_values, 3), id);
    // Those that show the image, those of the other tiles, then the padding.
    auto layout =
        std::make_shared<ops::EncoderLayout>(*equal_stretches(1, x.shape(0)));
    layout->padding = x.shape(0) - shown * tokens;
    std::vector<mx::array> taken;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      // What goes into the layer, as the model was trained.
      for (const int tap : config_.taps) {
        if (tap == static_cast<int>(i)) taken.push_back(without_padding(x));
      }
      x = run_layer(x, layers_[i], layout, stages);
    }
    x = add_to_tiles(ops::normalise(x, last_norm_), id);
    x = without_padding(run_layers(x, global_layers_, layout, stages));
    if (!taken.empty()) {
      x = mx::concatenate({x, mx::reshape(mx::stack(in_tap_order(taken), -1),
                                          {x.shape(0), -1})},
                          1);
    }
    models::ImageFeatures features{ops::linear(x, projector_)};
    features.shown = shown * tokens;
    for (const KeyMaker& maker : key_makers_) {
      features.across.push_back(
          {ops::normalise_heads(ops::linear(features.rows, maker.key),
                                maker.key_norm),
           ops::linear(features.rows, maker.value)});
    }
    return features;
  }

 private:
  Tower(const models::ModelSource& source, const Config& config,
        const WeightReader& weights)
      : config_(config),
        patch_(weights.patch_linear(
            kTower + "patch_embedding", config.vit.hidden_size,
            config.vit.num_channels,
            {config.vit.patch_size, config.vit.patch_size}, Bias::kIfPresent)),
        class_token_(ops::make_vector(source.backend,
                                      weights.vector(kTower + "class_embedding",
                                                     config.vit.hidden_size))),
        before_(
            weights, config, kTower + "pre_tile_positional_embedding.embedding",
            weights.tanh_gate(kTower + "pre_tile_positional_embedding.gate"),
            1),
        behind_(
            weights, config,
            kTower + "post_tile_positional_embedding.embedding",
            weights.tanh_gate(kTower + "post_tile_positional_embedding.gate"),
            1),
        places_(weights, config,
                kTower + "gated_positional_embedding.tile_embedding",
                weights.tanh_gate(kTower + "gated_positional_embedding.gate"),
                config.tile_tokens()),
        positions_(read_positions(weights, config)),
        first_norm_(outer_norm(weights, "layernorm_pre")),
        last_norm_(outer_norm(weights, "layernorm_post")),
        projector_(weights.linear(
            "multi_modal_projector",
            models::require_size(models::text_config(source.config),
                                 "hidden_size"),
            config.vit.hidden_size * (1 + static_cast<int>(config.taps.size())),
            Bias::kIfPresent)),
        key_makers_(read_key_makers(source)) {
    const auto read = [&](const char* stack, int count,
                          std::vector<EncoderLayer>& layers) {
      for (int i = 0; i < count; ++i) {
        layers.push_back(
            read_layer(weights, config.vit,
                       kTower + stack + ".layers." + std::to_string(i) + "."));
      }
    };
    read("transformer", config.vit.num_hidden_layers, layers_);
    read("global_transformer", config.num_global_layers, global_layers_);
  }

  // (tokens, hidden) of one tile, whatever the arrangement.
  static mx::array read_positions(const WeightReader& weights,
                                  const Config& config) {
    const std::string name = kTower + "gated_positional_embedding.";
    std::vector<float> values =
        weights.vector(name + "embedding", std::int64_t{config.tile_tokens()} *
                                               config.vit.hidden_size);
    const float share = 1 - weights.tanh_gate(name + "gate");
    for (float& value : values) value *= share;
    return mx::reshape(ops::make_vector(weights.backend(), values),
                       {config.tile_tokens(), config.vit.hidden_size});
  }

  ops::Norm outer_norm(const WeightReader& weights, const char* name) const {
    return weights.norm(ops::NormKind::kLayer, kTower + name,
                        config_.vit.hidden_size, kOuterEps);
  }

  // pixels: (tiles, channels, side, side) -> all tiles' tokens and behind them
  // their padding, (rows, hidden).
  mx::array tokens_of(const mx::array& pixels, int id) const {
    check_image_size(pixels, config_.vit);
    const int tiles = config_.max_num_tiles;
    if (pixels.shape(0) != tiles) {
      throw InvalidRequestError("[vision] the tower takes " +
                                std::to_string(tiles) + " tiles, not " +
                                std::to_string(pixels.shape(0)));
    }
    const int hidden = config_.vit.hidden_size;
    mx::array x = mx::reshape(
        ops::linear(cut_patches(pixels, config_.vit.patch_size), patch_),
        {tiles, config_.vit.patches(), hidden});
    x = with_class_token(x + before_.of(id), class_token_);
    x = mx::reshape(x + positions_ + places_.of(id), {-1, hidden});
    x = ops::normalise(x, first_norm_);
    if (config_.tile_padding() == 0) return x;
    return mx::concatenate(
        {x, mx::zeros({tiles * config_.tile_padding(), hidden}, x.dtype())}, 0);
  }

  // To the tokens of each tile, and to its padding.
  mx::array add_to_tiles(const mx::array& x, int id) const {
    const int border = config_.max_num_tiles * config_.tile_tokens();
    const auto added = [&](int first, int last) {
      const mx::array rows = mx::slice(x, {first, 0}, {last, x.shape(1)});
      return mx::reshape(
          mx::reshape(rows, {config_.max_num_tiles, -1, x.shape(1)}) +
              behind_.of(id),
          rows.shape());
    };
    if (border == x.shape(0)) return added(0, border);
    return mx::concatenate({added(0, border), added(border, x.shape(0))}, 0);
  }

  mx::array without_padding(const mx::array& x) const {
    return mx::slice(
        x, {0, 0}, {config_.max_num_tiles * config_.tile_tokens(), x.shape(1)});
  }

  // `taken` by layer, as the config lists them.
  std::vector<mx::array> in_tap_order(
      const std::vector<mx::array>& taken) const {
    std::vector<mx::array> ordered;
    for (const int tap : config_.taps) {
      const auto before =
          std::count_if(config_.taps.begin(), config_.taps.end(),
                        [tap](int other) { return other < tap; });
      ordered.push_back(taken[static_cast<std::size_t>(before)]);
    }
    return ordered;
  }

  inline static const std::string kTower = "vision_tower.";

  Config config_;
  ops::Linear patch_;
  mx::array class_token_;  // (hidden)
  TileEmbedding before_;
  TileEmbedding behind_;
  TileEmbedding places_;
  mx::array positions_;  // (tokens of a tile, hidden)
  ops::Norm first_norm_;
  ops::Norm last_norm_;
  ops::Linear projector_;
  std::vector<KeyMaker> key_makers_;
  std::vector<EncoderLayer> layers_;
  std::vector<EncoderLayer> global_layers_;
};

}  // namespace

TowerPtr make_mllama_tower(const models::ModelSource& source) {
  return std::make_unique<Tower>(
      source, read_config(models::vision_config(source.config)));
}

}  // namespace abstractllm::vision
