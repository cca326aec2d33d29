// The table of GGUF architectures. A new one is a row here.
// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_names.h"

#include <algorithm>

namespace abstractllm::io {
namespace {

constexpr GgufNameRow kModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

constexpr GgufNameRow kPhi2ModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.final_layernorm"},
    {"output", "lm_head"},
};

constexpr GgufNameRow kLfm2ModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"token_embd_norm", "model.embedding_norm"},
    {"output_norm", "model.embedding_norm"},
    {"output", "lm_head"},
};

constexpr GgufNameRow kGemma3nModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"per_layer_token_embd", "model.embed_tokens_per_layer"},
    {"per_layer_model_proj", "model.per_layer_model_projection"},
    {"per_layer_proj_norm", "model.per_layer_projection_norm"},
    {"altup_proj", "model.altup_projections"},
    {"altup_unembd_proj", "model.altup_unembed_projections"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

constexpr GgufNameRow kGpt2ModelNames[] = {
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
};

constexpr GgufNameRow kNeoxModelNames[] = {
    {"token_embd", "gpt_neox.embed_in"},
    {"output_norm", "gpt_neox.final_layer_norm"},
    {"output", "embed_out"},
};

constexpr GgufNameRow kBertModelNames[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
};

constexpr GgufNameRow kNomicBertModelNames[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "emb_ln"},
};

constexpr GgufNameRow kExaoneModelNames[] = {
    {"token_embd", "transformer.wte"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
};

constexpr GgufNameRow kMambaModelNames[] = {
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

constexpr GgufNameRow kLlamaNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "block_sparse_moe.gate"},
    ABSTRACTLLM_EXPERTS("block_sparse_moe."),
};

constexpr GgufNameRow kQwenMoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    ABSTRACTLLM_EXPERTS("mlp."),
    {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    ABSTRACTLLM_SHARED("mlp.shared_expert."),
};

// The first files have queries, keys, values and gates in one, as published.
constexpr GgufNameRow kQwen3NextNames[] = {
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

constexpr GgufNameRow kGlm4MoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"exp_probs_b.bias", "mlp.gate.e_score_correction_bias", true},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

constexpr GgufNameRow kDeepseekNames[] = {
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
constexpr GgufNameRow kMistral4Names[] = {
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

constexpr GgufNameRow kErnieMoeNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"exp_probs_b.bias", "mlp.moe_statics.e_score_correction_bias", true},
    ABSTRACTLLM_EXPERTS("mlp."),
    ABSTRACTLLM_SHARED("mlp.shared_experts."),
};

constexpr GgufNameRow kGraniteMoeNames[] = {
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
constexpr GgufNameRow kGraniteHybridNames[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_STATE_SPACE,
    ABSTRACTLLM_MLP,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "block_sparse_moe.router.layer"},
    ABSTRACTLLM_EXPERTS("block_sparse_moe."),
    ABSTRACTLLM_SHARED("mlp."),
};

constexpr GgufNameRow kFalconH1Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_STATE_SPACE,
    {"ffn_norm", "pre_ff_layernorm.weight", true},  // llama.cpp's own slip
    {"ffn_norm.weight", "pre_ff_layernorm.weight", true},
    {"ffn_gate", "feed_forward.gate_proj"},
    {"ffn_up", "feed_forward.up_proj"},
    {"ffn_down", "feed_forward.down_proj"},
};

constexpr GgufNameRow kGptOssNames[] = {
    ABSTRACTLLM_ATTENTION,
    {"attn_sinks.weight", "self_attn.sinks", true},
    {"attn_sinks", "self_attn.sinks", true},
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.router"},
    {"ffn_gate_exps", "mlp.experts.gate_proj"},
    {"ffn_up_exps", "mlp.experts.up_proj"},
    {"ffn_down_exps", "mlp.experts.down_proj"},
};

constexpr GgufNameRow kGemma2Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

