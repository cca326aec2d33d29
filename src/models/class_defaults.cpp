// The defaults of the published configuration classes, as a table.
// SPDX-License-Identifier: Apache-2.0
#include "models/class_defaults.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace abstractllm::models {

namespace {

struct Row {
  std::string_view model_type;
  const char* fields;
};

// From transformers' configuration classes: the sizes and counts whose default
// is a number. What follows from other fields is left to the families. Sorted.
constexpr std::array kRows{
    Row{"afmoe",
        R"({"head_dim": 128, "num_experts": 64, "num_experts_per_tok": 6,
             "num_shared_experts": 2, "moe_intermediate_size": 1408,
             "num_dense_layers": 1})"},
    Row{"albert", R"({"max_position_embeddings": 512})"},
    Row{"axk1",
        R"({"num_key_value_heads": 64, "n_routed_experts": 192,
             "num_experts_per_tok": 8, "n_shared_experts": 1,
             "first_k_dense_replace": 1, "n_group": 8, "topk_group": 4,
             "moe_intermediate_size": 2048, "kv_lora_rank": 512,
             "q_lora_rank": 1536, "qk_nope_head_dim": 128,
             "qk_rope_head_dim": 64, "v_head_dim": 128})"},
    Row{"bamba",
        R"({"num_key_value_heads": 8, "mamba_n_heads": 128,
             "mamba_d_state": 256})"},
    Row{"bert", R"({"max_position_embeddings": 512})"},
    Row{"biogpt", R"({"max_position_embeddings": 1024})"},
    Row{"bitnet", R"({"num_key_value_heads": 5})"},
    Row{"camembert", R"({"max_position_embeddings": 512})"},
    Row{"codegen", R"({"n_positions": 2048})"},
    Row{"cohere2_moe",
        R"({"head_dim": 128, "num_experts": 8, "num_experts_per_tok": 2})"},
    Row{"cwm", R"({"num_key_value_heads": 8, "head_dim": 128})"},
    Row{"data2vec-text", R"({"max_position_embeddings": 512})"},
    Row{"deberta-v2", R"({"max_position_embeddings": 512})"},
    Row{"deepseek_v2",
        R"({"n_routed_experts": 64, "n_shared_experts": 2,
             "moe_intermediate_size": 1407, "kv_lora_rank": 512,
             "q_lora_rank": 1536, "qk_nope_head_dim": 128,
             "qk_rope_head_dim": 64, "v_head_dim": 128})"},
    Row{"deepseek_v3",
        R"({"num_key_value_heads": 128, "n_routed_experts": 256,
             "num_experts_per_tok": 8, "n_shared_experts": 1,
             "first_k_dense_replace": 3, "n_group": 8, "topk_group": 4,
             "moe_intermediate_size": 2048, "kv_lora_rank": 512,
             "q_lora_rank": 1536, "qk_nope_head_dim": 128,
             "qk_rope_head_dim": 64, "v_head_dim": 128})"},
    Row{"deepseek_v32",
        R"({"num_key_value_heads": 128, "head_dim": 64,
             "n_routed_experts": 256, "num_experts_per_tok": 8,
             "n_shared_experts": 1, "first_k_dense_replace": 3,
             "n_group": 8, "topk_group": 4, "moe_intermediate_size": 2048,
             "kv_lora_rank": 512, "q_lora_rank": 1536,
             "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
             "v_head_dim": 128})"},
    Row{"distilbert", R"({"max_position_embeddings": 512})"},
    Row{"dots1",
        R"({"num_key_value_heads": 32, "moe_intermediate_size": 1408,
             "topk_group": 1})"},
    Row{"electra", R"({"max_position_embeddings": 512})"},
    Row{"ernie", R"({"max_position_embeddings": 512})"},
    Row{"ernie4_5", R"({"num_key_value_heads": 2, "head_dim": 128})"},
    Row{"ernie4_5_moe",
        R"({"num_key_value_heads": 4, "moe_num_experts": 64, "moe_k": 6,
             "moe_num_shared_experts": 2, "moe_intermediate_size": 1536})"},
    Row{"eurobert", R"({"max_position_embeddings": 8192})"},
    Row{"exaone4", R"({"num_key_value_heads": 32})"},
    Row{"exaone_moe",
        R"({"num_key_value_heads": 32, "num_experts": 64,
             "num_experts_per_tok": 8, "num_shared_experts": 1,
             "first_k_dense_replace": 1, "moe_intermediate_size": 1024,
             "topk_group": 1})"},
    Row{"falcon_h1",
        R"({"num_key_value_heads": 8, "mamba_n_heads": 128,
             "mamba_d_state": 256})"},
    Row{"falcon_mamba", R"({"state_size": 16})"},
    Row{"flex_olmo", R"({"num_experts": 7, "num_experts_per_tok": 5})"},
    Row{"gemma", R"({"num_key_value_heads": 16, "head_dim": 256})"},
    Row{"gemma2", R"({"num_key_value_heads": 4, "head_dim": 256})"},
    Row{"gemma3_text", R"({"num_key_value_heads": 4, "head_dim": 256})"},
    Row{"gemma3n_text", R"({"num_key_value_heads": 2, "head_dim": 256})"},
    Row{"gemma4_text", R"({"num_key_value_heads": 4, "head_dim": 256})"},
    Row{"gemma4_unified_text",
        R"({"num_key_value_heads": 4, "head_dim": 256})"},
    Row{"glm", R"({"num_key_value_heads": 2, "head_dim": 128})"},
    Row{"glm4", R"({"num_key_value_heads": 2, "head_dim": 128})"},
    Row{"glm4_moe",
        R"({"num_key_value_heads": 8, "n_routed_experts": 128,
             "num_experts_per_tok": 8, "n_shared_experts": 1,
             "first_k_dense_replace": 1, "moe_intermediate_size": 1408,
             "topk_group": 1})"},
    Row{"glm4_moe_lite",
        R"({"num_key_value_heads": 20, "n_routed_experts": 64,
             "num_experts_per_tok": 4, "n_shared_experts": 1,
             "moe_intermediate_size": 1536, "kv_lora_rank": 512,
             "q_lora_rank": 768, "qk_nope_head_dim": 192,
             "qk_rope_head_dim": 64, "v_head_dim": 256, "topk_group": 1})"},
    Row{"glm_moe_dsa",
        R"({"num_key_value_heads": 64, "head_dim": 64,
             "n_routed_experts": 256, "num_experts_per_tok": 8,
             "n_shared_experts": 1, "first_k_dense_replace": 3,
             "moe_intermediate_size": 2048, "kv_lora_rank": 512,
             "q_lora_rank": 2048, "qk_nope_head_dim": 192,
             "qk_rope_head_dim": 64, "v_head_dim": 256, "topk_group": 1})"},
    Row{"gpt2", R"({"n_positions": 1024})"},
    Row{"gpt_bigcode", R"({"n_positions": 1024})"},
    Row{"gpt_neo", R"({"max_position_embeddings": 2048})"},
    Row{"gpt_oss",
        R"({"num_key_value_heads": 8, "head_dim": 64,
             "num_local_experts": 128, "num_experts_per_tok": 4})"},
    Row{"gptj", R"({"n_positions": 2048})"},
    Row{"granite_swa", R"({"num_key_value_heads": 4})"},
    Row{"granitemoe", R"({"num_local_experts": 8, "num_experts_per_tok": 2})"},
    Row{"granitemoe_swa",
        R"({"num_local_experts": 8, "num_experts_per_tok": 2})"},
    Row{"granitemoehybrid",
        R"({"num_local_experts": 8, "num_experts_per_tok": 2,
             "shared_intermediate_size": 1024, "mamba_n_heads": 128,
             "mamba_d_state": 256})"},
    Row{"granitemoeshared",
        R"({"num_local_experts": 8, "num_experts_per_tok": 2})"},
    Row{"gte", R"({"max_position_embeddings": 8192})"},
    Row{"helium", R"({"num_key_value_heads": 20, "head_dim": 128})"},
    Row{"hunyuan_v1_moe", R"({"num_experts": 1, "moe_topk": 1})"},
    Row{"hy_v3",
        R"({"num_key_value_heads": 8, "head_dim": 128,
             "num_experts": 192, "num_experts_per_tok": 8,
             "num_shared_experts": 1, "moe_intermediate_size": 1536})"},
    Row{"internlm3", R"({"num_key_value_heads": 2, "head_dim": 128})"},
    Row{"iquestcoder", R"({"num_key_value_heads": 8, "head_dim": 128})"},
    Row{"jamba",
        R"({"num_key_value_heads": 8, "num_experts": 16,
             "num_experts_per_tok": 2, "mamba_d_state": 16})"},
    Row{"jina_embeddings_v3", R"({"max_position_embeddings": 8194})"},
    Row{"lfm2", R"({"num_key_value_heads": 8})"},
    Row{"lfm2_moe",
        R"({"num_key_value_heads": 8, "num_experts": 32,
             "num_experts_per_tok": 4, "moe_intermediate_size": 1792,
             "num_dense_layers": 2})"},
    Row{"lfm3", R"({"num_key_value_heads": 4, "head_dim": 128})"},
    Row{"llama4_text",
        R"({"num_key_value_heads": 8, "head_dim": 128,
             "num_local_experts": 16, "num_experts_per_tok": 1})"},
    Row{"mamba", R"({"state_size": 16})"},
    Row{"mamba2",
        R"({"head_dim": 64, "n_groups": 8, "state_size": 128,
             "num_heads": 128})"},
    Row{"mellum",
        R"({"num_key_value_heads": 4, "head_dim": 128, "num_experts": 64,
             "num_experts_per_tok": 8, "moe_intermediate_size": 896})"},
    Row{"mimo_v2_flash",
        R"({"num_key_value_heads": 4, "head_dim": 192, "v_head_dim": 128,
             "n_routed_experts": 256, "num_experts_per_tok": 8,
             "moe_intermediate_size": 2048})"},
    Row{"minicpm3",
        R"({"num_key_value_heads": 40, "kv_lora_rank": 256,
             "q_lora_rank": 768, "qk_nope_head_dim": 64,
             "qk_rope_head_dim": 32})"},
    Row{"minimax_m2",
        R"({"num_key_value_heads": 8, "head_dim": 128,
             "num_local_experts": 256, "num_experts_per_tok": 8})"},
    Row{"ministral", R"({"num_key_value_heads": 8})"},
    Row{"ministral3", R"({"num_key_value_heads": 8, "head_dim": 128})"},
    Row{"mistral", R"({"num_key_value_heads": 8})"},
    Row{"mistral4",
        R"({"num_key_value_heads": 32, "n_routed_experts": 128,
             "num_experts_per_tok": 4, "n_shared_experts": 1,
             "moe_intermediate_size": 2048, "kv_lora_rank": 256,
             "q_lora_rank": 1024, "qk_nope_head_dim": 64,
             "qk_rope_head_dim": 64, "v_head_dim": 128, "topk_group": 1})"},
    Row{"mixtral",
        R"({"num_key_value_heads": 8, "num_local_experts": 8,
             "num_experts_per_tok": 2})"},
    Row{"mpnet", R"({"max_position_embeddings": 512})"},
    Row{"nemotron_h",
        R"({"num_key_value_heads": 8, "n_routed_experts": 8,
             "num_experts_per_tok": 2, "n_shared_experts": 1,
             "moe_intermediate_size": 7688,
             "moe_shared_expert_intermediate_size": 7688, "n_groups": 8,
             "mamba_num_heads": 128, "mamba_head_dim": 64,
             "ssm_state_size": 128, "topk_group": 1})"},
    Row{"olmoe", R"({"num_experts": 64, "num_experts_per_tok": 8})"},
    Row{"opt", R"({"max_position_embeddings": 2048})"},
    Row{"phimoe",
        R"({"num_key_value_heads": 8, "num_local_experts": 16,
             "num_experts_per_tok": 2})"},
    Row{"qwen2", R"({"num_key_value_heads": 32})"},
    Row{"qwen2_moe",
        R"({"num_key_value_heads": 16, "num_experts": 60,
             "num_experts_per_tok": 4, "moe_intermediate_size": 1408,
             "shared_expert_intermediate_size": 5632})"},
    Row{"qwen3", R"({"num_key_value_heads": 32, "head_dim": 128})"},
    Row{"qwen3_5_moe_text",
        R"({"num_key_value_heads": 2, "head_dim": 256,
             "num_experts": 256, "num_experts_per_tok": 8,
             "moe_intermediate_size": 512,
             "shared_expert_intermediate_size": 512,
             "linear_num_value_heads": 32, "linear_num_key_heads": 16,
             "linear_key_head_dim": 128, "linear_value_head_dim": 128})"},
    Row{"qwen3_5_text",
        R"({"num_key_value_heads": 4, "head_dim": 256,
             "linear_num_value_heads": 32, "linear_num_key_heads": 16,
             "linear_key_head_dim": 128, "linear_value_head_dim": 128})"},
    Row{"qwen3_moe",
        R"({"num_key_value_heads": 4, "num_experts": 128,
             "num_experts_per_tok": 8, "moe_intermediate_size": 768})"},
    Row{"qwen3_next",
        R"({"num_key_value_heads": 2, "head_dim": 256,
             "num_experts": 512, "num_experts_per_tok": 10,
             "moe_intermediate_size": 512,
             "shared_expert_intermediate_size": 512,
             "linear_num_value_heads": 32, "linear_num_key_heads": 16,
             "linear_key_head_dim": 128, "linear_value_head_dim": 128})"},
    Row{"roberta", R"({"max_position_embeddings": 512})"},
    Row{"roberta-prelayernorm", R"({"max_position_embeddings": 512})"},
    Row{"seed_oss", R"({"num_key_value_heads": 8, "head_dim": 128})"},
    Row{"smollm3", R"({"num_key_value_heads": 4})"},
    Row{"solar_open",
        R"({"num_key_value_heads": 8, "head_dim": 128,
             "n_routed_experts": 128, "num_experts_per_tok": 8,
             "n_shared_experts": 1, "moe_intermediate_size": 1280,
             "topk_group": 1})"},
    Row{"stablelm", R"({"num_key_value_heads": 32})"},
    Row{"starcoder2", R"({"num_key_value_heads": 2})"},
    Row{"vaultgemma", R"({"num_key_value_heads": 4, "head_dim": 256})"},
    Row{"xlm-roberta", R"({"max_position_embeddings": 512})"},
    Row{"xlm-roberta-xl", R"({"max_position_embeddings": 514})"},
    Row{"youtu",
        R"({"num_key_value_heads": 16, "kv_lora_rank": 512,
             "q_lora_rank": 1536, "qk_nope_head_dim": 128,
             "qk_rope_head_dim": 64, "v_head_dim": 128})"},
};

