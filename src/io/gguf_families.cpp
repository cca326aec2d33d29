// One function an architecture, from llama.cpp's metadata, and its constants
// where files say nothing, to the fields of config.json.
// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_families.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "io/gguf_copies.h"

namespace abstractllm::io {
namespace {

using nlohmann::json;

void add_gemma(const GgufFields& /*fields*/, json& config) {
  config["hidden_activation"] = "gelu_pytorch_tanh";
}

// Scores are scaled by the size of a head, but for one size of each version.
void add_gemma_scores(const GgufFields& fields, json& config,
                      std::int64_t layers_of_largest) {
  if (const auto scale = fields.find_number("attention.scale")) {
    config["query_pre_attn_scalar"] = 1.0 / (*scale * *scale);
    return;
  }
  const std::int64_t heads = config["num_attention_heads"];
  const std::int64_t hidden = config["hidden_size"];
  config["query_pre_attn_scalar"] =
      config["num_hidden_layers"] == layers_of_largest ? json(hidden / heads)
                                                       : config["head_dim"];
}

void add_gemma2(const GgufFields& fields, json& config) {
  add_gemma(fields, config);
  copy_number(fields, "attn_logit_softcapping", config,
              "attn_logit_softcapping");
  copy_number(fields, "final_logit_softcapping", config,
              "final_logit_softcapping");
  add_gemma_scores(fields, config, 46);
}

void add_gemma3(const GgufFields& fields, json& config) {
  add_gemma2(fields, config);
  add_gemma_scores(fields, config, 62);
  config["rope_local_base_freq"] =
      fields.find_number("rope.freq_base_swa").value_or(10000.0);
}

// Files have no key for what llama.cpp takes as a constant. They store by how
// many deviations a sparse layer cuts, config.json the share that falls.
void add_gemma3n(const GgufFields& fields, json& config) {
  add_gemma(fields, config);
  config["rope_local_base_freq"] =
      fields.find_number("rope.freq_base_swa").value_or(10000.0);
  config["final_logit_softcapping"] =
      fields.find_number("final_logit_softcapping").value_or(30.0);
  copy_size(fields, "altup.active_idx", config, "altup_active_idx");
  config["altup_num_inputs"] = fields.require_size("altup.num_inputs");
  config["hidden_size_per_layer_input"] =
      fields.require_size("embedding_length_per_layer_input");
  config["num_kv_shared_layers"] =
      fields.find_size("attention.shared_kv_layers").value_or(0);
  const auto cutoffs =
      fields.file().find_floats(fields.key("activation_sparsity_scale"));
  json shares = json::array();
  for (const float cutoff : cutoffs.value_or(std::vector<float>{})) {
    shares.push_back(0.5 * std::erfc(-cutoff / std::sqrt(2.0)));
  }
  config["activation_sparsity_pattern"] = std::move(shares);
  const auto rows_of = [&](const char* name, const char* field) {
    const StoredTensor* tensor = fields.find_tensor(name);
    if (tensor != nullptr && tensor->shape.size() == 2) {
      config[field] = tensor->shape[0];
    }
  };
  rows_of("per_layer_token_embd.weight", "vocab_size_per_layer_input");
  rows_of("blk.0.laurel_l.weight", "laurel_rank");
}

// Layers that slide and those that see all have heads of their own; the last
// ones may have wider units.
void add_gemma4(const GgufFields& fields, json& config) {
  add_gemma(fields, config);
  copy_number(fields, "final_logit_softcapping", config,
              "final_logit_softcapping");
  config["num_kv_shared_layers"] =
      fields.find_size("attention.shared_kv_layers").value_or(0);
  config["hidden_size_per_layer_input"] =
      fields.find_size("embedding_length_per_layer_input").value_or(0);
  const StoredTensor* inputs =
      fields.find_tensor("per_layer_token_embd.weight");
  if (inputs != nullptr && inputs->shape.size() == 2) {
    config["vocab_size_per_layer_input"] = inputs->shape[0];
  }
  config["global_head_dim"] = config["head_dim"];
  copy_size(fields, "attention.key_length_swa", config, "head_dim");
  const auto units = fields.find_sizes("feed_forward_length");
  if (units && units->size() > 1) {
    config["intermediate_size"] = units->front();
    config["use_double_wide_mlp"] = units->back() == 2 * units->front();
  }
  config["rope_parameters"] = {
      {"full_attention",
       {{"rope_type", "default"}, {"rope_theta", config["rope_theta"]}}},
      {"sliding_attention",
       {{"rope_type", "default"},
        {"rope_theta",
         fields.find_number("rope.freq_base_swa").value_or(10000.0)}}}};
  if (config.contains("num_experts")) {
    config["enable_moe_block"] = true;
    config["top_k_experts"] = config["num_experts_per_tok"];
  }
  const auto heads = fields.find_sizes("attention.head_count_kv");
  const auto types = config.value("layer_types", json::array());
  for (std::size_t i = 0; i < types.size(); ++i) {
    const std::string layer = "blk." + std::to_string(i);
    const bool sees_all = types[i] == "full_attention";
    if (heads && i < heads->size()) {
      config[sees_all ? "num_global_key_value_heads" : "num_key_value_heads"] =
          heads->at(i);
    }
    if (sees_all && fields.find_tensor(layer + ".attn_k.weight") != nullptr) {
      config["attention_k_eq_v"] =
          fields.find_tensor(layer + ".attn_v.weight") == nullptr;
    }
  }
}

void add_cohere(const GgufFields& fields, json& config) {
  copy_number(fields, "logit_scale", config, "logit_scale");
  config["use_qk_norm"] =
      fields.find_tensor("blk.0.attn_q_norm.weight") != nullptr;
}

void add_phi2(const GgufFields& /*fields*/, json& config) {
  config["hidden_act"] = "gelu_new";
  config["qk_layernorm"] = false;
}

// longrope, whose factors are tensors; attn_factor is the amplitude. Files that
// do not say for how many tokens the short ones are, are of models that were
// not extended.
void add_long_rope(const GgufFields& fields, json& config) {
  const std::vector<float> longer = fields.vector("rope_factors_long.weight");
  const std::vector<float> shorter = fields.vector("rope_factors_short.weight");
  auto original = fields.find_size("rope.scaling.original_context_length");
  if (original) config["original_max_position_embeddings"] = *original;
  if (longer.empty() || shorter.empty()) return;
  if (!original) original = fields.find_size("context_length");
  json scaling{{"type", "longrope"},
               {"rope_type", "longrope"},
               {"long_factor", longer},
               {"short_factor", shorter}};
  if (original) scaling["original_max_position_embeddings"] = *original;
  copy_number(fields, "rope.scaling.attn_factor", scaling, "attention_factor");
  config["rope_scaling"] = std::move(scaling);
}

void add_starcoder2(const GgufFields& fields, json& config) {
  copy_number(fields, "attention.layer_norm_epsilon", config, "norm_epsilon");
  config["hidden_act"] = "gelu_pytorch_tanh";
}

void add_gpt2(const GgufFields& fields, json& config) {
  config["n_embd"] = config["hidden_size"];
  config["n_layer"] = config["num_hidden_layers"];
  config["n_head"] = config["num_attention_heads"];
  config["n_inner"] = config["intermediate_size"];
  config["n_positions"] = fields.require_size("context_length");
  config["activation_function"] = "gelu_pytorch_tanh";
  config["multi_query"] = config["num_key_value_heads"] == 1;
  copy_number(fields, "attention.layer_norm_epsilon", config,
              "layer_norm_epsilon");
}

void add_gptneox(const GgufFields& fields, json& config) {
  copy_bool(fields, "use_parallel_residual", config, "use_parallel_residual");
  config["hidden_act"] = "gelu";
}

void add_stablelm(const GgufFields& fields, json& config) {
  copy_bool(fields, "use_parallel_residual", config, "use_parallel_residual");
  config["qk_layernorm"] =
      fields.find_tensor("blk.0.attn_q_norm.weight") != nullptr;
}

void add_deepseek_experts(const GgufFields& fields, json& config) {
  copy_size(fields, "expert_count", config, "n_routed_experts");
  copy_size(fields, "expert_shared_count", config, "n_shared_experts");
  copy_size(fields, "leading_dense_block_count", config,
            "first_k_dense_replace");
  copy_number(fields, "expert_weights_scale", config, "routed_scaling_factor");
  copy_bool(fields, "expert_weights_norm", config, "norm_topk_prob");
  copy_size(fields, "expert_group_count", config, "n_group");
  copy_size(fields, "expert_group_used_count", config, "topk_group");
  config["topk_method"] = config.contains("n_group") ? "noaux_tc" : "greedy";
}

// `key`: numbers of a head's key, the rotated ones among them.
void add_latent_sizes(const GgufFields& fields, json& config,
                      std::int64_t key) {
  const std::int64_t rotated = fields.require_size("rope.dimension_count");
  if (rotated >= key) {
    throw ModelLoadingError("[gguf] " + fields.file().path().string() +
                            ": keys of " + std::to_string(key) +
                            " numbers of which " + std::to_string(rotated) +
                            " are rotated");
  }
  config["qk_rope_head_dim"] = rotated;
  config["qk_nope_head_dim"] = key - rotated;
  config["kv_lora_rank"] = fields.require_size("attention.kv_lora_rank");
  copy_size(fields, "attention.q_lora_rank", config, "q_lora_rank");
  config["num_key_value_heads"] = config["num_attention_heads"];
  config["head_dim"] = key;
  config.erase("partial_rotary_factor");
}

void add_deepseek2(const GgufFields& fields, json& config) {
  add_deepseek_experts(fields, config);
  // 2 is a sigmoid, which the third version has.
  if (fields.find_size("expert_gating_func") == 2) {
    config["model_type"] = "deepseek_v3";
    config["architectures"] = json::array({"DeepseekV3ForCausalLM"});
  }
  // Files for latent attention say of keys and values what the cache holds,
  // and the real sizes apart.
  const bool is_latent = fields.has("attention.key_length_mla");
  add_latent_sizes(fields, config,
                   fields.require_size(is_latent ? "attention.key_length_mla"
                                                 : "attention.key_length"));
  config["v_head_dim"] = fields.require_size(
      is_latent ? "attention.value_length_mla" : "attention.value_length");
  const auto multiplier =
      fields.find_number("rope.scaling.yarn_log_multiplier");
  if (multiplier && config.contains("rope_scaling")) {
    // The converter stores a tenth.
    config["rope_scaling"]["mscale"] = *multiplier * 10;
    config["rope_scaling"]["mscale_all_dim"] = *multiplier * 10;
  }
}

void add_mistral4(const GgufFields& fields, json& config) {
  add_deepseek2(fields, config);
  if (!config.contains("rope_scaling")) return;
  json& scaling = config["rope_scaling"];
  copy_number(fields, "attention.temperature_scale", scaling,
              "llama_4_scaling_beta");
}

// Layers that guess further tokens come last and are not run.
void leave_out_further_layers(const GgufFields& fields, json& config) {
  const auto further = fields.find_size("nextn_predict_layers").value_or(0);
  const std::int64_t layers = config["num_hidden_layers"];
  if (further < layers) config["num_hidden_layers"] = layers - further;
}

bool any_layer_has(const GgufFields& fields, const json& config,
                   const std::string& tensor) {
  const std::int64_t layers = config["num_hidden_layers"];
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string name = "blk." + std::to_string(i) + "." + tensor;
    if (fields.find_tensor(name) != nullptr) return true;
  }
  return false;
}

void add_glm4moe(const GgufFields& fields, json& config) {
  add_deepseek_experts(fields, config);
  config["use_qk_norm"] =
      fields.find_tensor("blk.0.attn_q_norm.weight") != nullptr;
  config["attention_bias"] = true;
  leave_out_further_layers(fields, config);
}

void add_granite(const GgufFields& fields, json& config) {
  copy_number(fields, "embedding_scale", config, "embedding_multiplier");
  copy_number(fields, "residual_scale", config, "residual_multiplier");
  copy_number(fields, "attention.scale", config, "attention_multiplier");
  copy_number(fields, "logit_scale", config, "logits_scaling");
}

// Layers without heads of keys are of the `other` type.
void add_layer_types(const GgufFields& fields, json& config,
                     const char* other) {
  json types = json::array();
  const auto heads = fields.find_sizes("attention.head_count_kv");
  const std::int64_t layers = config["num_hidden_layers"];
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool attends =
        heads && (heads->size() == 1 ||
                  (std::size_t(i) < heads->size() && (*heads)[std::size_t(i)]));
    types.push_back(attends ? "full_attention" : other);
  }
  config["layer_types"] = std::move(types);
}

