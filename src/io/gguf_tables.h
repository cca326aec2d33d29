// Names of tensors in GGUF files and in checkpoints, a table for each shape of
// architectures.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/gguf_names.h"

namespace abstractllm::io::gguf_tables {

inline constexpr GgufNameRow kPhi2ModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.final_layernorm"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kLfm2ModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"token_embd_norm", "model.embedding_norm"},
    {"output_norm", "model.embedding_norm"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kGemma3nModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"per_layer_token_embd", "model.embed_tokens_per_layer"},
    {"per_layer_model_proj", "model.per_layer_model_projection"},
    {"per_layer_proj_norm", "model.per_layer_projection_norm"},
    {"altup_proj", "model.altup_projections"},
    {"altup_unembd_proj", "model.altup_unembed_projections"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kGpt2ModelNames[] = {
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kNeoxModelNames[] = {
    {"token_embd", "gpt_neox.embed_in"},
    {"output_norm", "gpt_neox.final_layer_norm"},
    {"output", "embed_out"},
};

inline constexpr GgufNameRow kBailingModelNames[] = {
    {"token_embd", "model.word_embeddings"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kFalconModelNames[] = {
    {"token_embd", "transformer.word_embeddings"},
    {"token_embd_norm", "transformer.word_embeddings_layernorm"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kMptModelNames[] = {
    {"token_embd", "transformer.wte"},
    {"output_norm", "transformer.norm_f"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kBertModelNames[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
};

inline constexpr GgufNameRow kModernBertModelNames[] = {
    {"token_embd", "embeddings.tok_embeddings"},
    {"token_embd_norm", "embeddings.norm"},
    {"output_norm", "final_norm"},
};

inline constexpr GgufNameRow kNomicBertModelNames[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "emb_ln"},
};

inline constexpr GgufNameRow kExaoneModelNames[] = {
    {"token_embd", "transformer.wte"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
};

inline constexpr GgufNameRow kMambaModelNames[] = {
    {"token_embd", "backbone.embeddings"},
    {"output_norm", "backbone.norm_f"},
    {"output", "lm_head"},
};

// What most layers have.
#define ABSTRACTLLM_ATTENTION                                         \
  {"attn_norm", "input_layernorm"}, {"attn_q", "self_attn.q_proj"},   \
      {"attn_k", "self_attn.k_proj"}, {"attn_v", "self_attn.v_proj"}, \
      {"attn_output", "self_attn.o_proj"},                            \
      {"attn_q_norm", "self_attn.q_norm"}, {                          \
    "attn_k_norm", "self_attn.k_norm"                                 \
  }
#define ABSTRACTLLM_MLP                                       \
  {"ffn_gate", "mlp.gate_proj"}, {"ffn_up", "mlp.up_proj"}, { \
    "ffn_down", "mlp.down_proj"                               \
  }
#define ABSTRACTLLM_LATENT_ATTENTION                     \
  {"attn_q_a", "self_attn.q_a_proj"},                    \
      {"attn_q_a_norm", "self_attn.q_a_layernorm"},      \
      {"attn_q_b", "self_attn.q_b_proj"},                \
      {"attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"}, \
      {"attn_kv_a_norm", "self_attn.kv_a_layernorm"},    \
      {"attn_kv_b", "self_attn.kv_b_proj"},              \
      {"attn_k_b", "self_attn.kv_b_proj.k_b"}, {         \
    "attn_v_b", "self_attn.kv_b_proj.v_b"                \
  }
#define ABSTRACTLLM_EXPERTS(prefix)                   \
  {"ffn_gate_exps", prefix "switch_mlp.gate_proj"},   \
      {"ffn_up_exps", prefix "switch_mlp.up_proj"}, { \
    "ffn_down_exps", prefix "switch_mlp.down_proj"    \
  }
#define ABSTRACTLLM_SHARED(prefix)                                            \
  {"ffn_gate_shexp", prefix "gate_proj"}, {"ffn_up_shexp", prefix "up_proj"}, \
  {                                                                           \
    "ffn_down_shexp", prefix "down_proj"                                      \
  }

inline constexpr GgufNameRow kLlamaNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "block_sparse_moe.gate"},
    ABSTRACTLLM_EXPERTS("block_sparse_moe."),
};

inline constexpr GgufNameRow kQwenMoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    ABSTRACTLLM_EXPERTS("mlp."),
    {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    ABSTRACTLLM_SHARED("mlp.shared_expert."),
};

// The first files have queries, keys, values and gates in one, as published.
inline constexpr GgufNameRow kQwen3NextNames[] = {
    ABSTRACTLLM_ATTENTION,
    {"ssm_in", "linear_attn.in_proj_qkvz"},
    {"attn_qkv", "linear_attn.in_proj_qkv"},
    {"attn_gate", "linear_attn.in_proj_z"},
    {"ssm_ba", "linear_attn.in_proj_ba"},
    {"ssm_conv1d", "linear_attn.conv1d"},
    {"ssm_dt.bias", "linear_attn.dt_bias", true},
    {"ssm_a", "linear_attn.A_log", true},
    {"ssm_norm", "linear_attn.norm"},
    {"ssm_out", "linear_attn.out_proj"},
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    ABSTRACTLLM_EXPERTS("mlp."),
    {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    ABSTRACTLLM_SHARED("mlp.shared_expert."),
};

inline constexpr GgufNameRow kGlm4MoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"exp_probs_b.bias", "mlp.gate.e_score_correction_bias", true},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

inline constexpr GgufNameRow kDeepseekNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    ABSTRACTLLM_LATENT_ATTENTION,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"exp_probs_b.bias", "mlp.gate.e_score_correction_bias", true},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

// Gates and what they gate in one stack, or each by itself.
inline constexpr GgufNameRow kMistral4Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    ABSTRACTLLM_LATENT_ATTENTION,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"ffn_gate_up_exps.weight", "mlp.experts.gate_up_proj", true},
    {"ffn_gate_exps", "mlp.experts.gate_proj"},
    {"ffn_up_exps", "mlp.experts.up_proj"},
    {"ffn_down_exps.weight", "mlp.experts.down_proj", true},
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

inline constexpr GgufNameRow kErnieMoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"exp_probs_b.bias", "mlp.moe_statics.e_score_correction_bias", true},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

inline constexpr GgufNameRow kGraniteMoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "block_sparse_moe.router.layer"},
    ABSTRACTLLM_EXPERTS("block_sparse_moe."),
};

#define ABSTRACTLLM_STATE_SPACE                                               \
  {"ssm_in", "mamba.in_proj"}, {"ssm_conv1d", "mamba.conv1d"},                \
      {"ssm_dt.bias", "mamba.dt_bias", true}, {"ssm_a", "mamba.A_log", true}, \
      {"ssm_d", "mamba.D", true}, {"ssm_norm", "mamba.norm"}, {               \
    "ssm_out", "mamba.out_proj"                                               \
  }

// The shared unit has the same name with experts and alone.
inline constexpr GgufNameRow kGraniteHybridNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_STATE_SPACE,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "block_sparse_moe.router.layer"},
    ABSTRACTLLM_EXPERTS("block_sparse_moe."),
    ABSTRACTLLM_SHARED("mlp."),
};

