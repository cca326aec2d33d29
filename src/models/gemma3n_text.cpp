// Gemma 3n's language model: four streams of which a layer computes one, an
// embedding for each layer, a low-rank way past the attention, and last layers
// that use the keys and values of earlier ones.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include "cache/kv_cache.h"
#include "mlx/ops.h"
#include "models/architectures.h"
#include "models/common/gemma3n.h"
#include "ops/cpu_state.h"
#include "ops/residual.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

mx::array scaled(const mx::array& x, float factor) {
  return x * mx::array(factor, x.dtype());
}

mx::array columns(const mx::array& x, int first, int last) {
  return mx::slice(x, {0, first}, {x.shape(0), last});
}

// A sparse layer keeps what stands `cutoff` deviations above the mean.
mx::array keep_outliers(const mx::array& x, float cutoff) {
  const mx::array mean = mx::mean(x, -1, /* keepdims = */ true);
  const mx::array deviation = mx::sqrt(mx::var(x, -1, /* keepdims = */ true));
  return mx::maximum(x - mean - scaled(deviation, cutoff),
                     mx::array(0.0f, x.dtype()));
}

class Gemma3n : public Model {
 public:
  explicit Gemma3n(Gemma3nParts parts) : parts_(std::move(parts)) {}

  // (tokens, hidden + layers * inputs of a layer): behind the embedding of a
  // token lie those for the layers.
  mx::array embed(const mx::array& ids) const override {
    return mx::concatenate(
        {scaled(ops::embed(ids, parts_.embedding), std::sqrt(hidden())),
         parts_.inputs.embed(ids)},
        1);
  }

  mx::array forward(const mx::array& embeddings,
                    const ops::Step& step) const override {
    const ops::RowKind kind(parts_.embedding.backend(), step);
    const mx::array x = columns(embeddings, 0, parts_.embedding.inputs());
    const mx::array inputs = parts_.inputs.mix(
        x, columns(embeddings, x.shape(1), embeddings.shape(1)));
    mx::array streams = widen_stream(x, parts_.widening);
    for (std::size_t i = 0; i < parts_.layers.size(); ++i) {
      streams = run_layer(parts_.layers[i], streams,
                          mx::take(inputs, static_cast<int>(i), 1), step);
    }
    return ops::normalise(narrow_stream(streams, parts_.narrowing),
                          parts_.final_norm);
  }

  mx::array logits(const mx::array& hidden_rows) const override {
    const mx::array y =
        ops::linear(hidden_rows, parts_.head ? *parts_.head : parts_.embedding);
    return cap_logits(mx::astype(y, mx::float32), parts_.logit_softcap);
  }

  ops::KvLayers make_cache() const override {
    ops::KvLayers caches;
    for (const Gemma3nLayer& layer : parts_.layers) {
      if (layer.attention.reuses_cache) continue;
      caches.push_back(cache::make_kv_layer(parts_.embedding.backend(),
                                            layer.attention.spec));
    }
    return caches;
  }

  int vocabulary_size() const override { return parts_.embedding.outputs(); }

 private:
  float hidden() const { return static_cast<float>(parts_.embedding.inputs()); }

  static mx::array run_feed_forward(const Gemma3nLayer& layer,
                                    const mx::array& x) {
    if (!layer.cutoff) return ops::mlp_block(x, x, layer.mlp);
    const mx::array entered = ops::enter_frame(x, layer.mlp.frame);
    const mx::array gate = ops::activate(
        keep_outliers(ops::linear(entered, *layer.mlp.gate), *layer.cutoff),
        layer.mlp.activation);
    const mx::array y =
        ops::linear(gate * ops::linear(entered, layer.mlp.up), layer.mlp.down);
    return ops::leave_frame(y, x, layer.mlp.frame);
  }

  static mx::array run_layer(const Gemma3nLayer& layer, const mx::array& x,
                             const mx::array& input, const ops::Step& step) {
    const mx::array predictions = layer.updates.predict(x);
    const mx::array active = layer.updates.active_stream(predictions);
    const mx::array entered =
        ops::normalise(active, *layer.attention.frame.before);
    const mx::array past =
        entered + ops::normalise(ops::linear(ops::linear(entered, layer.narrow),
                                             layer.widen),
                                 layer.past_norm);
    const mx::array attended = ops::attention_block(
        active, active, layer.attention, layer.cache, step);
    const mx::array mixed =
        scaled(attended + past, std::numbers::sqrt2_v<float> / 2);
    const mx::array corrected =
        layer.updates.correct(predictions, run_feed_forward(layer, mixed));
    mx::array first = layer.updates.active_stream(corrected);
    if (layer.output_scale) {
      first = first * mx::astype(*layer.output_scale, first.dtype());
    }
    const mx::array added = layer.input.run(first, input, layer.mlp.activation);
    // All streams but the first get it.
    const int streams = layer.updates.streams;
    const mx::array others =
        mx::slice(corrected, {0, 1, 0},
                  {corrected.shape(0), streams, corrected.shape(2)}) +
        mx::expand_dims(added, 1);
    return mx::concatenate(
        {mx::slice(corrected, {0, 0, 0},
                   {corrected.shape(0), 1, corrected.shape(2)}),
         others},
        1);
  }

  Gemma3nParts parts_;
};

}  // namespace

std::unique_ptr<Model> make_gemma3n_text(const ModelSource& source) {
  return std::make_unique<Gemma3n>(read_gemma3n_parts(source));
}

}  // namespace abstractllm::models
