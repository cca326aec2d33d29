// How checkpoints call their tables of embeddings and their heads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace abstractllm::io {

/// The last part of a module's name.
inline std::string_view last_part(std::string_view module) {
  return module.substr(module.rfind('.') + 1);
}

/// Whether `module` is a table that tokens are looked up in.
inline bool names_a_table(std::string_view module) {
  constexpr std::array<std::string_view, 8> kNames{
      "embed_tokens", "wte",        "word_embeddings", "tok_embeddings",
      "embed_in",     "embeddings", "embedding",       "token_embeddings"};
  for (const std::string_view name : kNames) {
    if (last_part(module) == name) return true;
  }
  return false;
}

/// Whether `module` is a table of something else than the tokens that a head
/// may be tied to: of positions, or of what single layers get of a token.
inline bool names_another_table(std::string_view module) {
  constexpr std::array<std::string_view, 6> kNames{
      "wpe",           "embed_positions",        "position_embeddings",
      "position_embd", "embed_tokens_per_layer", "positions_embed"};
  for (const std::string_view name : kNames) {
    if (last_part(module) == name) return true;
  }
  return false;
}

/// Whether `module` makes logits of states where it is not tied to the table.
inline bool names_a_head(std::string_view module) {
  const std::string_view last = last_part(module);
  return last == "lm_head" || last == "embed_out" || module == "output";
}

/// The head that belongs to `table` in a checkpoint that is not tied.
inline std::string head_beside(std::string_view table) {
  if (last_part(table) == "embed_in") return "embed_out";
  if (last_part(table) == "tok_embeddings") return "output";
  constexpr std::string_view kWrapper = "language_model.model.";
  return table.starts_with(kWrapper) ? "language_model.lm_head" : "lm_head";
}

}  // namespace abstractllm::io