inline constexpr GgufNameRow kFalconH1Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_STATE_SPACE,
    {"ffn_norm", "pre_ff_layernorm.weight", true},  // llama.cpp's own slip
    {"ffn_norm.weight", "pre_ff_layernorm.weight", true},
    {"ffn_gate", "feed_forward.gate_proj"},
    {"ffn_up", "feed_forward.up_proj"},
    {"ffn_down", "feed_forward.down_proj"},
};

inline constexpr GgufNameRow kGptOssNames[] = {
    ABSTRACTLLM_ATTENTION,
    {"attn_sinks.weight", "self_attn.sinks", true},
    {"attn_sinks", "self_attn.sinks", true},
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.router"},
    {"ffn_gate_exps", "mlp.experts.gate_proj"},
    {"ffn_up_exps", "mlp.experts.up_proj"},
    {"ffn_down_exps", "mlp.experts.down_proj"},
};

inline constexpr GgufNameRow kGemma2Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

inline constexpr GgufNameRow kGemma3nNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
    {"inp_gate", "per_layer_input_gate"},
    {"proj", "per_layer_projection"},
    {"post_norm", "post_per_layer_input_norm"},
    {"altup_correct_coef", "altup.correction_coefs"},
    {"altup_correct_scale.weight", "altup.correct_output_scale", true},
    {"altup_predict_coef", "altup.prediction_coefs"},
    {"altup_router", "altup.modality_router"},
    {"altup_router_norm", "altup.router_norm"},
    {"laurel_l", "laurel.linear_left"},
    {"laurel_r", "laurel.linear_right"},
    {"laurel_post_norm", "laurel.post_laurel_norm"},
};

