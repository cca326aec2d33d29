// The forward pass over DecoderParts.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/decoder.h"

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"
#include "cache/empty_cache.h"
#include "cache/kv_cache.h"
#include "cache/recurrent_cache.h"
#include "mlx/ops.h"
#include "models/common/positions.h"
#include "ops/cpu_state.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

mx::array normalise_if(const mx::array& x, const std::optional<ops::Norm>& n) {
  return n ? ops::normalise(x, *n) : x;
}

mx::array run_mixer(const mx::array& input, const mx::array& residual,
                    const ops::AttentionBlock& block, int layer,
                    const ops::Step& step) {
  return ops::attention_block(input, residual, block, layer, step);
}

mx::array run_mixer(const mx::array& input, const mx::array& residual,
                    const ops::LatentAttentionBlock& block, int layer,
                    const ops::Step& step) {
  return ops::latent_attention_block(input, residual, block, layer, step);
}

mx::array run_mixer(const mx::array& input, const mx::array& residual,
                    const ops::ShortConvolutionBlock& block, int layer,
                    const ops::Step& step) {
  return ops::short_convolution_block(input, residual, block, layer, step);
}

mx::array run_mixer(const mx::array& input, const mx::array& residual,
                    const ops::StateSpaceBlock& block, int layer,
                    const ops::Step& step) {
  return ops::state_space_block(input, residual, block, layer, step);
}

mx::array run_mixer(const mx::array& input, const mx::array& residual,
                    const ops::DeltaRuleBlock& block, int layer,
                    const ops::Step& step) {
  return ops::delta_rule_block(input, residual, block, layer, step);
}

mx::array run_mixer(const mx::array& input, const mx::array& residual,
                    const ops::SelectiveScanBlock& block, int layer,
                    const ops::Step& step) {
  return ops::selective_scan_block(input, residual, block, layer, step);
}

mx::array run_mixer(const mx::array& input, const mx::array& residual,
                    const ops::CrossAttentionBlock& block, int /*layer*/,
                    const ops::Step& step) {
  return ops::cross_attention_block(input, residual, block, step);
}

mx::array mix(const mx::array& input, const mx::array& residual,
              const Mixer& mixer, int layer, const ops::Step& step) {
  return std::visit(
      [&](const auto& block) {
        return run_mixer(input, residual, block, layer, step);
      },
      mixer);
}

mx::array run_feed_forward(const mx::array& /*input*/,
                           const mx::array& residual, std::monostate /*none*/) {
  return residual;
}

mx::array run_feed_forward(const mx::array& input, const mx::array& residual,
                           const ops::MlpBlock& block) {
  return ops::mlp_block(input, residual, block);
}

mx::array run_feed_forward(const mx::array& input, const mx::array& residual,
                           const ops::MoeBlock& block) {
  return ops::moe_block(input, residual, block);
}

// Any kind of attention.
template <typename Block>
std::unique_ptr<ops::KvLayer> make_layer_cache(const ops::Backend& backend,
                                               const Block& block) {
  return cache::make_kv_layer(backend, block.spec);
}

// An indexer's choice has no kernel, so that its layer takes the stock form.
std::unique_ptr<ops::KvLayer> make_layer_cache(
    const ops::Backend& backend, const ops::LatentAttentionBlock& block) {
  if (!block.indexer) return cache::make_kv_layer(backend, block.spec);
  const int values =
      block.spec.kv_heads * (block.spec.head_dim + block.spec.value_size());
  return cache::make_full_cache(static_cast<std::size_t>(values) *
                                mx::size_of(backend.compute));
}

std::size_t state_bytes(const ops::CausalConvolution& convolution) {
  return static_cast<std::size_t>(convolution.kernel - 1) *
         convolution.channels() * sizeof(float);
}

std::unique_ptr<ops::KvLayer> make_layer_cache(
    const ops::Backend& /*backend*/, const ops::ShortConvolutionBlock& block) {
  return cache::make_recurrent_cache(state_bytes(block.convolution));
}

