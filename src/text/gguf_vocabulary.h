// The vocabulary that a GGUF file carries.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::io {
class GgufFile;
}

namespace abstractllm::text {

/// What a token is for, by the numbers of `tokenizer.ggml.token_type`.
enum class TokenType {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

/// What `tokenizer.ggml.*` says. A plain value.
/// The views are those of the file: they live as long as it does.
struct GgufVocabulary {
  std::string model;  ///< "gpt2", "llama", "bert", "t5", "gemma4"
  std::string pre;    ///< name of the pre-tokenizer; empty: not said
  std::vector<std::string_view> tokens;
  std::vector<float> scores;             ///< empty, or one for each token
  std::vector<std::int64_t> types;       ///< empty, or one for each token
  std::vector<std::string_view> merges;  ///< "left right", best first

  // With the numbers that the format implies; an id that is none of a token
  // counts as not there.
  std::optional<std::int32_t> bos, eos, eot, eom, unknown, separator, padding,
      cls, mask;
  std::optional<bool> add_bos, add_eos, add_separator, add_space_prefix,
      remove_extra_whitespaces, lowercase, strip_accents;
  std::string precompiled_charsmap;  ///< binary, of SentencePiece; often empty
  std::string model_name;            ///< `general.name`

  bool is_type(std::size_t id, TokenType type) const {
    return id < types.size() && types[id] == static_cast<std::int64_t>(type);
  }
};

/// Throws ModelLoadingError if the file has no vocabulary, or a table has
/// another length than the tokens.
GgufVocabulary read_gguf_vocabulary(const io::GgufFile& file);

}  // namespace abstractllm::text