inline constexpr GgufNameRow kGemma4Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
    {"post_ffw_norm_1", "post_feedforward_layernorm_1"},
    {"pre_ffw_norm_2", "pre_feedforward_layernorm_2"},
    {"post_ffw_norm_2", "post_feedforward_layernorm_2"},
    {"ffn_gate_inp", "router.proj"},
    {"ffn_gate_inp.scale", "router.scale", true},
    {"ffn_gate_up_exps", "experts.gate_up_proj"},
    {"ffn_down_exps", "experts.down_proj"},
    {"ffn_down_exps.scale", "router.per_expert_scale", true},
    {"inp_gate", "per_layer_input_gate"},
    {"proj", "per_layer_projection"},
    {"post_norm", "post_per_layer_input_norm"},
    {"layer_output_scale.weight", "layer_scalar", true},
};

inline constexpr GgufNameRow kOlmo2Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

inline constexpr GgufNameRow kGlm4Names[] = {
    ABSTRACTLLM_ATTENTION,
    {"post_attention_norm", "post_self_attn_layernorm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.gate_up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"post_ffw_norm", "post_mlp_layernorm"},
};

inline constexpr GgufNameRow kPhi3Names[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_qkv", "self_attn.qkv_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.gate_up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

inline constexpr GgufNameRow kPhi2Names[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.dense"},
    {"ffn_up", "mlp.fc1"},
    {"ffn_down", "mlp.fc2"},
};

inline constexpr GgufNameRow kStarcoder2Names[] = {
    ABSTRACTLLM_ATTENTION,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.c_fc"},
    {"ffn_down", "mlp.c_proj"},
};

inline constexpr GgufNameRow kStablelmNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_layernorm"},
    {"attn_k_norm", "self_attn.k_layernorm"},
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
};

inline constexpr GgufNameRow kGpt2Names[] = {
    {"attn_norm", "ln_1"},          {"attn_qkv", "attn.c_attn"},
    {"attn_output", "attn.c_proj"}, {"ffn_norm", "ln_2"},
    {"ffn_up", "mlp.c_fc"},         {"ffn_down", "mlp.c_proj"},
};

inline constexpr GgufNameRow kNeoxNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_qkv", "attention.query_key_value"},
    {"attn_output", "attention.dense"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.dense_h_to_4h"},
    {"ffn_down", "mlp.dense_4h_to_h"},
};

inline constexpr GgufNameRow kLfm2Names[] = {
    {"attn_norm", "operator_norm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.out_proj"},
    {"attn_q_norm", "self_attn.q_layernorm"},
    {"attn_k_norm", "self_attn.k_layernorm"},
    {"shortconv.in_proj", "conv.in_proj"},
    {"shortconv.conv", "conv.conv"},
    {"shortconv.out_proj", "conv.out_proj"},
    {"ffn_norm", "ffn_norm"},
    {"ffn_gate", "feed_forward.w1"},
    {"ffn_up", "feed_forward.w3"},
    {"ffn_down", "feed_forward.w2"},
    {"ffn_gate_inp", "feed_forward.gate"},
    {"exp_probs_b.bias", "feed_forward.expert_bias", true},
    ABSTRACTLLM_EXPERTS("feed_forward."),
};

inline constexpr GgufNameRow kBertNames[] = {
    {"attn_q", "attention.self.query"},
    {"attn_k", "attention.self.key"},
    {"attn_v", "attention.self.value"},
    {"attn_output", "attention.output.dense"},
    {"attn_output_norm", "attention.output.LayerNorm"},
    {"ffn_up", "intermediate.dense"},
    {"ffn_down", "output.dense"},
    {"layer_output_norm", "output.LayerNorm"},
};

inline constexpr GgufNameRow kNomicBertNames[] = {
    {"attn_qkv", "attn.Wqkv"},      {"attn_output", "attn.out_proj"},
    {"attn_output_norm", "norm1"},  {"ffn_up", "mlp.fc11"},
    {"ffn_gate", "mlp.fc12"},       {"ffn_down", "mlp.fc2"},
    {"layer_output_norm", "norm2"},
};

inline constexpr GgufNameRow kExaoneNames[] = {
    {"attn_norm", "ln_1"},
    {"attn_q", "attn.attention.q_proj"},
    {"attn_k", "attn.attention.k_proj"},
    {"attn_v", "attn.attention.v_proj"},
    {"attn_output", "attn.attention.out_proj"},
    {"ffn_norm", "ln_2"},
    {"ffn_gate", "mlp.c_fc_0"},
    {"ffn_up", "mlp.c_fc_1"},
    {"ffn_down", "mlp.c_proj"},
};

inline constexpr GgufNameRow kJambaNames[] = {
    ABSTRACTLLM_ATTENTION,
    {"ssm_in", "mamba.in_proj"},
    {"ssm_conv1d", "mamba.conv1d"},
    {"ssm_x", "mamba.x_proj"},
    {"ssm_dt", "mamba.dt_proj"},
    {"ssm_dt_norm", "mamba.dt_layernorm"},
    {"ssm_b_norm", "mamba.b_layernorm"},
    {"ssm_c_norm", "mamba.c_layernorm"},
    {"ssm_a", "mamba.A_log", true},
    {"ssm_d", "mamba.D", true},
    {"ssm_out", "mamba.out_proj"},
    {"ffn_norm", "pre_ff_layernorm"},
    {"ffn_gate", "feed_forward.gate_proj"},
    {"ffn_up", "feed_forward.up_proj"},
    {"ffn_down", "feed_forward.down_proj"},
    {"ffn_gate_inp", "feed_forward.router"},
    ABSTRACTLLM_EXPERTS("feed_forward."),
};

inline constexpr GgufNameRow kMambaNames[] = {
    {"attn_norm", "norm"},          {"ssm_in", "mixer.in_proj"},
    {"ssm_conv1d", "mixer.conv1d"}, {"ssm_x", "mixer.x_proj"},
    {"ssm_dt", "mixer.dt_proj"},    {"ssm_a", "mixer.A_log", true},
    {"ssm_d", "mixer.D", true},     {"ssm_out", "mixer.out_proj"},
};

inline constexpr GgufNameRow kMamba2Names[] = {
    {"attn_norm", "norm"},          {"ssm_in", "mixer.in_proj"},
    {"ssm_conv1d", "mixer.conv1d"}, {"ssm_dt.bias", "mixer.dt_bias", true},
    {"ssm_a", "mixer.A_log", true}, {"ssm_d", "mixer.D", true},
    {"ssm_norm", "mixer.norm"},     {"ssm_out", "mixer.out_proj"},
};

inline constexpr GgufNameRow kLlama4Names[] = {
    ABSTRACTLLM_ATTENTION,
    {"ffn_gate", "feed_forward.gate_proj"},
    {"ffn_up", "feed_forward.up_proj"},
    {"ffn_down", "feed_forward.down_proj"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "feed_forward.router"},
    {"ffn_gate_exps", "feed_forward.experts.gate_proj"},
    {"ffn_up_exps", "feed_forward.experts.up_proj"},
    {"ffn_down_exps", "feed_forward.experts.down_proj"},
    ABSTRACTLLM_SHARED("feed_forward.shared_expert."),
};

inline constexpr GgufNameRow kHunyuanNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.query_layernorm"},
    {"attn_k_norm", "self_attn.key_layernorm"},
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate.wg"},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_mlp."),
};

