// Config and construction of DeepSeek 2 and 3.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/deepseek.h"

#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

// Of the norms within attention, whatever rms_norm_eps says.
constexpr float kInnerEps = 1e-6f;

// YaRN's temperature, which this family applies to the scores.
float score_scale(const io::JsonConfig& config, int head_dim) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  const auto scaling = find_rope_scaling(config);
  if (!scaling) return scale;
  const float all_dims = number_or(*scaling, "mscale_all_dim", 0);
  const float factor = number_or(*scaling, "factor", 1);
  if (all_dims == 0 || factor <= 1) return scale;
  const float temperature = 0.1f * all_dims * std::log(factor) + 1.0f;
  return scale * temperature * temperature;
}

}  // namespace

LatentSizes read_latent_sizes(const io::JsonConfig& config) {
  LatentSizes sizes;
  sizes.query_rank = size_or(config, "q_lora_rank", 0);
  sizes.latent = require_size(config, "kv_lora_rank");
  sizes.plain = require_size(config, "qk_nope_head_dim");
  sizes.rotated = require_size(config, "qk_rope_head_dim");
  sizes.value = size_or(config, "v_head_dim",
                        require_size(config, "hidden_size") /
                            require_size(config, "num_attention_heads"));
  sizes.scale = score_scale(config, sizes.plain + sizes.rotated);
  if (sizes.value > sizes.plain + sizes.rotated) {
    throw ModelLoadingError("[config] v_head_dim (" +
                            std::to_string(sizes.value) +
                            ") is larger than a head of queries (" +
                            std::to_string(sizes.plain + sizes.rotated) + ")");
  }
  return sizes;
}

ops::LatentAttentionBlock read_latent_attention(const WeightReader& weights,
                                                const DenseConfig& config,
                                                const LatentSizes& sizes,
                                                const std::string& module,
                                                ops::ResidualFrame frame) {
  const int heads = config.num_attention_heads;
  const int head_dim = sizes.plain + sizes.rotated;
  const int hidden = config.hidden_size;
  const auto rms_norm = [&](const std::string& name, int size) {
    return weights.norm(ops::NormKind::kRms, module + name, size, kInnerEps);
  };
  const bool two_steps = sizes.query_rank > 0;
  // The checkpoint has the plain values of a query first.
  const std::vector<std::int32_t> query_rows =
      head_rows(heads, head_dim, sizes.plain, sizes.rotated, 0, sizes.plain);
  const std::vector<ops::Linear> inputs = weights.split_linear(
      module + "kv_a_proj_with_mqa", {sizes.latent, sizes.rotated}, hidden,
      Bias::kIfPresent);
  const int pair = sizes.plain + sizes.value;
  const auto unfold = [&](int first, int count) {
    return weights.pick_linear(module + "kv_b_proj", heads * pair, sizes.latent,
                               head_rows(heads, pair, first, count),
                               Bias::kNone);
  };
  ops::LatentAttentionBlock block{
      .frame = std::move(frame),
      .spec = ops::AttentionSpec{.heads = heads,
                                 .kv_heads = heads,
                                 .head_dim = head_dim,
                                 .value_dim = sizes.value,
                                 .scale = sizes.scale,
                                 .rope = config.rope},
      .query = weights.pick_linear(
          module + (two_steps ? "q_b_proj" : "q_proj"), heads * head_dim,
          two_steps ? sizes.query_rank : hidden, query_rows, Bias::kNone),
      .latent = inputs[0],
      .latent_norm = rms_norm("kv_a_layernorm", sizes.latent),
      .rotated_key = inputs[1],
      .key = unfold(0, sizes.plain),
      .value = unfold(sizes.plain, sizes.value),
      .output = weights.linear(module + "o_proj", hidden, heads * sizes.value,
                               Bias::kIfPresent)};
  if (two_steps) {
    block.query_down = weights.linear(module + "q_a_proj", sizes.query_rank,
                                      hidden, Bias::kIfPresent);
    block.query_norm = rms_norm("q_a_layernorm", sizes.query_rank);
  }
  return block;
}