void add_jamba(const GgufFields& fields, json& config) {
  const std::int64_t hidden = config["hidden_size"];
  config["mamba_expand"] = fields.require_size("ssm.inner_size") / hidden;
  config["mamba_d_state"] = fields.require_size("ssm.state_size");
  config["mamba_dt_rank"] = fields.require_size("ssm.time_step_rank");
  config["mamba_d_conv"] = fields.require_size("ssm.conv_kernel");
  add_layer_types(fields, config, "linear_attention");
  json kinds = json::array();
  for (std::size_t i = 0; i < config["layer_types"].size(); ++i) {
    const std::string router =
        "blk." + std::to_string(i) + ".ffn_gate_inp.weight";
    kinds.push_back(fields.find_tensor(router) != nullptr ? "sparse" : "dense");
  }
  config["mlp_layer_types"] = std::move(kinds);
}

void add_lfm2(const GgufFields& fields, json& config) {
  copy_number(fields, "attention.layer_norm_rms_epsilon", config, "norm_eps");
  config["conv_L_cache"] = fields.require_size("shortconv.l_cache");
  config["block_auto_adjust_ff_dim"] = false;
  add_layer_types(fields, config, "conv");
}

// Of state spaces beside attention, under the names that both families share.
void add_state_space(const GgufFields& fields, json& config) {
  const std::int64_t inner = fields.require_size("ssm.inner_size");
  const std::int64_t heads = fields.require_size("ssm.time_step_rank");
  config["mamba_n_heads"] = heads;
  config["mamba_d_head"] = inner / heads;
  config["mamba_d_state"] = fields.require_size("ssm.state_size");
  config["mamba_d_conv"] = fields.require_size("ssm.conv_kernel");
  config["mamba_n_groups"] = fields.find_size("ssm.group_count").value_or(1);
}

