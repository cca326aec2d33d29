// Mixtures of experts in the naming of Qwen and DeepSeek.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/dense_decoder.h"

namespace abstractllm::models {

/// Sizes and rules of the expert layers of a model.
struct MoeConfig {
  int experts = 0;
  int intermediate_size = 0;  ///< of an expert
  ops::RouterSpec router;
  /// Of the expert that all tokens go through; 0: none.
  int shared_intermediate_size = 0;
  const char* shared_name = "shared_expert";
  const char* router_name = "gate";
};

/// The experts whose modules begin with `prefix` ("...mlp."): gate, experts.I,
/// the stacked switch_mlp, or the fused experts.gate_up_proj, and the shared
/// expert with its gate. Throws ModelLoadingError for a router that cannot be.
ops::MoeBlock read_moe(const WeightReader& weights, const DenseConfig& config,
                       const MoeConfig& moe, const std::string& prefix,
                       ops::ResidualFrame frame);

/// The experts whose modules begin with `prefix` ("...block_sparse_moe.") in
/// Mixtral's names: gate, experts.I.w1 (gate), w3 (up) and w2 (down), or the
/// stacked switch_mlp, or as read_moe the fused experts, whose gate may be a
/// router. Throws ModelLoadingError.
ops::MoeBlock read_mixtral_moe(const WeightReader& weights,
                               const DenseConfig& config, const MoeConfig& moe,
                               const std::string& prefix,
                               ops::ResidualFrame frame);

/// Where the experts of the layer `prefix` are: in block_sparse_moe, or in mlp
/// as transformers 5 names fused ones.
std::string mixtral_module(const WeightReader& weights,
                           const std::string& prefix);

/// read_moe where `experts` says so, else Llama's gated unit.
FeedForward read_feed_forward(const WeightReader& weights,
                              const DenseConfig& config,
                              const DenseTraits& traits, const MoeConfig& moe,
                              bool experts, const std::string& prefix,
                              ops::ResidualFrame frame);

/// num_experts, or num_local_experts as transformers 5 writes it, and the other
/// way round. 0: none of the two.
int count_experts(const io::JsonConfig& config);

/// count_experts. Throws ModelLoadingError where there are none.
int require_experts(const io::JsonConfig& config);

/// Qwen's rule which layers have experts: decoder_sparse_step and
/// mlp_only_layers.
bool has_experts(const io::JsonConfig& config, int layer);

/// mlp_layer_types, or first_k_dense_replace (`first` where that is absent):
/// whether layer `layer` has experts.
bool is_sparse(const io::JsonConfig& config, int layer, int first);

/// Throws ModelLoadingError if the experts cannot be chosen as `moe` says.
void check_router(const MoeConfig& moe);

/// n_group and topk_group, where there is more than one: groups are chosen by
/// the sum of their two largest scores.
void read_router_groups(const io::JsonConfig& config, ops::RouterSpec& router);

}  // namespace abstractllm::models
