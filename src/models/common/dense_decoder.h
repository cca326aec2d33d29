// Config and construction that the Llama-like families share; each family
// file says only where it differs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/common/decoder.h"
#include "models/common/rope_config.h"
#include "models/common/weight_reader.h"
#include "models/source.h"

namespace abstractllm::models {

/// Fields of config.json, by their names there, checked for sense.
struct DenseConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int embedding_rows = 0;  ///< where the table has others; 0: vocab_size
  int embedding_size = 0;  ///< of a row of it; 0: hidden_size
  float norm_eps = 0;
  ops::Activation activation = ops::Activation::kSilu;
  std::vector<int> windows;  ///< per layer; 0: full attention
  /// Tokens see those behind them, too: a decoder turned into an encoder.
  bool bidirectional = false;
  ops::RopeTable rope;
};

/// What a family takes where config.json is silent.
struct DenseDefaults {
  /// dims: of head_dim by partial_rotary_factor unless set.
  RopeDefaults rope;
  double partial_rotary_factor = 1.0;
  /// A config's own partial_rotary_factor counts; where it is another than 1
  /// by default it always does.
  bool rotates_part = false;
  /// Every n-th layer sees all, the others slide; 0: as sliding_window says.
  int sliding_window_pattern = 0;
  const char* norm_eps = "rms_norm_eps";
  double norm_eps_value = 1e-6;
  const char* activation = "hidden_act";
  const char* activation_name = "silu";
  bool dense_layers = true;  ///< false: intermediate_size may be absent
  int head_dim = 0;          ///< 0: hidden_size / num_attention_heads
  int sliding_window = 0;    ///< of the layers that slide; 0: none slides
  const char* num_hidden_layers = "num_hidden_layers";
};

/// Names of modules. Those of a layer stand behind `layers` and its number; an
/// empty name is a norm, or the gate, that the family does not have. Those of
/// attention stand behind `attention`, those of the gated unit behind `mlp`.
/// An empty final_norm: there is none.
struct DenseNames {
  std::string embedding = "model.embed_tokens";
  std::string layers = "model.layers.";
  std::string final_norm = "model.norm";
  std::string head = "lm_head";
  std::string attention = "self_attn.";
  std::string query = "q_proj";
  std::string key = "k_proj";
  std::string value = "v_proj";
  std::string query_key_value = "qkv_proj";  ///< where they are fused
  std::string output = "o_proj";
  std::string query_norm = "q_norm";
  std::string key_norm = "k_norm";
  std::string before_attention = "input_layernorm";
  std::string after_attention;
  std::string before_mlp = "post_attention_layernorm";
  std::string after_mlp;
  std::string mlp = "mlp.";
  std::string gate = "gate_proj";
  std::string up = "up_proj";
  std::string gate_up = "gate_up_proj";  ///< where they are fused
  std::string down = "down_proj";
};

enum class HeadNorm {
  kNone,
  kEachHead,  ///< one weight vector of head_dim for all heads
  kAllHeads,  ///< over all heads' values together
  kOwn,       ///< over each head's values, with weights of its own
};

/// How the checkpoints of a family differ.
struct DenseTraits {
  Bias query_key_value_bias = Bias::kIfPresent;
  Bias output_bias = Bias::kIfPresent;
  Bias mlp_bias = Bias::kIfPresent;
  HeadNorm query_key_norm = HeadNorm::kNone;
  ops::NormKind query_key_norm_kind = ops::NormKind::kRms;
  ops::NormKind norm = ops::NormKind::kRms;
  float norm_offset = 0;     ///< added to stored norm weights
  bool norm_weights = true;  ///< false: the layers' norms have none
  bool fused_query_key_value = false;
  bool fused_gate_up = false;
  /// The query's module has the rows of a gate behind each head's.
  bool gated_attention = false;
  DenseNames names;
  /// Queries, keys and values of the attention whose modules begin with
  /// `prefix`, where they are stored otherwise.
  std::function<std::vector<ops::Linear>(const WeightReader&,
                                         const std::string& prefix)>
      projections = nullptr;
  /// Where the halves of a layer are not attention and a gated unit in Llama's
  /// names: reads that of layer `index`, whose modules begin with `prefix`.
  /// Empty: Llama's.
  std::function<Mixer(const WeightReader&, const std::string& prefix, int index,
                      ops::ResidualFrame)>
      mixer = nullptr;
  std::function<FeedForward(const WeightReader&, const std::string& prefix,
                            int index, ops::ResidualFrame)>
      feed_forward = nullptr;
};