struct Alias {
  std::string_view model_type;
  const char* name;
  const char* other;
};

// Two names of one field: the attribute_map of the same classes. Sorted.
constexpr std::array kAliases{
    Alias{"axk1", "num_local_experts", "n_routed_experts"},
    Alias{"bloom", "num_hidden_layers", "n_layer"},
    Alias{"bloom", "num_attention_heads", "n_head"},
    Alias{"codegen", "max_position_embeddings", "n_positions"},
    Alias{"codegen", "hidden_size", "n_embd"},
    Alias{"codegen", "num_attention_heads", "n_head"},
    Alias{"codegen", "num_hidden_layers", "n_layer"},
    Alias{"dbrx", "num_attention_heads", "n_heads"},
    Alias{"dbrx", "hidden_size", "d_model"},
    Alias{"dbrx", "num_hidden_layers", "n_layers"},
    Alias{"dbrx", "max_position_embeddings", "max_seq_len"},
    Alias{"deepseek_v2", "num_experts", "n_routed_experts"},
    Alias{"deepseek_v3", "num_local_experts", "n_routed_experts"},
    Alias{"deepseek_v32", "num_local_experts", "n_routed_experts"},
    Alias{"distilbert", "hidden_size", "dim"},
    Alias{"distilbert", "num_attention_heads", "n_heads"},
    Alias{"distilbert", "num_hidden_layers", "n_layers"},
    Alias{"dots1", "num_local_experts", "n_routed_experts"},
    Alias{"ernie4_5_moe", "num_experts", "moe_num_experts"},
    Alias{"ernie4_5_moe", "num_experts_per_tok", "moe_k"},
    Alias{"flex_olmo", "num_local_experts", "num_experts"},
    Alias{"glm4_moe", "num_local_experts", "n_routed_experts"},
    Alias{"glm4_moe_lite", "num_local_experts", "n_routed_experts"},
    Alias{"glm_moe_dsa", "num_local_experts", "n_routed_experts"},
    Alias{"gpt2", "hidden_size", "n_embd"},
    Alias{"gpt2", "max_position_embeddings", "n_positions"},
    Alias{"gpt2", "num_attention_heads", "n_head"},
    Alias{"gpt2", "num_hidden_layers", "n_layer"},
    Alias{"gpt_bigcode", "hidden_size", "n_embd"},
    Alias{"gpt_bigcode", "max_position_embeddings", "n_positions"},
    Alias{"gpt_bigcode", "num_attention_heads", "n_head"},
    Alias{"gpt_bigcode", "num_hidden_layers", "n_layer"},
    Alias{"gpt_neo", "num_attention_heads", "num_heads"},
    Alias{"gpt_neo", "num_hidden_layers", "num_layers"},
    Alias{"gpt_oss", "num_experts", "num_local_experts"},
    Alias{"gptj", "max_position_embeddings", "n_positions"},
    Alias{"gptj", "hidden_size", "n_embd"},
    Alias{"gptj", "num_attention_heads", "n_head"},
    Alias{"gptj", "num_hidden_layers", "n_layer"},
    Alias{"hunyuan_v1_moe", "num_local_experts", "num_experts"},
    Alias{"hy_v3", "num_local_experts", "num_experts"},
    Alias{"jamba", "num_local_experts", "num_experts"},
    Alias{"lfm3", "rms_norm_eps", "norm_eps"},
    Alias{"mellum", "num_experts", "num_local_experts"},
    Alias{"mimo_v2_flash", "num_local_experts", "n_routed_experts"},
    Alias{"minimax_m2", "num_experts", "num_local_experts"},
    Alias{"mistral4", "num_local_experts", "n_routed_experts"},
    Alias{"mixtral", "num_experts", "num_local_experts"},
    Alias{"mpt", "num_attention_heads", "n_heads"},
    Alias{"mpt", "hidden_size", "d_model"},
    Alias{"mpt", "num_hidden_layers", "n_layers"},
    Alias{"nemotron_h", "num_local_experts", "n_routed_experts"},
    Alias{"olmoe", "num_local_experts", "num_experts"},
    Alias{"qwen3_moe", "num_experts", "num_local_experts"},
    Alias{"solar_open", "num_local_experts", "n_routed_experts"},
    Alias{"xglm", "num_attention_heads", "attention_heads"},
    Alias{"xglm", "hidden_size", "d_model"},
    Alias{"xglm", "num_hidden_layers", "num_layers"},
};