inline constexpr GgufNameRow kMinimaxNames[] = {
    ABSTRACTLLM_ATTENTION,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "block_sparse_moe.gate"},
    {"exp_probs_b.bias", "block_sparse_moe.e_score_correction_bias", true},
    ABSTRACTLLM_EXPERTS("block_sparse_moe."),
};

inline constexpr GgufNameRow kBailingNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_qkv", "attention.query_key_value"},
    {"attn_output", "attention.dense"},
    {"attn_q_norm", "attention.query_layernorm"},
    {"attn_k_norm", "attention.key_layernorm"},
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"exp_probs_b.bias", "mlp.gate.expert_bias", true},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

// The first version has queries, keys and values apart.
inline constexpr GgufNameRow kBailingSplitNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "attention.q_proj"},
    {"attn_k", "attention.k_proj"},
    {"attn_v", "attention.v_proj"},
    {"attn_output", "attention.dense"},
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

inline constexpr GgufNameRow kApertusNames[] = {
    {"attn_norm", "attention_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_norm", "feedforward_layernorm"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

inline constexpr GgufNameRow kModernBertNames[] = {
    {"attn_norm", "attn_norm"}, {"attn_qkv", "attn.Wqkv"},
    {"attn_output", "attn.Wo"}, {"ffn_norm", "mlp_norm"},
    {"ffn_up", "mlp.Wi"},       {"ffn_down", "mlp.Wo"},
};

inline constexpr GgufNameRow kAfmoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    {"attn_gate", "self_attn.gate_proj"},
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_mlp_layernorm"},
    {"post_ffw_norm", "post_mlp_layernorm"},
    {"ffn_gate_inp", "mlp.router.gate"},
    {"exp_probs_b.bias", "mlp.expert_bias", true},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

// The larger models have a norm for each half of a layer.
inline constexpr GgufNameRow kFalconNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_norm_2", "ln_attn"},
    {"attn_qkv", "self_attention.query_key_value"},
    {"attn_output", "self_attention.dense"},
    {"ffn_up", "mlp.dense_h_to_4h"},
    {"ffn_down", "mlp.dense_4h_to_h"},
};

inline constexpr GgufNameRow kBloomNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_qkv", "self_attention.query_key_value"},
    {"attn_output", "self_attention.dense"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.dense_h_to_4h"},
    {"ffn_down", "mlp.dense_4h_to_h"},
};

inline constexpr GgufNameRow kMptNames[] = {
    {"attn_norm", "norm_1"},          {"attn_qkv", "attn.Wqkv"},
    {"attn_output", "attn.out_proj"}, {"ffn_norm", "norm_2"},
    {"ffn_up", "ffn.up_proj"},        {"ffn_down", "ffn.down_proj"},
};

inline constexpr GgufNameRow kQwenNames[] = {
    {"attn_norm", "ln_1"},          {"attn_qkv", "attn.c_attn"},
    {"attn_output", "attn.c_proj"}, {"ffn_norm", "ln_2"},
    {"ffn_up", "mlp.w1"},           {"ffn_gate", "mlp.w2"},
    {"ffn_down", "mlp.c_proj"},
};

inline constexpr GgufNameRow kNemotronHNames[] = {
    {"attn_norm", "norm"},
    {"ssm_in", "mixer.in_proj"},
    {"ssm_conv1d", "mixer.conv1d"},
    {"ssm_dt.bias", "mixer.dt_bias", true},
    {"ssm_a", "mixer.A_log", true},
    {"ssm_d", "mixer.D", true},
    {"ssm_norm", "mixer.norm"},
    {"ssm_out", "mixer.out_proj"},
    {"attn_q", "mixer.q_proj"},
    {"attn_k", "mixer.k_proj"},
    {"attn_v", "mixer.v_proj"},
    {"attn_output", "mixer.o_proj"},
    {"ffn_up", "mixer.up_proj"},
    {"ffn_down", "mixer.down_proj"},
    {"ffn_gate_inp", "mixer.gate"},
    {"exp_probs_b.bias", "mixer.gate.e_score_correction_bias", true},
    ABSTRACTLLM_EXPERTS("mixer."),
    ABSTRACTLLM_SHARED("mixer.shared_experts."),
};

#undef ABSTRACTLLM_ATTENTION
#undef ABSTRACTLLM_MLP
#undef ABSTRACTLLM_LATENT_ATTENTION
#undef ABSTRACTLLM_EXPERTS
#undef ABSTRACTLLM_SHARED
#undef ABSTRACTLLM_STATE_SPACE

}  // namespace abstractllm::io::gguf_tables