// State spaces among layers of attention. Files do not say how many numbers the
// unit has that experts share, if there are none.
void add_granite_hybrid(const GgufFields& fields, json& config) {
  add_granite(fields, config);
  if (!config.contains("attention_multiplier")) {
    config["attention_multiplier"] =
        1 / std::sqrt(config["head_dim"].get<double>());
  }
  add_layer_types(fields, config, "mamba");
  add_state_space(fields, config);
  const StoredTensor* unit = fields.find_tensor("blk.0.ffn_gate.weight");
  config["shared_intermediate_size"] =
      unit != nullptr && unit->shape.size() == 2
          ? unit->shape[0]
          : fields.require_size("expert_shared_feed_forward_length");
  const auto rotates =
      fields.file().find_bool(fields.key("rope.scaling.finetuned"));
  config["position_embedding_type"] = rotates.value_or(true) ? "rope" : "nope";
}

// The converter multiplies all factors into the weights.
void add_falcon_h1(const GgufFields& fields, json& config) {
  add_state_space(fields, config);
  config["mamba_d_ssm"] = fields.require_size("ssm.inner_size");
  config["mamba_rms_norm"] =
      fields.find_tensor("blk.0.ssm_norm.weight") != nullptr;
  config["mamba_norm_before_gate"] = false;
}

