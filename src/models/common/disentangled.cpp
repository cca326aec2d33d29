// The forward pass over DisentangledParts.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/disentangled.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "abstractllm/error.h"
#include "cache/empty_cache.h"
#include "mlx/fast.h"
#include "mlx/ops.h"
#include "models/common/positions.h"
#include "ops/cpu_state.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

// Rows of the table of distances that a text of so many tokens looks up.
struct TextRows {
  int first = 0;
  int count = 0;
};

TextRows rows_for(const DistanceBuckets& buckets, int tokens) {
  const int first = buckets.row_of(1 - tokens);
  return {first, buckets.row_of(tokens - 1) - first + 1};
}

// (tokens, tokens) int32: the row of each pair of a query and a key, from
// `first` on.
mx::array pair_rows(const DistanceBuckets& buckets, int tokens, int first) {
  std::vector<std::int32_t> rows;
  rows.reserve(static_cast<std::size_t>(tokens) * tokens);
  std::vector<std::int32_t> by_distance;
  for (int distance = 1 - tokens; distance < tokens; ++distance) {
    by_distance.push_back(buckets.row_of(distance) - first);
  }
  for (int query = 0; query < tokens; ++query) {
    for (int key = 0; key < tokens; ++key) {
      rows.push_back(by_distance[query - key + tokens - 1]);
    }
  }
  return mx::array(rows.data(), {tokens, tokens}, mx::int32);
}

class DisentangledEncoder : public Model {
 public:
  explicit DisentangledEncoder(DisentangledParts parts)
      : parts_(std::move(parts)) {}

  mx::array embed(const mx::array& ids) const override {
    return ops::embed(ids, parts_.embedding);
  }

  mx::array forward(const mx::array& embeddings,
                    const ops::Step& step) const override {
    const ops::RowKind kind(parts_.embedding.backend(), step);
    mx::array x = embed_text(embeddings, step);
    const mx::array first = x;
    const std::optional<Distances> distances = look_up(step);
    for (std::size_t i = 0; i < parts_.layers.size(); ++i) {
      const DisentangledLayer& layer = parts_.layers[i];
      x = ops::normalise(x + attend(x, layer, step, distances),
                         layer.attention_norm);
      x = ops::normalise(ops::mlp_block(x, x, layer.mlp), layer.mlp_norm);
      if (i == 0 && parts_.convolution) x = convolve(first, x, step);
    }
    for (const ops::SequenceRows& sequence : step.sequences) {
      (*sequence.kv)[0]->reserve(sequence.rows);
    }
    return x;
  }

  mx::array logits(const mx::array& /*hidden*/) const override {
    throw UnsupportedOperationError(
        "[model] an encoder gives hidden states, no next token",
        "Ask it for embeddings.");
  }

  // Texts come whole: nothing is kept of them.
  ops::KvLayers make_cache() const override {
    ops::KvLayers layers;
    layers.push_back(cache::make_empty_cache());
    return layers;
  }

  int vocabulary_size() const override { return parts_.embedding.outputs(); }

 private:
  // The rows of the table of distances that the longest text needs.
  struct Distances {
    int first = 0;
    mx::array table;  // (rows, hidden)
    // For each text: (tokens, tokens).
    std::vector<mx::array> pairs;
  };

  mx::array embed_text(const mx::array& embeddings,
                       const ops::Step& step) const {
    mx::array x = embeddings;
    if (parts_.positions) {
      x = x + embed_positions(*parts_.positions, 0, step);
    }
    if (parts_.token_type) x = x + *parts_.token_type;
    if (parts_.embedding_projection) {
      x = ops::linear(x, *parts_.embedding_projection);
    }
    return ops::normalise(x, parts_.embedding_norm);
  }

  std::optional<Distances> look_up(const ops::Step& step) const {
    if (!parts_.distances) return std::nullopt;
    int longest = 1;
    for (const ops::SequenceRows& sequence : step.sequences) {
      longest = std::max(longest, sequence.rows);
    }
    const TextRows rows = rows_for(parts_.buckets, longest);
    std::vector<std::int32_t> ids;
    for (int i = 0; i < rows.count; ++i) ids.push_back(rows.first + i);
    mx::array table = ops::embed(mx::array(ids.data(), {rows.count}, mx::int32),
                                 *parts_.distances);
    if (parts_.distance_norm) {
      table = ops::normalise(table, *parts_.distance_norm);
    }
    Distances distances{rows.first, std::move(table), {}};
    for (const ops::SequenceRows& sequence : step.sequences) {
      distances.pairs.push_back(
          pair_rows(parts_.buckets, sequence.rows, rows.first));
    }
    return distances;
  }

