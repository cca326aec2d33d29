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

constexpr GgufNameRow kLlamaNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"ffn_gate_inp", "block_sparse_moe.gate"},
    {"ffn_gate_exps", "block_sparse_moe.switch_mlp.gate_proj"},
    {"ffn_up_exps", "block_sparse_moe.switch_mlp.up_proj"},
    {"ffn_down_exps", "block_sparse_moe.switch_mlp.down_proj"},
};

constexpr GgufNameRow kQwenMoeNames[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},
    {"ffn_gate_exps", "mlp.switch_mlp.gate_proj"},
    {"ffn_up_exps", "mlp.switch_mlp.up_proj"},
    {"ffn_down_exps", "mlp.switch_mlp.down_proj"},
    {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    {"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_expert.up_proj"},
    {"ffn_down_shexp", "mlp.shared_expert.down_proj"},
};

constexpr GgufArchitecture kArchitectures[] = {
    {"llama", "llama", "LlamaForCausalLM", true, kLlamaNames},
    {"qwen2", "qwen2", "Qwen2ForCausalLM", false, kLlamaNames},
    {"qwen2moe", "qwen2_moe", "Qwen2MoeForCausalLM", false, kQwenMoeNames},
    {"qwen3", "qwen3", "Qwen3ForCausalLM", false, kLlamaNames},
    {"qwen3moe", "qwen3_moe", "Qwen3MoeForCausalLM", false, kQwenMoeNames,
     /* normalised_experts = */ true},
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
  const auto dot = gguf_name.rfind('.');
  if (dot == gguf_name.npos) return std::nullopt;
  const auto suffix = gguf_name.substr(dot);  // ".weight", ".bias"
  const auto stem = gguf_name.substr(0, dot);
  std::string result;
  const GgufNameRow* row = nullptr;
  if (stem.starts_with(kLayer)) {
    const auto end = stem.find('.', kLayer.size());
    if (end == stem.npos) return std::nullopt;
    const auto layer = stem.substr(kLayer.size(), end - kLayer.size());
    if (layer.empty() || layer.find_first_not_of("0123456789") != layer.npos) {
      return std::nullopt;
    }
    row = find_row(architecture.layer_names, stem.substr(end + 1));
    result = "model.layers." + std::string(layer) + '.';
  } else {
    row = find_row(kModelNames, stem);
  }
  if (row == nullptr) return std::nullopt;
  return result.append(row->hugging_face).append(suffix);
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
