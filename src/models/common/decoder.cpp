// The forward pass over DecoderParts.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/decoder.h"

#include <utility>

#include "cache/kv_cache.h"
#include "mlx/ops.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

class Decoder : public Model {
 public:
  explicit Decoder(DecoderParts parts) : parts_(std::move(parts)) {}

  mx::array embed(const mx::array& ids) const override {
    const mx::array rows = ops::embed(ids, parts_.embedding);
    if (parts_.embedding_scale == 1.0f) return rows;
    return rows * mx::array(parts_.embedding_scale, rows.dtype());
  }

  mx::array forward(const mx::array& embeddings,
                    const ops::Step& step) const override {
    mx::array x = embeddings;
    for (int i = 0; i < static_cast<int>(parts_.layers.size()); ++i) {
      const DecoderLayer& layer = parts_.layers[i];
      const mx::array attended =
          ops::attention_block(x, x, layer.attention, i, step);
      x = ops::mlp_block(layer.parallel ? x : attended, attended, layer.mlp);
    }
    return ops::normalise(x, parts_.final_norm);
  }

  mx::array logits(const mx::array& hidden) const override {
    mx::array y =
        ops::linear(hidden, parts_.head ? *parts_.head : parts_.embedding);
    y = mx::astype(y, mx::float32);
    if (parts_.logit_scale != 1.0f) y = y * mx::array(parts_.logit_scale);
    if (parts_.logit_softcap > 0) {
      const mx::array cap(parts_.logit_softcap);
      y = mx::tanh(y / cap) * cap;
    }
    return y;
  }

  ops::KvLayers make_cache() const override {
    ops::KvLayers layers;
    layers.reserve(parts_.layers.size());
    for (const DecoderLayer& layer : parts_.layers) {
      layers.push_back(cache::make_kv_layer(parts_.embedding.backend(),
                                            layer.attention.spec));
    }
    return layers;
  }

  int vocabulary_size() const override {
    return parts_.head ? parts_.head->outputs() : parts_.embedding.outputs();
  }

 private:
  DecoderParts parts_;
};

}  // namespace

std::unique_ptr<Model> make_decoder(DecoderParts parts) {
  return std::make_unique<Decoder>(std::move(parts));
}

}  // namespace abstractllm::models