void add_gpt_oss(const GgufFields& fields, json& config) {
  config["intermediate_size"] =
      fields.require_size("expert_feed_forward_length");
  config["attention_bias"] = true;
  if (config.contains("rope_scaling")) {
    config["rope_scaling"]["truncate"] = false;
  }
}

void add_mamba2(const GgufFields& fields, json& config) {
  const std::int64_t heads = fields.require_size("ssm.time_step_rank");
  const std::int64_t inner = fields.require_size("ssm.inner_size");
  config["num_heads"] = heads;
  config["head_dim"] = inner / heads;
  config["state_size"] = fields.require_size("ssm.state_size");
  config["conv_kernel"] = fields.require_size("ssm.conv_kernel");
  config["n_groups"] = fields.find_size("ssm.group_count").value_or(1);
  config["layer_norm_epsilon"] = config["rms_norm_eps"];
}

// Version 1, which has this vocabulary, is Llama but for the larger model,
// which has ALiBi; version 2 scales its head.
void add_baichuan(const GgufFields& /*fields*/, json& config) {
  constexpr std::int64_t kLayersOf13B = 40;
  constexpr std::int64_t kVocabularyOfVersion1 = 64000;
  const bool first = config.value("vocab_size", kVocabularyOfVersion1) ==
                     kVocabularyOfVersion1;
  if (first && config["num_hidden_layers"] != kLayersOf13B) return;
  config["model_type"] = "baichuan";
  config["architectures"] = json::array({"BaichuanForCausalLM"});
}

void add_token_types(const GgufFields& fields, json& config) {
  const StoredTensor* types = fields.find_tensor("token_types.weight");
  // One type is stored as a vector.
  config["type_vocab_size"] =
      types != nullptr && types->shape.size() == 2 ? types->shape[0] : 1;
}

