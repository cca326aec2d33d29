// The ways to cut a text into words that GGUF files name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace abstractllm::text {

/// What `tokenizer.ggml.pre` stands for.
struct PreTokenizer {
  /// Regular expressions, applied one after the other: what one matches, and
  /// what lies between its matches, are pieces for the next.
  std::vector<std::string_view> patterns;
  /// A piece that is a token as a whole is not built from merges.
  bool ignore_merges = false;
  /// A beginning token is put in front where the file does not say.
  bool adds_bos = false;
  /// False: tokens are text rather than bytes, and spaces are marked by "▁".
  bool byte_level = true;
};

/// Nothing for a name that is not known.
const PreTokenizer* find_pre_tokenizer(std::string_view name);

/// All names, sorted.
std::vector<std::string_view> pre_tokenizer_names();

}  // namespace abstractllm::text
