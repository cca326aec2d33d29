// XGLM: positions as sines and cosines, scaled embeddings.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <span>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/stored_tensor.h"
#include "io/weight_source.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/fairseq.h"

namespace abstractllm::models {

namespace {

// Sines in the first half of a row, cosines in the second. The row of the
// padding token's id is empty.
ops::Linear make_positions(const ModelSource& source,
                           const DenseConfig& config) {
  const int positions = size_or(source.config, "max_position_embeddings", 2048);
  const int hidden = config.hidden_size;
  const int half = hidden / 2;
  if (half < 2) {
    throw ModelLoadingError("[config] d_model is " + std::to_string(hidden) +
                            ", expected at least 4");
  }
  const auto padding = source.config.find_int("pad_token_id").value_or(1);
  std::vector<float> values(static_cast<std::size_t>(positions) * hidden);
  for (int row = 0; row < positions; ++row) {
    const int position = row + kFairseqFirstPosition;
    if (position == padding) continue;
    float* to = values.data() + static_cast<std::size_t>(row) * hidden;
    for (int i = 0; i < half; ++i) {
      const float step = std::log(10000.0f) / static_cast<float>(half - 1);
      const float angle = static_cast<float>(position) *
                          std::exp(static_cast<float>(i) * -step);
      to[i] = std::sin(angle);
      to[half + i] = std::cos(angle);
    }
  }
  return WeightReader(source.weights, source.backend)
      .linear(
          io::WeightMatrix::plain({.name = "positions",
                                   .type = io::StorageType::kF32,
                                   .shape = {positions, hidden},
                                   .bytes = std::as_bytes(std::span(values)),
                                   .file = nullptr}),
          std::nullopt);
}

}  // namespace

std::unique_ptr<Model> make_xglm(const ModelSource& source) {
  DenseConfig config = fairseq_config(source.config, "num_layers",
                                      "attention_heads", "d_model", "ffn_dim");
  config.activation =
      read_activation(source.config, "activation_function", "gelu");
  DenseNames names = fairseq_names("model.");
  names.final_norm = "model.layer_norm";
  DecoderParts parts = read_fairseq_parts(source, config, {.names = names});
  parts.positions = make_positions(source, config);
  // Some files have the table that is computed here.
  pass_over(source.weights, {"model.embed_positions."});
  if (flag_or(source.config, "scale_embedding", true)) {
    parts.embedding_scale = std::sqrt(static_cast<float>(config.hidden_size));
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