constexpr GgufNameRow kGemma3nNames[] = {
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

constexpr GgufNameRow kGemma4Names[] = {
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

constexpr GgufNameRow kOlmo2Names[] = {
    ABSTRACTLLM_ATTENTION,
    ABSTRACTLLM_MLP,
    {"post_attention_norm", "post_attention_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

constexpr GgufNameRow kGlm4Names[] = {
    ABSTRACTLLM_ATTENTION,
    {"post_attention_norm", "post_self_attn_layernorm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.gate_up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"post_ffw_norm", "post_mlp_layernorm"},
};

constexpr GgufNameRow kPhi3Names[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_qkv", "self_attn.qkv_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.gate_up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

constexpr GgufNameRow kPhi2Names[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.dense"},
    {"ffn_up", "mlp.fc1"},
    {"ffn_down", "mlp.fc2"},
};

constexpr GgufNameRow kStarcoder2Names[] = {
    ABSTRACTLLM_ATTENTION,
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.c_fc"},
    {"ffn_down", "mlp.c_proj"},
};

constexpr GgufNameRow kStablelmNames[] = {
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

constexpr GgufNameRow kGpt2Names[] = {
    {"attn_norm", "ln_1"},          {"attn_qkv", "attn.c_attn"},
    {"attn_output", "attn.c_proj"}, {"ffn_norm", "ln_2"},
    {"ffn_up", "mlp.c_fc"},         {"ffn_down", "mlp.c_proj"},
};

constexpr GgufNameRow kNeoxNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_qkv", "attention.query_key_value"},
    {"attn_output", "attention.dense"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.dense_h_to_4h"},
    {"ffn_down", "mlp.dense_4h_to_h"},
};

constexpr GgufNameRow kLfm2Names[] = {
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
};

constexpr GgufNameRow kBertNames[] = {
    {"attn_q", "attention.self.query"},
    {"attn_k", "attention.self.key"},
    {"attn_v", "attention.self.value"},
    {"attn_output", "attention.output.dense"},
    {"attn_output_norm", "attention.output.LayerNorm"},
    {"ffn_up", "intermediate.dense"},
    {"ffn_down", "output.dense"},
    {"layer_output_norm", "output.LayerNorm"},
};

constexpr GgufNameRow kNomicBertNames[] = {
    {"attn_qkv", "attn.Wqkv"},      {"attn_output", "attn.out_proj"},
    {"attn_output_norm", "norm1"},  {"ffn_up", "mlp.fc11"},
    {"ffn_gate", "mlp.fc12"},       {"ffn_down", "mlp.fc2"},
    {"layer_output_norm", "norm2"},
};

constexpr GgufNameRow kExaoneNames[] = {
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

constexpr GgufNameRow kJambaNames[] = {
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

constexpr GgufNameRow kMambaNames[] = {
    {"attn_norm", "norm"},          {"ssm_in", "mixer.in_proj"},
    {"ssm_conv1d", "mixer.conv1d"}, {"ssm_x", "mixer.x_proj"},
    {"ssm_dt", "mixer.dt_proj"},    {"ssm_a", "mixer.A_log", true},
    {"ssm_d", "mixer.D", true},     {"ssm_out", "mixer.out_proj"},
};

constexpr GgufNameRow kMamba2Names[] = {
    {"attn_norm", "norm"},          {"ssm_in", "mixer.in_proj"},
    {"ssm_conv1d", "mixer.conv1d"}, {"ssm_dt.bias", "mixer.dt_bias", true},
    {"ssm_a", "mixer.A_log", true}, {"ssm_d", "mixer.D", true},
    {"ssm_norm", "mixer.norm"},     {"ssm_out", "mixer.out_proj"},
};

#undef ABSTRACTLLM_ATTENTION
#undef ABSTRACTLLM_MLP
#undef ABSTRACTLLM_LATENT_ATTENTION
#undef ABSTRACTLLM_EXPERTS
#undef ABSTRACTLLM_SHARED
#undef ABSTRACTLLM_STATE_SPACE

using enum GgufEdit;

constexpr GgufArchitecture kArchitectures[] = {
    {.name = "baichuan",
     .model_type = "llama",
     .class_name = "LlamaForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kLlamaNames},
    {.name = "bert",
     .model_type = "bert",
     .class_name = "BertModel",
     .layers = "encoder.layer.",
     .layer_names = kBertNames,
     .model_names = kBertModelNames},
    {.name = "cohere2",
     .model_type = "cohere2",
     .class_name = "Cohere2ForCausalLM",
     .layer_names = kLlamaNames},
    {.name = "command-r",
     .model_type = "cohere",
     .class_name = "CohereForCausalLM",
     .layer_names = kLlamaNames},
    {.name = "deepseek",
     .model_type = "deepseek",
     .class_name = "DeepseekForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kDeepseekNames},
    {.name = "deepseek2",
     .model_type = "deepseek_v2",
     .class_name = "DeepseekV2ForCausalLM",
     .layer_names = kDeepseekNames},
    {.name = "ernie4_5",
     .model_type = "ernie4_5",
     .class_name = "Ernie4_5ForCausalLM",
     .layer_names = kLlamaNames},
    {.name = "ernie4_5-moe",
     .model_type = "ernie4_5_moe",
     .class_name = "Ernie4_5_MoeForCausalLM",
     .layer_names = kErnieMoeNames},
    {.name = "exaone",
     .model_type = "exaone",
     .class_name = "ExaoneForCausalLM",
     .layers = "transformer.h.",
     .layer_names = kExaoneNames,
     .model_names = kExaoneModelNames},
    {.name = "exaone4",
     .model_type = "exaone4",
     .class_name = "Exaone4ForCausalLM",
     .layer_names = kOlmo2Names},
    {.name = "falcon-h1",
     .model_type = "falcon_h1",
     .class_name = "FalconH1ForCausalLM",
     .edit = kStateDecay,
     .layer_names = kFalconH1Names,
     .model_names = kPhi2ModelNames},
    {.name = "gemma",
     .model_type = "gemma",
     .class_name = "GemmaForCausalLM",
     .edit = kNormsLessOne,
     .layer_names = kLlamaNames},
    {.name = "gemma2",
     .model_type = "gemma2",
     .class_name = "Gemma2ForCausalLM",
     .edit = kNormsLessOne,
     .layer_names = kGemma2Names},
    {.name = "gemma3",
     .model_type = "gemma3_text",
     .class_name = "Gemma3ForCausalLM",
     .edit = kNormsLessOne,
     .layer_names = kGemma2Names},
    {.name = "gemma3n",
     .model_type = "gemma3n_text",
     .class_name = "Gemma3nForCausalLM",
     .layer_names = kGemma3nNames,
     .model_names = kGemma3nModelNames,
     .varied_units = true},
    {.name = "gemma4",
     .model_type = "gemma4_text",
     .class_name = "Gemma4ForCausalLM",
     .layer_names = kGemma4Names,
     .model_names = kGemma3nModelNames,
     .varied_units = true},
    {.name = "glm4",
     .model_type = "glm4",
     .class_name = "Glm4ForCausalLM",
     .layer_names = kGlm4Names},
    {.name = "glm4moe",
     .model_type = "glm4_moe",
     .class_name = "Glm4MoeForCausalLM",
     .layer_names = kGlm4MoeNames},
    {.name = "gpt-oss",
     .model_type = "gpt_oss",
     .class_name = "GptOssForCausalLM",
     .layer_names = kGptOssNames},
    {.name = "gpt2",
     .model_type = "gpt2",
     .class_name = "GPT2LMHeadModel",
     .layers = "transformer.h.",
     .layer_names = kGpt2Names,
     .model_names = kGpt2ModelNames},
    {.name = "gptneox",
     .model_type = "gpt_neox",
     .class_name = "GPTNeoXForCausalLM",
     .edit = kJoinedHeads,
     .layers = "gpt_neox.layers.",
     .layer_names = kNeoxNames,
     .model_names = kNeoxModelNames},
    {.name = "granite",
     .model_type = "granite",
     .class_name = "GraniteForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kLlamaNames},
    {.name = "granitehybrid",
     .model_type = "granitemoehybrid",
     .class_name = "GraniteMoeHybridForCausalLM",
     .edit = kRopeAndDecay,
     .layer_names = kGraniteHybridNames},
    {.name = "granitemoe",
     .model_type = "granitemoe",
     .class_name = "GraniteMoeForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kGraniteMoeNames},
    {.name = "internlm2",
     .model_type = "llama",
     .class_name = "LlamaForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kLlamaNames},
    {.name = "jamba",
     .model_type = "jamba",
     .class_name = "JambaForCausalLM",
     .edit = kStateDecay,
     .layer_names = kJambaNames,
     .model_names = kPhi2ModelNames},
    {.name = "lfm2",
     .model_type = "lfm2",
     .class_name = "Lfm2ForCausalLM",
     .layer_names = kLfm2Names,
     .model_names = kLfm2ModelNames},
    {.name = "llama",
     .model_type = "llama",
     .class_name = "LlamaForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kLlamaNames},
    {.name = "mamba",
     .model_type = "mamba",
     .class_name = "MambaForCausalLM",
     .edit = kStateDecay,
     .layers = "backbone.layers.",
     .layer_names = kMambaNames,
     .model_names = kMambaModelNames,
     .has_attention = false},
    {.name = "mamba2",
     .model_type = "mamba2",
     .class_name = "Mamba2ForCausalLM",
     .edit = kStateDecay,
     .layers = "backbone.layers.",
     .layer_names = kMamba2Names,
     .model_names = kMambaModelNames,
     .has_attention = false},
    {.name = "minicpm",
     .model_type = "minicpm",
     .class_name = "MiniCPMForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kLlamaNames},
    {.name = "minicpm3",
     .model_type = "minicpm3",
     .class_name = "MiniCPM3ForCausalLM",
     .layer_names = kDeepseekNames},
    {.name = "mistral4",
     .model_type = "mistral4",
     .class_name = "Mistral4ForCausalLM",
     .layer_names = kMistral4Names},
    {.name = "nemotron",
     .model_type = "nemotron",
     .class_name = "NemotronForCausalLM",
     .edit = kNormsLessOne,
     .layer_names = kLlamaNames},
    {.name = "nomic-bert",
     .model_type = "nomic_bert",
     .class_name = "NomicBertModel",
     .layers = "encoder.layers.",
     .layer_names = kNomicBertNames,
     .model_names = kNomicBertModelNames},
    {.name = "olmo",
     .model_type = "olmo",
     .class_name = "OlmoForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kLlamaNames},
    {.name = "olmo2",
     .model_type = "olmo2",
     .class_name = "Olmo2ForCausalLM",
     .layer_names = kOlmo2Names},
    {.name = "olmoe",
     .model_type = "olmoe",
     .class_name = "OlmoeForCausalLM",
     .layer_names = kQwenMoeNames},
    {.name = "phi2",
     .model_type = "phi",
     .class_name = "PhiForCausalLM",
     .layer_names = kPhi2Names,
     .model_names = kPhi2ModelNames},
    {.name = "phi3",
     .model_type = "phi3",
     .class_name = "Phi3ForCausalLM",
     .layer_names = kPhi3Names},
    {.name = "phimoe",
     .model_type = "phimoe",
     .class_name = "PhimoeForCausalLM",
     .layer_names = kLlamaNames},
    {.name = "qwen2",
     .model_type = "qwen2",
     .class_name = "Qwen2ForCausalLM",
     .layer_names = kLlamaNames},
    {.name = "qwen2moe",
     .model_type = "qwen2_moe",
     .class_name = "Qwen2MoeForCausalLM",
     .layer_names = kQwenMoeNames},
    {.name = "qwen3",
     .model_type = "qwen3",
     .class_name = "Qwen3ForCausalLM",
     .layer_names = kLlamaNames},
    {.name = "qwen3moe",
     .model_type = "qwen3_moe",
     .class_name = "Qwen3MoeForCausalLM",
     .layer_names = kQwenMoeNames,
     .normalised_experts = true},
    {.name = "qwen3next",
     .model_type = "qwen3_next",
     .class_name = "Qwen3NextForCausalLM",
     .edit = kStateDecay,
     .layer_names = kQwen3NextNames,
     .normalised_experts = true},
    {.name = "seed_oss",
     .model_type = "seed_oss",
     .class_name = "SeedOssForCausalLM",
     .layer_names = kGlm4MoeNames},
    {.name = "smollm3",
     .model_type = "smollm3",
     .class_name = "SmolLM3ForCausalLM",
     .edit = kInterleavedRope,
     .layer_names = kLlamaNames},
    {.name = "stablelm",
     .model_type = "stablelm",
     .class_name = "StableLmForCausalLM",
     .layer_names = kStablelmNames},
    {.name = "starcoder",
     .model_type = "gpt_bigcode",
     .class_name = "GPTBigCodeForCausalLM",
     .layers = "transformer.h.",
     .layer_names = kGpt2Names,
     .model_names = kGpt2ModelNames},
    {.name = "starcoder2",
     .model_type = "starcoder2",
     .class_name = "Starcoder2ForCausalLM",
     .layer_names = kStarcoder2Names},
};

const GgufNameRow* find_row(std::span<const GgufNameRow> rows,
                            std::string_view name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(),
                   [&](const GgufNameRow& row) { return row.gguf == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

const GgufArchitecture* find_gguf_architecture(std::string_view name) {
  for (const GgufArchitecture& architecture : kArchitectures) {
    if (architecture.name == name) return &architecture;
  }
  return nullptr;
}

std::vector<std::string> gguf_architecture_names() {
  std::vector<std::string> names;
  for (const GgufArchitecture& architecture : kArchitectures) {
    names.emplace_back(architecture.name);
  }
  return names;
}

std::optional<std::string> hugging_face_name(
    const GgufArchitecture& architecture, std::string_view gguf_name) {
  constexpr std::string_view kLayer = "blk.";
  std::string prefix;
  std::span<const GgufNameRow> rows = architecture.model_names.empty()
                                          ? std::span(kModelNames)
                                          : architecture.model_names;
  if (gguf_name.starts_with(kLayer)) {
    const auto end = gguf_name.find('.', kLayer.size());
    if (end == gguf_name.npos) return std::nullopt;
    const auto layer = gguf_name.substr(kLayer.size(), end - kLayer.size());
    if (layer.empty() || layer.find_first_not_of("0123456789") != layer.npos) {
      return std::nullopt;
    }
    prefix = std::string(architecture.layers) + std::string(layer) + '.';
    rows = architecture.layer_names;
    gguf_name.remove_prefix(end + 1);
  }
  const GgufNameRow* row = find_row(rows, gguf_name);
  if (row != nullptr && row->is_whole) {
    return prefix.append(row->hugging_face);
  }
  const auto dot = gguf_name.rfind('.');
  if (dot == gguf_name.npos) return std::nullopt;
  row = find_row(rows, gguf_name.substr(0, dot));
  if (row == nullptr || row->is_whole) return std::nullopt;
  return prefix.append(row->hugging_face).append(gguf_name.substr(dot));
}

std::vector<std::int32_t> joined_head_rows(std::int64_t rows,
                                           std::int64_t heads) {
  const std::int64_t size = rows / (3 * heads);
  std::vector<std::int32_t> order;
  order.reserve(static_cast<std::size_t>(rows));
  for (std::int64_t head = 0; head < heads; ++head) {
    for (std::int64_t part = 0; part < 3; ++part) {
      for (std::int64_t i = 0; i < size; ++i) {
        order.push_back(
            static_cast<std::int32_t>((part * heads + head) * size + i));
      }
    }
  }
  return order;
}

std::vector<std::int32_t> deinterleaved_rows(std::int64_t rows,
                                             std::int64_t heads) {
  const std::int64_t head_rows = rows / heads;
  const std::int64_t half = head_rows / 2;
  std::vector<std::int32_t> order;
  order.reserve(static_cast<std::size_t>(rows));
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t head = row / head_rows;
    const std::int64_t in_head = row % head_rows;
    order.push_back(static_cast<std::int32_t>(
        head * head_rows + 2 * (in_head % half) + in_head / half));
  }
  return order;
}

}  // namespace abstractllm::io
