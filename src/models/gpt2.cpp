// GPT-2: learned positions, matrices stored with the inputs first.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gpt2.h"

#include <numeric>

#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/architectures.h"

namespace abstractllm::models {

namespace {

// Reads one model's matrices, which are (inputs, outputs) in Hugging Face's
// files and (outputs, inputs) in mlx-lm's and in GGUF.
class MatrixReader {
 public:
  MatrixReader(const WeightReader& weights, bool inputs_first)
      : weights_(weights), inputs_first_(inputs_first) {}

  // One layer for each part of `outputs`.
  std::vector<ops::Linear> read(const std::string& module, int parts,
                                int outputs, int inputs) const {
    if (!inputs_first_) {
      return weights_.split_linear(module, std::vector<int>(parts, outputs),
                                   inputs, Bias::kRequired);
    }
    const OwnedMatrices owned =
        weights_.transposed(module, 1, parts * outputs, inputs);
    const std::vector<float> bias =
        weights_.vector(module + ".bias", std::int64_t{parts} * outputs);
    std::vector<ops::Linear> layers;
    for (int i = 0; i < parts; ++i) {
      const auto first = bias.begin() + std::ptrdiff_t{i} * outputs;
      std::vector<std::int32_t> rows(static_cast<std::size_t>(outputs));
      std::iota(rows.begin(), rows.end(), i * outputs);
      layers.push_back(weights_.linear(
          module, parts * outputs, std::move(rows),
          owned.matrices[0].slice_rows(std::int64_t{i} * outputs, outputs),
          std::vector<float>(first, first + outputs)));
    }
    return layers;
  }

 private:
  const WeightReader& weights_;
  bool inputs_first_;
};

}  // namespace

std::unique_ptr<Model> make_gpt2(const ModelSource& source) {
  const DenseConfig config = read_gpt2_config(source.config);
  const int hidden = config.hidden_size;
  const int inner = config.intermediate_size;
  const WeightReader weights(source.weights, source.backend);
  // Published files have no prefix, those of transformers and mlx-lm one each.
  const std::string prefix =
      weights.prefix_of("wte", {"", "model."}, "transformer.");
  const MatrixReader matrices(
      weights,
      source.weights.is_imagined() ||
          source.weights.matrix(prefix + "h.0.attn.c_attn").rows() == hidden);
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.names = gpt2_names(prefix);
  traits.mixer = [&](const WeightReader&, const std::string& layer, int index,
                     ops::ResidualFrame frame) -> Mixer {
    const auto inputs = matrices.read(layer + "attn.c_attn", 3, hidden, hidden);
    const bool by_layer =
        source.config.find_bool("scale_attn_by_inverse_layer_idx")
            .value_or(false);
    const float scale = gpt2_score_scale(source.config, config);
    return ops::AttentionBlock{
        .frame = std::move(frame),
        .spec =
            ops::AttentionSpec{.heads = config.num_attention_heads,
                               .kv_heads = config.num_attention_heads,
                               .head_dim = config.head_dim,
                               .scale = by_layer ? scale / (index + 1) : scale,
                               .rope = {}},
        .query = inputs[0],
        .key = inputs[1],
        .value = inputs[2],
        .output = matrices.read(layer + "attn.c_proj", 1, hidden, hidden)[0]};
  };
  traits.feed_forward = [&](const WeightReader&, const std::string& layer,
                            int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return ops::MlpBlock{
        .frame = std::move(frame),
        .activation = config.activation,
        .gate = std::nullopt,
        .up = matrices.read(layer + "mlp.c_fc", 1, inner, hidden)[0],
        .down = matrices.read(layer + "mlp.c_proj", 1, hidden, inner)[0]};
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.positions = read_gpt2_positions(source, config, prefix);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