  // (rows, heads * head_dim) -> (heads, rows, head_dim)
  mx::array split_heads(const mx::array& x) const {
    return mx::transpose(
        mx::reshape(x, {x.shape(0), parts_.heads, parts_.head_dim}), {1, 0, 2});
  }

  // Of each pair, (heads, tokens, tokens), what `words` and the table of
  // distances, both (heads, rows, head_dim), give. `pairs`: (words, others).
  mx::array meet(const mx::array& words, const mx::array& table,
                 const mx::array& pairs) const {
    const mx::array all = mx::matmul(words, mx::swapaxes(table, 1, 2));
    const int tokens = pairs.shape(0);
    return mx::take_along_axis(
        all, mx::broadcast_to(pairs, {parts_.heads, tokens, tokens}), 2);
  }

  mx::array attend(const mx::array& x, const DisentangledLayer& layer,
                   const ops::Step& step,
                   const std::optional<Distances>& distances) const {
    const mx::array query = ops::linear(x, layer.query);
    const mx::array key = ops::linear(x, layer.key);
    const mx::array value = ops::linear(x, layer.value);
    std::optional<mx::array> distance_key;
    std::optional<mx::array> distance_query;
    if (distances && layer.distance_key) {
      distance_key =
          split_heads(ops::linear(distances->table, *layer.distance_key));
    }
    if (distances && layer.distance_query) {
      distance_query =
          split_heads(ops::linear(distances->table, *layer.distance_query));
    }
    std::vector<mx::array> outputs;
    for (std::size_t i = 0; i < step.sequences.size(); ++i) {
      const int first = step.sequences[i].first_row;
      const int rows = step.sequences[i].rows;
      const auto heads_of = [&](const mx::array& all) {
        return split_heads(
            mx::slice(all, {first, 0}, {first + rows, all.shape(1)}));
      };
      const mx::array q = heads_of(query);
      const mx::array k = heads_of(key);
      std::optional<mx::array> scores;
      if (distance_key) scores = meet(q, *distance_key, distances->pairs[i]);
      if (distance_query) {
        const mx::array met = mx::swapaxes(
            meet(k, *distance_query, mx::transpose(distances->pairs[i])), 1, 2);
        scores = scores ? *scores + met : met;
      }
      std::optional<mx::array> mask;
      if (scores) {
        mask = mx::expand_dims(
            *scores * mx::array(parts_.scale, scores->dtype()), 0);
      }
      const mx::array attended = mx::fast::scaled_dot_product_attention(
          mx::expand_dims(q, 0), mx::expand_dims(k, 0),
          mx::expand_dims(heads_of(value), 0), parts_.scale,
          mask ? "array" : "", mask);
      outputs.push_back(
          mx::reshape(mx::transpose(mx::squeeze(attended, 0), {1, 0, 2}),
                      {rows, parts_.heads * parts_.head_dim}));
    }
    return ops::linear(
        outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0),
        layer.output);
  }

  // input: of the first layer, output: its own.
  mx::array convolve(const mx::array& input, const mx::array& output,
                     const ops::Step& step) const {
    const TextConvolution& own = *parts_.convolution;
    std::vector<mx::array> outputs;
    for (const ops::SequenceRows& sequence : step.sequences) {
      const mx::array rows = mx::expand_dims(
          mx::slice(input, {sequence.first_row, 0},
                    {sequence.first_row + sequence.rows, input.shape(1)}),
          0);
      outputs.push_back(
          mx::squeeze(mx::conv1d(rows, own.weight, 1,
                                 (own.weight.shape(1) - 1) / 2, 1, own.groups),
                      0));
    }
    mx::array x = mx::concatenate(outputs, 0) + own.bias;
    x = own.activation ? ops::activate(x, *own.activation) : mx::tanh(x);
    return ops::normalise(output + x, own.norm);
  }

  DisentangledParts parts_;
};

}  // namespace

int DistanceBuckets::row_of(int distance) const {
  int bucket = distance;
  const int exact = buckets / 2;
  if (buckets > 0 && std::abs(distance) > exact) {
    // In float32 as the reference computes it: it rounds up.
    const float share =
        std::log(static_cast<float>(std::abs(distance)) / exact) /
        std::log(static_cast<float>((reach - 1) / static_cast<double>(exact)));
    const int steps =
        static_cast<int>(std::ceil(share * static_cast<float>(exact - 1)));
    bucket = (exact + steps) * (distance > 0 ? 1 : -1);
  }
  return std::clamp(bucket + span, 0, 2 * span - 1);
}

std::unique_ptr<Model> make_disentangled_encoder(DisentangledParts parts) {
  return std::make_unique<DisentangledEncoder>(std::move(parts));
}

}  // namespace abstractllm::models
