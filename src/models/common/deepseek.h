// What DeepSeek 2 and 3 share: latent attention, experts from some layer on.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/moe_layers.h"

namespace abstractllm::models {

/// `score` and `group_score`: how the version chooses experts.
/// `scale_normalised`: routed_scaling_factor holds for normalised weights, too.
struct DeepseekRouting {
  ops::RouterScore score = ops::RouterScore::kSoftmax;
  ops::GroupScore group_score = ops::GroupScore::kLargest;
  bool scale_normalised = false;
  /// Where routed_scaling_factor is absent.
  float scale = 1;
  /// Where norm_topk_prob is absent.
  bool normalise = false;
  /// topk_method says whether groups are chosen first; else they are.
  bool has_methods = false;
  /// Dense layers where first_k_dense_replace is absent.
  int first_sparse = 0;
  double norm_eps = 1e-6;  ///< where rms_norm_eps is absent
  /// norm_topk_prob counts.
  bool may_normalise = true;
  /// It counts of a single expert, too, whatever the score.
  bool normalises_single = false;
  /// Experts that all tokens go through where n_shared_experts is absent.
  int shared = 0;
};

/// That of DeepSeek 3 and its heirs.
inline constexpr DeepseekRouting kDeepseek3Routing{
    .score = ops::RouterScore::kSigmoid,
    .group_score = ops::GroupScore::kSumOfTwoLargest,
    .scale_normalised = true,
    .scale = 2.5f,
    .normalise = true};

/// That of DeepSeek 3.2, too.
constexpr DeepseekRouting deepseek32_routing() {
  DeepseekRouting routing = kDeepseek3Routing;
  routing.first_sparse = 3;
  return routing;
}

/// How the indexer of sparse attention turns its queries and keys, where a
/// version has one.
enum class IndexerRope { kNoIndexer, kHalves, kInterleaved };

/// n_routed_experts and so on; no experts where that field is absent.
MoeConfig read_deepseek_moe_config(const io::JsonConfig& config,
                                   const DeepseekRouting& routing);

/// Sizes of latent attention.
struct LatentSizes {
  int query_rank = 0;  ///< 0: queries come straight from the input
  int latent = 0;
  int plain = 0;
  int rotated = 0;
  int value = 0;
  float scale = 0;
};

/// q_lora_rank, kv_lora_rank and so on. Throws ModelLoadingError.
LatentSizes read_latent_sizes(const io::JsonConfig& config);

/// Attention whose modules begin with `module` ("...self_attn.").
ops::LatentAttentionBlock read_latent_attention(const WeightReader& weights,
                                                const DenseConfig& config,
                                                const LatentSizes& sizes,
                                                const std::string& module,
                                                ops::ResidualFrame frame);

DecoderParts read_deepseek_parts(const ModelSource& source,
                                 const DeepseekRouting& routing,
                                 IndexerRope indexer = IndexerRope::kNoIndexer);

std::unique_ptr<Model> make_deepseek(
    const ModelSource& source, const DeepseekRouting& routing,
    IndexerRope indexer = IndexerRope::kNoIndexer);

}  // namespace abstractllm::models