std::unique_ptr<ops::KvLayer> make_layer_cache(
    const ops::Backend& /*backend*/, const ops::StateSpaceBlock& block) {
  const std::size_t memory = static_cast<std::size_t>(block.spec.inner()) *
                             block.spec.state * sizeof(float);
  return cache::make_recurrent_cache(state_bytes(block.convolution) + memory);
}

std::unique_ptr<ops::KvLayer> make_layer_cache(
    const ops::Backend& /*backend*/, const ops::DeltaRuleBlock& block) {
  const std::size_t memory = static_cast<std::size_t>(block.spec.values()) *
                             block.spec.key_dim * sizeof(float);
  return cache::make_recurrent_cache(state_bytes(block.convolution) + memory);
}

std::unique_ptr<ops::KvLayer> make_layer_cache(
    const ops::Backend& /*backend*/, const ops::SelectiveScanBlock& block) {
  const std::size_t memory = static_cast<std::size_t>(block.inner()) *
                             static_cast<std::size_t>(block.state) *
                             sizeof(float);
  return cache::make_recurrent_cache(state_bytes(block.convolution) + memory);
}

// Nothing of the text is kept: the keys are the images'.
std::unique_ptr<ops::KvLayer> make_layer_cache(
    const ops::Backend& /*backend*/,
    const ops::CrossAttentionBlock& /*block*/) {
  return cache::make_empty_cache();
}

const ops::RopeTable* rope_of(const Mixer& mixer) {
  if (const auto* plain = std::get_if<ops::AttentionBlock>(&mixer)) {
    return &plain->spec.rope;
  }
  const auto* latent = std::get_if<ops::LatentAttentionBlock>(&mixer);
  return latent == nullptr ? nullptr : &latent->spec.rope;
}

bool looks_beside(const DecoderLayer& layer) {
  return std::holds_alternative<ops::CrossAttentionBlock>(layer.mixer);
}

// Whether rows of the step see images beside the text.
bool has_images_beside(const ops::Step& step) {
  return std::any_of(step.sequences.begin(), step.sequences.end(),
                     [](const ops::SequenceRows& sequence) {
                       return sequence.across != nullptr;
                     });
}

class Decoder : public Model {
 public:
  explicit Decoder(DecoderParts parts) : parts_(std::move(parts)) {}

  mx::array embed(const mx::array& ids) const override {
    mx::array rows = ops::embed(ids, parts_.embedding);
    if (parts_.embedding_projection) {
      rows = ops::linear(rows, *parts_.embedding_projection);
    }
    if (parts_.embedding_norm) {
      return ops::normalise(rows, *parts_.embedding_norm);
    }
    if (parts_.embedding_scale == 1.0f) return rows;
    return rows * mx::array(parts_.embedding_scale, rows.dtype());
  }

  mx::array forward(const mx::array& embeddings,
                    const ops::Step& step) const override {
    const ops::RowKind kind(parts_.embedding.backend(), step);
    mx::array x = embeddings;
    if (parts_.positions) x = x + embed_positions(*parts_.positions, 0, step);
    const int count = static_cast<int>(parts_.layers.size());
    int beside = count;  // caches of second mixers stand behind the others
    const bool images_beside = has_images_beside(step);
    for (int i = 0; i < count; ++i) {
      const DecoderLayer& layer = parts_.layers[i];
      if (looks_beside(layer) && !images_beside) continue;
      mx::array mixed = mix(x, x, layer.mixer, i, step);
      if (layer.beside) mixed = mix(x, mixed, *layer.beside, beside++, step);
      mixed = normalise_if(mixed, layer.mixer_norm);
      x = std::visit(
          [&](const auto& block) {
            return run_feed_forward(layer.parallel ? x : mixed, mixed, block);
          },
          layer.feed_forward);
      x = normalise_if(x, layer.feed_forward_norm);
      if (looks_beside(layer)) x = ops::rows_behind_images(mixed, x, step);
      if (static_cast<std::size_t>(i) < step.layer_additions.size()) {
        x = x + step.layer_additions[i];
      }
    }
    return normalise_if(x, parts_.final_norm);
  }

