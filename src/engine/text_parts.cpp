// Tokenizer and templates of a folder or a GGUF file.
// SPDX-License-Identifier: Apache-2.0
#include "engine/text_parts.h"

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "io/json_config.h"
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

TextParts folder_parts(const io::ModelFiles& files, text::Tokenizer tokenizer) {
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

// A tokenizer of nothing but the tokens that `config`, tokenizer_config.json,
// numbers.
text::Tokenizer special_tokenizer(const io::JsonConfig& config) {
  using Json = nlohmann::json;
  Json vocabulary = Json::object();
  Json added = Json::array();
  const auto numbered = config.find_object("added_tokens_decoder");
  for (const std::string& key :
       numbered ? numbered->keys() : std::vector<std::string>{}) {
    const auto token = numbered->find_object(key);
    const auto content = token ? token->find_string("content") : std::nullopt;
    int id = 0;
    const auto parsed =
        std::from_chars(key.data(), key.data() + key.size(), id);
    if (!content || content->empty() || parsed.ptr != key.data() + key.size() ||
        id < 0) {
      continue;
    }
    vocabulary[*content] = id;
    added.push_back({{"id", id},
                     {"content", *content},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", token->find_bool("special").value_or(true)}});
  }
  const Json tokenizer{
      {"version", "1.0"},
      {"added_tokens", added},
      {"model",
       {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}};
  return text::Tokenizer::from_json(
      tokenizer.dump(-1, ' ', false, Json::error_handler_t::replace),
      config.origin());
}

TextParts read_folder(const io::ModelFiles& files) {
  if (!files.tokenizer) {
    throw ModelLoadingError(
        "[tokenizer] " + files.location.string() + " has no tokenizer.json",
        "Convert the tokenizer with transformers (save_pretrained).");
  }
  return folder_parts(files, text::Tokenizer::from_file(*files.tokenizer));
}

}  // namespace

TextParts read_text_parts(const io::ModelFiles& files) {
  return files.gguf ? read_gguf(*files.gguf) : read_folder(files);
}

TextParts outline_text_parts(const io::ModelFiles& files) {
  const auto file = files.location / "tokenizer_config.json";
  const bool is_there = std::filesystem::is_regular_file(file);
  return folder_parts(files,
                      special_tokenizer(is_there ? io::JsonConfig::load(file)
                                                 : io::JsonConfig()));
}

}  // namespace abstractllm::engine
