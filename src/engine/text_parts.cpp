// Tokenizer and templates of a folder or a GGUF file.
// SPDX-License-Identifier: Apache-2.0
#include "engine/text_parts.h"

#include <utility>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "text/gguf_vocabulary.h"

namespace abstractllm::engine {
namespace {

TextParts read_gguf(const std::filesystem::path& path) {
  const io::GgufFile file = io::GgufFile::open(path);
  const text::GgufVocabulary vocabulary = text::read_gguf_vocabulary(file);
  std::vector<std::int32_t> ends;
  for (const auto& id : {vocabulary.eos, vocabulary.eot, vocabulary.eom}) {
    if (id) ends.push_back(*id);
  }
  return {text::Tokenizer::from_vocabulary(vocabulary),
          text::special_tokens_of(vocabulary), text::read_chat_templates(file),
          std::move(ends), vocabulary.model_name};
}

TextParts read_folder(const io::ModelFiles& files) {
  if (!files.tokenizer) {
    throw ModelLoadingError(
        "[tokenizer] " + files.location.string() + " has no tokenizer.json",
        "Convert the tokenizer with transformers (save_pretrained).");
  }
  text::Tokenizer tokenizer = text::Tokenizer::from_file(*files.tokenizer);
  text::SpecialTokens special = text::read_special_tokens(files.location);
  std::vector<std::int32_t> ends;
  if (const auto eos = special.named.find("eos_token");
      eos != special.named.end()) {
    if (const auto id = tokenizer.token_to_id(eos->second)) ends.push_back(*id);
  }
  return {std::move(tokenizer),
          std::move(special),
          text::read_chat_templates(files.location),
          std::move(ends),
          {}};
}

}  // namespace

TextParts read_text_parts(const io::ModelFiles& files) {
  return files.gguf ? read_gguf(*files.gguf) : read_folder(files);
}

}  // namespace abstractllm::engine
