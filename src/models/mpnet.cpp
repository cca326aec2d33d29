// MPNet: BERT without types of tokens, whose scores also depend on how far a
// key is from its query.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/bert.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

// The reference fixes these, whatever a config says.
constexpr int kBuckets = 32;
constexpr int kReach = 128;
constexpr int kFirstPosition = 2;

// T5's buckets: half for each direction; a half begins with one for each
// distance and goes on in equal steps of the distance's logarithm.
int bucket_of(int distance) {
  constexpr int kHalf = kBuckets / 2;
  constexpr int kExact = kHalf / 2;
  const int first = distance > 0 ? kHalf : 0;
  const int steps = std::abs(distance);
  if (steps < kExact) return first + steps;
  const float share = std::log(static_cast<float>(steps) / kExact) /
                      static_cast<float>(std::log(double{kReach} / kExact));
  const int more = static_cast<int>(share * (kHalf - kExact));
  return first + std::min(kExact + more, kHalf - 1);
}

mlx::core::array read_distance_scores(const ModelSource& source, int heads) {
  const WeightReader weights(source.weights, source.backend);
  const std::string module = "encoder.relative_attention_bias";
  const std::string prefix = find_prefix(weights, module, {"", "mpnet."});
  const int rows = size_or(source.config, "relative_attention_num_buckets", 32);
  if (rows < kBuckets) {
    throw ModelLoadingError("[config] relative_attention_num_buckets is " +
                            std::to_string(rows) + ", expected at least 32");
  }
  const io::WeightMatrix table = weights.matrix(prefix + module, rows, heads);
  std::vector<float> scores(static_cast<std::size_t>(heads) * (2 * kReach + 1));
  std::vector<float> row(static_cast<std::size_t>(heads));
  for (int distance = -kReach; distance <= kReach; ++distance) {
    table.read_row(bucket_of(distance), row);
    for (int head = 0; head < heads; ++head) {
      scores[static_cast<std::size_t>(head) * (2 * kReach + 1) + distance +
             kReach] = row[static_cast<std::size_t>(head)];
    }
  }
  return mlx::core::array(scores.data(),
                          mlx::core::Shape{heads, 2 * kReach + 1});
}

}  // namespace

std::unique_ptr<Model> make_mpnet(const ModelSource& source) {
  EncoderParts parts = read_bert_parts(
      source, {.names = {.token_type = "",
                         .query = "attention.attn.q",
                         .key = "attention.attn.k",
                         .value = "attention.attn.v",
                         .output = "attention.attn.o",
                         .attention_norm = "attention.LayerNorm"},
               .prefix = "mpnet.",
               .first_position = kFirstPosition});
  const mlx::core::array scores =
      read_distance_scores(source, parts.layers.front().attention.spec.heads);
  for (EncoderLayer& layer : parts.layers) {
    layer.attention.spec.distance_scores = scores;
  }
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
