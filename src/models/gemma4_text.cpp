// Gemma 4's language model: heads of another size where a layer sees all, last
// layers that use the keys and values of earlier ones, and, by size, an
// embedding for each layer or experts beside the gated unit.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "cache/kv_cache.h"
#include "mlx/ops.h"
#include "models/architectures.h"
#include "models/common/gemma4.h"
#include "ops/cpu_state.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

mx::array scaled(const mx::array& x, float factor) {
  return x * mx::array(factor, x.dtype());
}

mx::array run_feed_forward(const Gemma4Layer& layer, const mx::array& x) {
  if (!layer.experts) return ops::mlp_block(x, x, layer.mlp);
  const mx::array unit = ops::mlp_block(x, mx::zeros_like(x), layer.mlp);
  const mx::array both = ops::moe_block(x, unit, layer.experts->block);
  return x + ops::normalise(both, layer.experts->norm);
}

class Gemma4 : public Model {
 public:
  explicit Gemma4(Gemma4Parts parts) : parts_(std::move(parts)) {}

  // (tokens, hidden + layers * inputs of a layer): behind the embedding of a
  // token lie those for the layers.
  mx::array embed(const mx::array& ids) const override {
    const mx::array stream =
        scaled(ops::embed(ids, parts_.embedding),
               std::sqrt(static_cast<float>(parts_.embedding.inputs())));
    if (!parts_.inputs) return stream;
    return mx::concatenate({stream, parts_.inputs->embed(ids)}, 1);
  }

  mx::array forward(const mx::array& embeddings,
                    const ops::Step& step) const override {
    const ops::RowKind kind(parts_.embedding.backend(), step);
    mx::array x = embeddings;
    std::optional<mx::array> inputs;
    if (parts_.inputs) {
      const int rows = embeddings.shape(0);
      const int hidden = parts_.embedding.inputs();
      x = mx::slice(embeddings, {0, 0}, {rows, hidden});
      inputs = parts_.inputs->mix(
          x, mx::slice(embeddings, {0, hidden}, {rows, embeddings.shape(1)}));
    }
    for (std::size_t i = 0; i < parts_.layers.size(); ++i) {
      const Gemma4Layer& layer = parts_.layers[i];
      x = ops::attention_block(x, x, layer.attention, layer.cache, step);
      x = run_feed_forward(layer, x);
      if (layer.input) {
        x = x + layer.input->run(x, mx::take(*inputs, static_cast<int>(i), 1),
                                 layer.mlp.activation);
      }
      if (layer.scale != 1.0f) x = scaled(x, layer.scale);
    }
    return ops::normalise(x, parts_.final_norm);
  }

  mx::array logits(const mx::array& hidden_rows) const override {
    const mx::array y =
        ops::linear(hidden_rows, parts_.head ? *parts_.head : parts_.embedding);
    return cap_logits(mx::astype(y, mx::float32), parts_.logit_softcap);
  }

  ops::KvLayers make_cache() const override {
    ops::KvLayers caches;
    for (const Gemma4Layer& layer : parts_.layers) {
      if (layer.attention.reuses_cache) continue;
      caches.push_back(cache::make_kv_layer(parts_.embedding.backend(),
                                            layer.attention.spec));
    }
    return caches;
  }

  int vocabulary_size() const override { return parts_.embedding.outputs(); }

 private:
  Gemma4Parts parts_;
};

}  // namespace

std::unique_ptr<Model> make_gemma4_text(const ModelSource& source) {
  return std::make_unique<Gemma4>(read_gemma4_parts(source));
}

}  // namespace abstractllm::models