  mx::array logits(const mx::array& hidden) const override {
    if (parts_.headless) {
      throw UnsupportedOperationError(
          "[model] the checkpoint has no head (lm_head.weight)",
          "It makes embeddings, no text.");
    }
    mx::array y = ops::linear(
        parts_.head_projection
            ? ops::linear(before_head(hidden), *parts_.head_projection)
            : before_head(hidden),
        parts_.head ? *parts_.head : parts_.embedding);
    y = mx::astype(y, mx::float32);
    if (parts_.logit_scale != 1.0f) y = y * mx::array(parts_.logit_scale);
    return cap_logits(y, parts_.logit_softcap);
  }

  ops::KvLayers make_cache() const override {
    ops::KvLayers layers;
    layers.reserve(parts_.layers.size());
    const auto add = [&](const Mixer& mixer) {
      layers.push_back(std::visit(
          [&](const auto& block) {
            return make_layer_cache(parts_.embedding.backend(), block);
          },
          mixer));
    };
    for (const DecoderLayer& layer : parts_.layers) add(layer.mixer);
    for (const DecoderLayer& layer : parts_.layers) {
      if (layer.beside) add(*layer.beside);
    }
    for (const DecoderLayer& layer : parts_.layers) {
      const auto* block = std::get_if<ops::LatentAttentionBlock>(&layer.mixer);
      if (block == nullptr || !block->indexer) continue;
      const int values = block->indexer->head_dim + 1;
      layers.push_back(cache::make_full_cache(
          static_cast<std::size_t>(values) *
          mx::size_of(parts_.embedding.backend().compute)));
    }
    return layers;
  }

  int vocabulary_size() const override {
    return parts_.head ? parts_.head->outputs() : parts_.embedding.outputs();
  }

  PositionBorder position_border() const override {
    using Beyond = PositionBorder::Beyond;
    for (const DecoderLayer& layer : parts_.layers) {
      const ops::RopeTable* rope = rope_of(layer.mixer);
      if (rope == nullptr || rope->border == 0) continue;
      const Beyond crossed =
          parts_.starts_anew ? Beyond::kAnew : Beyond::kOtherwise;
      return {rope->border, rope->growth ? Beyond::kByLength : crossed};
    }
    return {};
  }

  ImageMode image_mode() const override {
    if (std::any_of(parts_.layers.begin(), parts_.layers.end(), looks_beside)) {
      return ImageMode::kBeside;
    }
    const auto* block =
        std::get_if<ops::AttentionBlock>(&parts_.layers.front().mixer);
    const bool grid = block != nullptr && !block->spec.rope.axes.empty();
    return grid ? ImageMode::kInGrid : ImageMode::kInLine;
  }

  std::int32_t image_token() const override { return parts_.image_token; }

  PromptSight prompt_sight() const override {
    return image_mode() == ImageMode::kBeside ? PromptSight::kImagesBeside
                                              : PromptSight::kCausal;
  }

 private:
  mx::array before_head(const mx::array& hidden) const {
    if (!parts_.before_head) return hidden;
    const HeadTransform& transform = *parts_.before_head;
    return ops::normalise(ops::activate(ops::linear(hidden, transform.linear),
                                        transform.activation),
                          transform.norm);
  }

  DecoderParts parts_;
};

}  // namespace

mx::array cap_logits(const mx::array& logits, float cap) {
  if (!(cap > 0)) return logits;
  const mx::array limit(cap);
  return mx::tanh(logits / limit) * limit;
}

std::unique_ptr<Model> make_decoder(DecoderParts parts) {
  return std::make_unique<Decoder>(std::move(parts));
}

}  // namespace abstractllm::models