void copy_if_absent(io::JsonConfig& config, const char* from, const char* to) {
  if (!config.has(from) || config.has(to) || config.is_null(to)) return;
  config = config.with_field(to, *config.find_json(from));
}

// What a class could not be made with: a number of heads that does not fit to
// the others. Such configs mean one key for each query.
bool fits(const io::JsonConfig& config, const std::string& key,
          const io::JsonConfig& defaults) {
  if (key != "num_key_value_heads") return true;
  const auto heads = config.find_int("num_attention_heads").value_or(0);
  return heads > 0 && heads % defaults.require_int(key) == 0;
}

}  // namespace

io::JsonConfig with_class_defaults(const io::JsonConfig& config) {
  if (!config.is_string("model_type")) return config;
  const std::string type = config.require_string("model_type");
  io::JsonConfig whole = config;
  for (const Alias& alias : kAliases) {
    if (alias.model_type != type) continue;
    copy_if_absent(whole, alias.name, alias.other);
    copy_if_absent(whole, alias.other, alias.name);
  }
  const auto row =
      std::find_if(kRows.begin(), kRows.end(),
                   [&](const Row& known) { return known.model_type == type; });
  if (row == kRows.end()) return whole;
  const auto defaults =
      io::JsonConfig::parse(row->fields, type + "'s defaults");
  for (const std::string& key : defaults.keys()) {
    if (whole.has(key) || whole.is_null(key)) continue;
    if (!fits(whole, key, defaults)) continue;
    whole = whole.with_field(key, *defaults.find_json(key));
  }
  return whole;
}

}  // namespace abstractllm::models