/// Throws ModelLoadingError for a missing field or impossible sizes.
DenseConfig read_dense_config(const io::JsonConfig& config,
                              const DenseDefaults& defaults = {});

/// Parts from a checkpoint in Llama's shape.
DecoderParts read_dense_parts(const ModelSource& source, DenseConfig config,
                              DenseTraits traits);

/// `dims`, the rotary_dim of a config. Throws ModelLoadingError unless it is
/// even and at most `head_dim`.
int checked_rotary_dim(int dims, int head_dim);

/// OLMo 2's order: no norm before the halves of a layer, one behind each.
void put_norms_behind(DenseNames& names);

/// Whether config.json says that tokens see those behind them, too.
bool sees_both_ways(const io::JsonConfig& config);

/// Queries, keys and values of `module`, in which the queries that share a key
/// lie before it and its value.
std::vector<ops::Linear> read_joined_heads(const WeightReader& weights,
                                           const DenseConfig& config,
                                           const std::string& module);

/// Attention in the names of `traits`, whose modules begin with `prefix`.
ops::AttentionBlock read_attention(const WeightReader& weights,
                                   const DenseConfig& config,
                                   const DenseTraits& traits,
                                   const std::string& prefix, int index,
                                   ops::ResidualFrame frame);

/// Llama's gated unit, whose modules begin with `prefix`.
ops::MlpBlock read_gated_mlp(const WeightReader& weights,
                             const DenseConfig& config,
                             const DenseTraits& traits,
                             const std::string& prefix,
                             ops::ResidualFrame frame);

/// down(activation(up(x))) of the modules `up` and `down`, which may have
/// biases.
ops::MlpBlock read_plain_mlp(const WeightReader& weights,
                             const DenseConfig& config, const std::string& up,
                             const std::string& down, ops::ResidualFrame frame);

/// DenseTraits::feed_forward of families whose layers have read_plain_mlp's
/// unit in modules of these names. `config` outlives it.
std::function<FeedForward(const WeightReader&, const std::string& prefix,
                          int index, ops::ResidualFrame)>
plain_mlps(const DenseConfig& config, std::string up, std::string down);

/// GPT-NeoX's halves: read_joined_heads of query_key_value and read_plain_mlp
/// of dense_h_to_4h and dense_4h_to_h. `config` outlives `traits`.
void join_heads(const DenseConfig& config, DenseTraits& traits);

/// Throws ModelLoadingError unless heads of an even size share their keys
/// evenly.
void check_shared_heads(const DenseConfig& config);

/// Multiplies queries by a factor that grows with the position, as
/// llama_4_scaling_beta among the fields of the rotation says; absent: not.
void grow_queries(const io::JsonConfig& config, ops::AttentionSpec& spec);

/// The specs of all attention layers with their index, for what a family
/// computes otherwise.
void edit_attention(
    DecoderParts& parts,
    const std::function<void(int index, ops::AttentionBlock& block)>& edit);

/// layer_types, the pattern or the switches of config.json: the window of each
/// layer, 0 where it sees all. `default_window` 0: none slides unless the
/// config has sliding_window.
std::vector<int> read_windows(const io::JsonConfig& config, int layers,
                              int default_pattern, int default_window = 0);

}  // namespace abstractllm::models