void add_bert(const GgufFields& fields, json& config) {
  config["hidden_act"] = "gelu";
  add_token_types(fields, config);
}

void add_ernie_moe(const GgufFields& fields, json& config) {
  config["moe_num_experts"] = fields.require_size("expert_count");
  config["moe_k"] = fields.require_size("expert_used_count");
  copy_size(fields, "expert_shared_count", config, "moe_num_shared_experts");
  copy_size(fields, "leading_dense_block_count", config,
            "moe_layer_start_index");
  copy_size(fields, "interleave_moe_layer_step", config, "moe_layer_interval");
}

void add_exaone(const GgufFields& /*fields*/, json& config) {
  config["num_layers"] = config["num_hidden_layers"];
  config["layer_norm_epsilon"] = config["rms_norm_eps"];
  config["activation_function"] = "silu";
}

// The larger model has windows, which its first files do not mention.
void add_exaone4(const GgufFields& /*fields*/, json& config) {
  constexpr std::int64_t kLayersOf32B = 64;
  if (config.contains("sliding_window")) return;
  config["sliding_window"] =
      config["num_hidden_layers"] == kLayersOf32B ? json(4096) : json(nullptr);
}

void add_mamba(const GgufFields& fields, json& config) {
  config["intermediate_size"] = fields.require_size("ssm.inner_size");
  config["state_size"] = fields.require_size("ssm.state_size");
  config["time_step_rank"] = fields.require_size("ssm.time_step_rank");
  config["conv_kernel"] = fields.require_size("ssm.conv_kernel");
  config["layer_norm_epsilon"] = config["rms_norm_eps"];
  if (fields.file().find_bool(fields.key("ssm.dt_b_c_rms")).value_or(false)) {
    config["model_type"] = "falcon_mamba";
    config["architectures"] = json::array({"FalconMambaForCausalLM"});
  }
}

// Files that say nothing are of the first models, whose numbers these are.
void add_minicpm(const GgufFields& fields, json& config) {
  const double layers = config["num_hidden_layers"];
  const double hidden = config["hidden_size"];
  config["scale_emb"] = fields.find_number("embedding_scale").value_or(12);
  config["scale_depth"] =
      fields.find_number("residual_scale").value_or(1.4 / std::sqrt(layers)) *
      std::sqrt(layers);
  config["dim_model_base"] =
      hidden / fields.find_number("logit_scale").value_or(hidden / 256);
  add_long_rope(fields, config);
}

// Latent attention; values are as long as what the last product takes.
void add_minicpm3(const GgufFields& fields, json& config) {
  add_minicpm(fields, config);
  add_latent_sizes(fields, config, fields.require_size("attention.key_length"));
  const StoredTensor* product = fields.find_tensor("blk.0.attn_output.weight");
  const std::int64_t heads = config["num_attention_heads"];
  if (product != nullptr && product->shape.size() == 2) {
    config["v_head_dim"] = product->shape[1] / heads;
  }
}

void add_nemotron(const GgufFields& fields, json& config) {
  config["hidden_act"] = "relu2";
  copy_number(fields, "attention.layer_norm_epsilon", config, "norm_eps");
}

void add_olmo(const GgufFields& fields, json& config) {
  copy_number(fields, "attention.clamp_kqv", config, "clip_qkv");
}

// Norms have 1 added, which models of GGUF files know; which layers are without
// experts, the tensors say.
void add_qwen3_next(const GgufFields& fields, json& config) {
  const std::int64_t heads = fields.require_size("ssm.time_step_rank");
  const std::int64_t inner = fields.require_size("ssm.inner_size");
  config["linear_num_key_heads"] = fields.require_size("ssm.group_count");
  config["linear_num_value_heads"] = heads;
  config["linear_key_head_dim"] = fields.require_size("ssm.state_size");
  config["linear_value_head_dim"] = inner / heads;
  config["linear_conv_kernel_dim"] = fields.require_size("ssm.conv_kernel");
  copy_size(fields, "full_attention_interval", config,
            "full_attention_interval");
  json dense = json::array();
  const std::int64_t layers = config["num_hidden_layers"];
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string router =
        "blk." + std::to_string(i) + ".ffn_gate_inp.weight";
    if (fields.find_tensor(router) == nullptr) dense.push_back(i);
  }
  config["mlp_only_layers"] = std::move(dense);
}