namespace {

// The modules of the indexer begin with `module`; its keys are in cache
// `cache`.
ops::SparseIndexer read_indexer(const WeightReader& weights,
                                const io::JsonConfig& fields,
                                const DenseConfig& config,
                                const LatentSizes& sizes,
                                const std::string& module, bool interleaved,
                                int cache) {
  const int heads = require_size(fields, "index_n_heads");
  const int head_dim = require_size(fields, "index_head_dim");
  if (sizes.query_rank == 0 || head_dim < sizes.rotated) {
    throw ModelLoadingError("[config] index_head_dim is " +
                            std::to_string(head_dim) + " and q_lora_rank " +
                            std::to_string(sizes.query_rank) +
                            ", expected at least qk_rope_head_dim (" +
                            std::to_string(sizes.rotated) + ") and a rank");
  }
  ops::RopeTable rope = config.rope;
  rope.interleaved = interleaved;
  const int hidden = config.hidden_size;
  return {.heads = heads,
          .head_dim = head_dim,
          .kept = size_or(fields, "index_topk", 2048),
          .rope = std::move(rope),
          .query = weights.linear(module + "wq_b", heads * head_dim,
                                  sizes.query_rank, Bias::kNone),
          .key = weights.linear(module + "wk", head_dim, hidden, Bias::kNone),
          .key_norm = weights.norm(ops::NormKind::kLayer, module + "k_norm",
                                   head_dim, kInnerEps),
          .weights = weights.linear(module + "weights_proj", heads, hidden,
                                    Bias::kNone),
          .cache = cache};
}

}  // namespace

MoeConfig read_deepseek_moe_config(const io::JsonConfig& config,
                                   const DeepseekRouting& routing) {
  MoeConfig moe;
  if (!config.has("n_routed_experts")) return moe;
  moe.experts = require_size(config, "n_routed_experts");
  moe.intermediate_size = require_size(config, "moe_intermediate_size");
  moe.shared_intermediate_size = shared_width(
      config, "n_shared_experts", moe.intermediate_size, routing.shared);
  moe.shared_name = "shared_experts";
  ops::RouterSpec& router = moe.router;
  router.chosen = require_size(config, "num_experts_per_tok");
  router.score = routing.score;
  router.group_score = routing.group_score;
  router.normalise = routing.may_normalise &&
                     (router.chosen > 1 || routing.normalises_single ||
                      routing.score == ops::RouterScore::kSigmoid) &&
                     flag_or(config, "norm_topk_prob", routing.normalise);
  if (!router.normalise || routing.scale_normalised) {
    router.scale = number_or(config, "routed_scaling_factor", routing.scale);
  }
  const bool greedy =
      routing.has_methods &&
      config.find_string("topk_method").value_or("greedy") == "greedy";
  if (!greedy && size_or(config, "n_group", 1) > 1) {
    router.groups = require_size(config, "n_group");
    router.kept = require_size(config, "topk_group");
  }
  return moe;
}

DecoderParts read_deepseek_parts(const ModelSource& source,
                                 const DeepseekRouting& routing,
                                 IndexerRope indexer) {
  const LatentSizes sizes = read_latent_sizes(source.config);
  const DenseConfig config = read_dense_config(
      source.config,
      {.rope = {.dims = sizes.rotated,
                .interleaved = flag_or(source.config, "rope_interleave", true)},
       .norm_eps_value = routing.norm_eps,
       // Published configs leave it out, and a share of the hidden size would
       // be less than what is turned.
       .head_dim = sizes.rotated});
  const MoeConfig moe = read_deepseek_moe_config(source.config, routing);
  const int step = size_or(source.config, "moe_layer_freq", 1);
  DenseTraits traits;
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    ops::LatentAttentionBlock block = read_latent_attention(
        weights, config, sizes, prefix + "self_attn.", std::move(frame));
    if (indexer != IndexerRope::kNoIndexer) {
      block.indexer = read_indexer(weights, source.config, config, sizes,
                                   prefix + "self_attn.indexer.",
                                   indexer == IndexerRope::kInterleaved,
                                   config.num_hidden_layers + index);
    }
    return block;
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(
        weights, config, traits, moe,
        moe.experts > 0 && index % step == 0 &&
            is_sparse(source.config, index, routing.first_sparse),
        prefix + "mlp.", std::move(frame));
  };
  return read_dense_parts(source, config, traits);
}

std::unique_ptr<Model> make_deepseek(const ModelSource& source,
                                     const DeepseekRouting& routing,
                                     IndexerRope indexer) {
  return make_decoder(read_deepseek_parts(source, routing, indexer));
}

}  // namespace abstractllm::models
