// What the two layouts of a model say of its text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/model_files.h"
#include "text/special_tokens.h"
#include "text/tokenizer.h"

namespace abstractllm::engine {

/// A plain value.
struct TextParts {
  text::Tokenizer tokenizer;
  text::SpecialTokens special;
  text::ChatTemplateSources templates;
  std::vector<std::int32_t> end_tokens;  ///< the tokenizer's own
  std::string model_name{};              ///< as a GGUF file says it
};

/// Of a folder or a GGUF file. Throws ModelLoadingError.
TextParts read_text_parts(const io::ModelFiles& files);

/// What a folder without tokenizer.json says all the same: templates, and of
/// the tokenizer the special tokens that tokenizer_config.json numbers. It
/// encodes no text. Throws ModelLoadingError for damaged files.
TextParts outline_text_parts(const io::ModelFiles& files);

}  // namespace abstractllm::engine