// Trinity scales its embeddings; files do not say so.
void add_afmoe(const GgufFields& fields, json& config) {
  copy_size(fields, "leading_dense_block_count", config, "num_dense_layers");
  copy_size(fields, "expert_shared_count", config, "num_shared_experts");
  copy_bool(fields, "expert_weights_norm", config, "route_norm");
  copy_number(fields, "expert_weights_scale", config, "route_scale");
  config["score_func"] = fields.find_size("expert_gating_func").value_or(2) == 1
                             ? "softmax"
                             : "sigmoid";
  config["mup_enabled"] = true;
}

// What each layer's activation has learned.
void add_apertus(const GgufFields& fields, json& config) {
  config["hidden_act"] = "xielu";
  // By how much pairs turn more slowly is a tensor.
  config["rope_scaling"] = {{"rope_type", "default"}};
  for (const char* name : {"alpha_p", "alpha_n", "beta", "eps"}) {
    const std::string key = std::string("xielu.") + name;
    // No key of a family, but of all files.
    const auto values = fields.file().find_floats(key);
    if (values) config[std::string("xielu_") + name] = *values;
  }
}

void add_squared_relu(const GgufFields& /*fields*/, json& config) {
  config["hidden_act"] = "relu2";
}

// The first version chooses by softmax, the second by sigmoids.
void add_bailing(const GgufFields& fields, json& config) {
  copy_size(fields, "leading_dense_block_count", config,
            "first_k_dense_replace");
  copy_size(fields, "expert_shared_count", config, "num_shared_experts");
  copy_number(fields, "expert_weights_scale", config, "routed_scaling_factor");
  copy_bool(fields, "expert_weights_norm", config, "norm_topk_prob");
  copy_size(fields, "expert_group_count", config, "n_group");
  copy_size(fields, "expert_group_used_count", config, "topk_group");
  const std::int64_t otherwise =
      config["architectures"][0] == "BailingMoeForCausalLM" ? 1 : 2;
  config["score_function"] =
      fields.find_size("expert_gating_func").value_or(otherwise) == 1
          ? "softmax"
          : "sigmoid";
  config["use_qk_norm"] =
      fields.find_tensor("blk.0.attn_q_norm.weight") != nullptr;
  // The field counts what all shared experts have together.
  const auto shared = fields.find_size("expert_shared_feed_forward_length");
  const auto count = fields.find_size("expert_shared_count");
  if (shared && count && *count > 0) {
    config["moe_shared_expert_intermediate_size"] = *shared / *count;
  }
  leave_out_further_layers(fields, config);
}

void add_bloom(const GgufFields& /*fields*/, json& config) {
  config["layer_norm_epsilon"] = config["layer_norm_eps"];
}

void add_dots1(const GgufFields& fields, json& config) {
  add_deepseek_experts(fields, config);
  if (!fields.has("leading_dense_block_count")) {
    config["first_k_dense_replace"] = 0;
  }
}

void add_falcon(const GgufFields& fields, json& config) {
  config["num_kv_heads"] = config["num_key_value_heads"];
  config["multi_query"] = config["num_key_value_heads"] == 1;
  config["new_decoder_architecture"] =
      fields.find_tensor("blk.0.attn_norm_2.weight") != nullptr;
  config["parallel_attn"] = true;
  config["alibi"] = false;
  config["ffn_hidden_size"] = config["intermediate_size"];
  config["layer_norm_epsilon"] = config["layer_norm_eps"];
}

void add_hunyuan(const GgufFields& fields, json& config) {
  config["use_qk_norm"] =
      fields.find_tensor("blk.0.attn_q_norm.weight") != nullptr;
  if (!config.contains("num_experts")) return;
  config["moe_topk"] = config["num_experts_per_tok"];
  const auto shared = fields.find_size("expert_shared_count").value_or(0);
  config["num_shared_expert"] = shared;
  config["use_mixed_mlp_moe"] = shared > 0;
  copy_size(fields, "expert_shared_feed_forward_length", config,
            "intermediate_size");
}

// What files do not say, llama.cpp has as constants: of four layers one sees
// all and does not rotate, the others see 8192 tokens.
void add_llama4(const GgufFields& fields, json& config) {
  constexpr std::int64_t kStep = 4;
  constexpr std::int64_t kChunk = 8192;
  constexpr std::int64_t kExpertsWithoutNorm = 128;
  config["intermediate_size_mlp"] = config["intermediate_size"];
  copy_size(fields, "expert_feed_forward_length", config, "intermediate_size");
  copy_size(fields, "interleave_moe_layer_step", config,
            "interleave_moe_layer_step");
  config["attention_chunk_size"] =
      fields.find_size("attention.sliding_window").value_or(kChunk);
  config.erase("sliding_window");
  const auto slides = fields.find_sizes("attention.sliding_window_pattern");
  json rotates = json::array();
  json types = json::array();
  const std::int64_t layers = config["num_hidden_layers"];
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool local = slides && std::ssize(*slides) == layers
                           ? (*slides)[static_cast<std::size_t>(i)] != 0
                           : (i + 1) % kStep != 0;
    rotates.push_back(local ? 1 : 0);
    types.push_back(local ? "chunked_attention" : "full_attention");
  }
  config["no_rope_layers"] = std::move(rotates);
  config["layer_types"] = std::move(types);
  config["floor_scale"] =
      fields.find_size("attention.temperature_length").value_or(kChunk);
  config["attn_scale"] =
      fields.find_number("attention.temperature_scale").value_or(0.1);
  config["use_qk_norm"] =
      config.value("num_experts", std::int64_t{0}) != kExpertsWithoutNorm;
}

void add_lfm2_moe(const GgufFields& fields, json& config) {
  add_lfm2(fields, config);
  copy_size(fields, "leading_dense_block_count", config, "num_dense_layers");
  config["norm_topk_prob"] = true;
  config["use_expert_bias"] = any_layer_has(fields, config, "exp_probs_b.bias");
}

void add_minimax(const GgufFields& fields, json& config) {
  copy_size(fields, "expert_feed_forward_length", config, "intermediate_size");
  copy_size(fields, "rope.dimension_count", config, "rotary_dim");
}

void add_ministral3(const GgufFields& fields, json& config) {
  if (!config.contains("rope_scaling")) return;
  json& scaling = config["rope_scaling"];
  copy_number(fields, "attention.temperature_scale", scaling,
              "llama_4_scaling_beta");
  copy_number(fields, "rope.scaling.yarn_log_multiplier", scaling,
              "mscale_all_dim");
  if (scaling.contains("mscale_all_dim")) {
    scaling["mscale"] = scaling["mscale_all_dim"];
  }
}

void add_exaone_moe(const GgufFields& fields, json& config) {
  add_deepseek_experts(fields, config);
  copy_size(fields, "expert_shared_count", config, "num_shared_experts");
  leave_out_further_layers(fields, config);
}

void add_modern_bert(const GgufFields& fields, json& config) {
  config["norm_eps"] = config["layer_norm_eps"];
  config["hidden_activation"] = std::string(
      fields.file().find_string(fields.key("hidden_act")).value_or("gelu"));
  config["local_attention"] =
      fields.find_size("attention.sliding_window").value_or(128);
  config["global_attn_every_n_layers"] =
      config.value("sliding_window_pattern", std::int64_t{3});
  config["global_rope_theta"] =
      fields.find_number("rope.freq_base").value_or(160000.0);
  config["local_rope_theta"] =
      fields.find_number("rope.freq_base_swa").value_or(10000.0);
}

void add_mpt(const GgufFields& fields, json& config) {
  config["d_model"] = config["hidden_size"];
  config["n_layers"] = config["num_hidden_layers"];
  config["n_heads"] = config["num_attention_heads"];
  config["expansion_ratio"] = config["intermediate_size"].get<std::int64_t>() /
                              config["hidden_size"].get<std::int64_t>();
  config["layer_norm_epsilon"] = config["layer_norm_eps"];
  json attention = json::object();
  copy_number(fields, "attention.clamp_kqv", attention, "clip_qkv");
  const double bias =
      fields.find_number("attention.max_alibi_bias").value_or(8);
  attention["alibi"] = bias > 0;
  attention["alibi_bias_max"] = bias;
  config["attn_config"] = std::move(attention);
}

// Which layer is of which kind, its sizes say: heads of keys, rows of a unit,
// or neither.
void add_nemotron_h(const GgufFields& fields, json& config) {
  const auto heads = fields.find_sizes("attention.head_count_kv");
  const auto units = fields.find_sizes("feed_forward_length");
  const auto at = [](const auto& sizes, std::int64_t layer) {
    const auto index = static_cast<std::size_t>(layer);
    return sizes && index < sizes->size() ? (*sizes)[index] : std::int64_t{0};
  };
  std::string pattern;
  const std::int64_t layers = config["num_hidden_layers"];
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string router =
        "blk." + std::to_string(i) + ".ffn_gate_inp.weight";
    pattern += at(heads, i) > 0                        ? '*'
               : fields.find_tensor(router) != nullptr ? 'E'
               : at(units, i) > 0                      ? '-'
                                                       : 'M';
  }
  config["hybrid_override_pattern"] = std::move(pattern);
  const std::int64_t inner = fields.require_size("ssm.inner_size");
  const std::int64_t space_heads = fields.require_size("ssm.time_step_rank");
  config["mamba_num_heads"] = space_heads;
  config["mamba_head_dim"] = inner / space_heads;
  config["ssm_state_size"] = fields.require_size("ssm.state_size");
  config["conv_kernel"] = fields.require_size("ssm.conv_kernel");
  config["n_groups"] = fields.find_size("ssm.group_count").value_or(1);
  config["layer_norm_epsilon"] = config["rms_norm_eps"];
  config["mlp_hidden_act"] = "relu2";
  if (!config.contains("num_experts")) return;
  config["n_routed_experts"] = config["num_experts"];
  copy_bool(fields, "expert_weights_norm", config, "norm_topk_prob");
  copy_number(fields, "expert_weights_scale", config, "routed_scaling_factor");
  copy_size(fields, "expert_group_count", config, "n_group");
  copy_size(fields, "expert_group_used_count", config, "topk_group");
  copy_size(fields, "expert_shared_feed_forward_length", config,
            "moe_shared_expert_intermediate_size");
}

void add_qwen(const GgufFields& /*fields*/, json& config) {
  config["layer_norm_epsilon"] = config["rms_norm_eps"];
}

struct Family {
  std::string_view name;
  void (*add)(const GgufFields&, json&);
};

constexpr Family kFamilies[] = {
    {"afmoe", add_afmoe},
    {"apertus", add_apertus},
    {"arcee", add_squared_relu},
    {"baichuan", add_baichuan},
    {"bailingmoe", add_bailing},
    {"bailingmoe2", add_bailing},
    {"bert", add_bert},
    {"bloom", add_bloom},
    {"cohere2", add_cohere},
    {"command-r", add_cohere},
    {"deepseek", add_deepseek_experts},
    {"deepseek2", add_deepseek2},
    {"dots1", add_dots1},
    {"ernie4_5-moe", add_ernie_moe},
    {"exaone", add_exaone},
    {"exaone-moe", add_exaone_moe},
    {"exaone4", add_exaone4},
    {"falcon", add_falcon},
    {"falcon-h1", add_falcon_h1},
    {"gemma", add_gemma},
    {"gemma2", add_gemma2},
    {"gemma3", add_gemma3},
    {"gemma3n", add_gemma3n},
    {"gemma4", add_gemma4},
    {"glm4moe", add_glm4moe},
    {"gpt-oss", add_gpt_oss},
    {"gpt2", add_gpt2},
    {"gptneox", add_gptneox},
    {"granite", add_granite},
    {"granitehybrid", add_granite_hybrid},
    {"granitemoe", add_granite},
    {"hunyuan-dense", add_hunyuan},
    {"hunyuan-moe", add_hunyuan},
    {"jais2", add_squared_relu},
    {"jamba", add_jamba},
    {"lfm2", add_lfm2},
    {"lfm2moe", add_lfm2_moe},
    {"llama4", add_llama4},
    {"mamba", add_mamba},
    {"mamba2", add_mamba2},
    {"minicpm", add_minicpm},
    {"minicpm3", add_minicpm3},
    {"minimax-m2", add_minimax},
    {"mistral3", add_ministral3},
    {"mistral4", add_mistral4},
    {"modern-bert", add_modern_bert},
    {"mpt", add_mpt},
    {"nemotron", add_nemotron},
    {"nemotron_h", add_nemotron_h},
    {"nemotron_h_moe", add_nemotron_h},
    {"nomic-bert", add_token_types},
    {"olmo", add_olmo},
    {"phi2", add_phi2},
    {"phi3", add_long_rope},
    {"phimoe", add_long_rope},
    {"qwen", add_qwen},
    {"qwen3next", add_qwen3_next},
    {"stablelm", add_stablelm},
    {"starcoder", add_gpt2},
    {"starcoder2", add_starcoder2},
};

}  // namespace

void add_family_fields(const GgufFields& fields,
                       const GgufArchitecture& architecture, json& config) {
  for (const Family& family : kFamilies) {
    if (family.name == architecture.name) family.add(fields, config);
  }
}

}  // namespace abstractllm::io
