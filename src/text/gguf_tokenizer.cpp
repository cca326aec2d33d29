// From the vocabulary of a GGUF file to a tokenizer.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "text/gguf_vocabulary.h"
#include "text/pre_tokenizers.h"
#include "text/tokenizer_impl.h"

namespace abstractllm::text {
namespace {

using nlohmann::json;

constexpr std::string_view kSpaceMark = "▁";

[[noreturn]] void fail(const std::string& what, std::string hint = {}) {
  throw ModelLoadingError("[tokenizer] the GGUF vocabulary " + what,
                          std::move(hint));
}

json split(std::string_view pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

json replace(std::string_view from, std::string_view to) {
  return {
      {"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

json sequence(const char* list, json parts) {
  return {{"type", "Sequence"}, {list, std::move(parts)}};
}

// Turns a vocabulary into the parts that the bridge takes, and owns them.
class Builder {
 public:
  explicit Builder(const GgufVocabulary& vocabulary) : vocabulary_(vocabulary) {
    parts_.unknown_id = vocabulary.unknown.value_or(-1);
  }

  rust::Box<textbridge::Tokenizer> build() {
    const std::string& model = vocabulary_.model;
    if (model == "gpt2" || model == "gemma4" || model == "whitespace") {
      set_up_merged(find_pre());
    } else if (model == "llama") {
      set_up_scored();
    } else if (model == "t5") {
      set_up_unigram();
    } else if (model == "bert") {
      set_up_word_piece();
    } else {
      fail(fmt::format("is of kind '{}'", model),
           "Known kinds are gpt2, llama, gemma4, bert, t5 and whitespace.");
    }
    add_special_tokens();
    return finish();
  }

 private:
  const PreTokenizer& find_pre() const {
    const std::string name =
        vocabulary_.model == "gemma4" ? "gemma4" : vocabulary_.pre;
    if (const PreTokenizer* pre = find_pre_tokenizer(name)) return *pre;
    const auto known = pre_tokenizer_names();
    const auto nearest = base::nearest_name(name, known);
    fail(fmt::format("names the pre-tokenizer '{}', which is not known", name),
         nearest.empty()
             ? "Use the model's tokenizer.json instead."
             : fmt::format("The nearest known one is '{}'.", nearest));
  }

  // BPE whose merges stand in the file.
  void set_up_merged(const PreTokenizer& pre) {
    parts_.kind = textbridge::ModelKind::Bpe;
    parts_.ignore_merges = pre.ignore_merges;
    take_tokens_as_they_are();
    read_merges();
    if (pre.byte_level) {
      json steps = json::array();
      for (const auto& pattern : pre.patterns) steps.push_back(split(pattern));
      const json byte_level = {{"type", "ByteLevel"},
                               {"add_prefix_space", false},
                               {"trim_offsets", true},
                               {"use_regex", false}};
      steps.push_back(byte_level);
      pre_tokenizer_ = sequence("pretokenizers", steps);
      decoder_ = byte_level;
    } else {
      parts_.byte_fallback = true;
      parts_.fuse_unknown = true;
      normalizer_ = replace(" ", kSpaceMark);
      pre_tokenizer_ = split(pre.patterns.front());
      decoder_ = sequence("decoders", {replace(kSpaceMark, " "),
                                       {{"type", "ByteFallback"}},
                                       {{"type", "Fuse"}}});
    }
    frame(vocabulary_.add_bos.value_or(pre.adds_bos || !pre.byte_level),
          vocabulary_.add_eos.value_or(false));
  }

  // SentencePiece's BPE: two neighbours merge if they make a token, the one of
  // the highest score first.
  void set_up_scored() {
    parts_.kind = textbridge::ModelKind::Bpe;
    parts_.byte_fallback = true;
    parts_.fuse_unknown = true;
    take_tokens_as_they_are();
    derive_merges();
    const bool prefix = vocabulary_.add_space_prefix.value_or(true);
    json normalizers = json::array();
    json decoders = {replace(kSpaceMark, " "),
                     {{"type", "ByteFallback"}},
                     {{"type", "Fuse"}}};
    if (prefix) {
      normalizers.push_back({{"type", "Prepend"}, {"prepend", kSpaceMark}});
      decoders.push_back(
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    }
    normalizers.push_back(replace(" ", kSpaceMark));
    normalizer_ = sequence("normalizers", std::move(normalizers));
    decoder_ = sequence("decoders", std::move(decoders));
    frame(vocabulary_.add_bos.value_or(true),
          vocabulary_.add_eos.value_or(false));
  }

  void set_up_unigram() {
    parts_.kind = textbridge::ModelKind::Unigram;
    take_tokens_as_they_are();
    if (vocabulary_.scores.empty()) fail("has no scores");
    scores_ = vocabulary_.scores;
    // A token that is no text must not win over text, nor count as the least
    // likely one, which the penalty for unknown text is measured from.
    float least = 0;
    for (std::size_t id = 0; id < scores_.size(); ++id) {
      if (is_text(id)) least = std::min(least, scores_[id]);
    }
    for (std::size_t id = 0; id < scores_.size(); ++id) {
      if (!is_text(id)) scores_[id] = least;
    }
    parts_.byte_fallback = std::any_of(
        vocabulary_.types.begin(), vocabulary_.types.end(), [](auto type) {
          return type == static_cast<std::int64_t>(TokenType::kByte);
        });
    json normalizers = json::array();
    if (!vocabulary_.precompiled_charsmap.empty()) {
      normalizers.push_back(
          {{"type", "Precompiled"},
           {"precompiled_charsmap", base64(vocabulary_.precompiled_charsmap)}});
    }
    if (vocabulary_.remove_extra_whitespaces.value_or(false)) {
      normalizers.push_back(
          {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
      normalizers.push_back({{"type", "Replace"},
                             {"pattern", {{"Regex", " {2,}"}}},
                             {"content", " "}});
    }
    normalizer_ = sequence("normalizers", std::move(normalizers));
    const bool prefix = vocabulary_.add_space_prefix.value_or(true);
    const json metaspace = {{"type", "Metaspace"},
                            {"replacement", kSpaceMark},
                            {"prepend_scheme", prefix ? "always" : "never"},
                            {"split", true}};
    pre_tokenizer_ = metaspace;
    decoder_ = metaspace;
    frame(vocabulary_.add_bos.value_or(false),
          vocabulary_.add_eos.value_or(true));
  }

  // The file marks the first piece of a word by "▁"; the crate the others by
  // "##".
  void set_up_word_piece() {
    parts_.kind = textbridge::ModelKind::WordPiece;
    word_prefix_ = "##";
    for (std::size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      const std::string_view token = vocabulary_.tokens[id];
      if (!is_text(id)) {
        add_text(token);
      } else if (token.starts_with(kSpaceMark)) {
        add_text(token.substr(kSpaceMark.size()));
      } else {
        add_text(word_prefix_ + std::string(token));
      }
    }
    const bool lowercase = vocabulary_.lowercase.value_or(true);
    normalizer_ = {
        {"type", "BertNormalizer"},
        {"clean_text", true},
        {"handle_chinese_chars", true},
        {"strip_accents", vocabulary_.strip_accents.value_or(lowercase)},
        {"lowercase", lowercase}};
    pre_tokenizer_ = {{"type", "BertPreTokenizer"}};
    decoder_ = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
    const auto first = vocabulary_.cls ? vocabulary_.cls : vocabulary_.bos;
    // Newer converters mean by add_sep what stands between two texts, and say
    // of what stands behind one that it is an end.
    const bool ends = vocabulary_.add_separator.value_or(true) ||
                      vocabulary_.add_eos.value_or(false);
    frame_with(vocabulary_.add_bos.value_or(true) ? first : std::nullopt,
               ends ? vocabulary_.separator : std::nullopt);
  }

  bool is_text(std::size_t id) const {
    return !vocabulary_.is_type(id, TokenType::kControl) &&
           !vocabulary_.is_type(id, TokenType::kUnknown) &&
           !vocabulary_.is_type(id, TokenType::kByte);
  }

  void add_text(std::string_view text) {
    texts_ += text;
    ends_.push_back(static_cast<std::uint32_t>(texts_.size()));
  }

  void take_tokens_as_they_are() {
    std::size_t bytes = 0;
    for (const auto& token : vocabulary_.tokens) bytes += token.size();
    texts_.reserve(bytes);
    ends_.reserve(vocabulary_.tokens.size());
    for (const auto& token : vocabulary_.tokens) add_text(token);
  }

  void add_merge(std::string_view left, std::string_view right) {
    merge_texts_ += left;
    merge_ends_.push_back(static_cast<std::uint32_t>(merge_texts_.size()));
    merge_texts_ += right;
    merge_ends_.push_back(static_cast<std::uint32_t>(merge_texts_.size()));
  }

  void read_merges() {
    merge_ends_.reserve(2 * vocabulary_.merges.size());
    for (const std::string_view merge : vocabulary_.merges) {
      // The left token may begin with a space.
      const std::size_t space = merge.find(' ', 1);
      if (space == std::string_view::npos) continue;
      add_merge(merge.substr(0, space), merge.substr(space + 1));
    }
  }

  void derive_merges() {
    if (vocabulary_.scores.empty()) fail("has no scores");
    const auto& tokens = vocabulary_.tokens;
    std::unordered_map<std::string_view, std::uint32_t> ids;
    ids.reserve(tokens.size());
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      ids.emplace(tokens[id], static_cast<std::uint32_t>(id));
    }
    struct Merge {
      std::uint32_t id, cut, left, right;
    };
    std::vector<Merge> merges;
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      if (!is_text(id)) continue;
      for (std::size_t cut = 1; cut < tokens[id].size(); ++cut) {
        const auto byte = static_cast<unsigned char>(tokens[id][cut]);
        if ((byte >> 6) == 2) continue;  // inside a character
        const auto left = ids.find(tokens[id].substr(0, cut));
        if (left == ids.end()) continue;
        const auto right = ids.find(tokens[id].substr(cut));
        if (right == ids.end()) continue;
        merges.push_back({static_cast<std::uint32_t>(id),
                          static_cast<std::uint32_t>(cut), left->second,
                          right->second});
      }
    }
    // Of one score, in the order that transformers' converter gives them.
    std::sort(
        merges.begin(), merges.end(), [&](const Merge& a, const Merge& b) {
          const auto rank = [&](const Merge& m) {
            return std::tuple(-vocabulary_.scores[m.id],
                              -static_cast<std::int64_t>(m.cut),
                              -static_cast<std::int64_t>(tokens[m.id].size()),
                              m.id, m.left, m.right);
          };
          return rank(a) < rank(b);
        });
    for (const Merge& merge : merges) {
      add_merge(tokens[merge.left], tokens[merge.right]);
    }
  }

  void frame(bool add_bos, bool add_eos) {
    frame_with(add_bos ? vocabulary_.bos : std::nullopt,
               add_eos ? vocabulary_.eos : std::nullopt);
  }

  // Puts the two around every text.
  void frame_with(std::optional<std::int32_t> first,
                  std::optional<std::int32_t> last) {
    if (!first && !last) return;
    json single = json::array();
    json special = json::object();
    const auto add = [&](std::int32_t id) {
      const std::string text(vocabulary_.tokens[static_cast<std::size_t>(id)]);
      special[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
      single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
    };
    if (first) add(*first);
    single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
    if (last) add(*last);
    json pair = single;
    pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
    post_processor_ = {{"type", "TemplateProcessing"},
                       {"single", single},
                       {"pair", pair},
                       {"special_tokens", special}};
  }

  // Phi-3's special tokens take the space after them along, which the format
  // has no place for.
  bool strips_right(std::string_view token) const {
    std::string name = vocabulary_.model_name;
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    const bool phi3 = name.find("phi-3") != std::string::npos ||
                      name.find("phi3") != std::string::npos;
    return phi3 && token != "<unk>" && token != "<s>" &&
           token != "<|endoftext|>";
  }

  void add_special_tokens() {
    for (std::size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      const bool special = vocabulary_.is_type(id, TokenType::kControl) ||
                           vocabulary_.is_type(id, TokenType::kUnknown);
      if (!special && !vocabulary_.is_type(id, TokenType::kUserDefined)) {
        continue;
      }
      const std::string_view token = vocabulary_.tokens[id];
      if (token.empty()) continue;
      parts_.added.push_back({.content = as_slice(token),
                              .special = special,
                              .normalized = false,
                              .lstrip = false,
                              .rstrip = special && strips_right(token)});
    }
  }

  static std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
      std::uint32_t group = 0;
      for (std::size_t j = 0; j < 3; ++j) {
        group <<= 8;
        if (i + j < bytes.size()) {
          group |= static_cast<unsigned char>(bytes[i + j]);
        }
      }
      for (std::size_t j = 0; j < 4; ++j) {
        text +=
            i + j > bytes.size() ? '=' : kDigits[(group >> (18 - 6 * j)) & 63];
      }
    }
    return text;
  }

  rust::Box<textbridge::Tokenizer> finish() {
    const auto dump = [](const json& part) {
      return part.is_null() ? std::string() : part.dump();
    };
    const std::string normalizer = dump(normalizer_);
    const std::string pre_tokenizer = dump(pre_tokenizer_);
    const std::string post_processor = dump(post_processor_);
    const std::string decoder = dump(decoder_);
    parts_.texts = as_slice(texts_);
    parts_.ends = {ends_.data(), ends_.size()};
    parts_.scores = {scores_.data(), scores_.size()};
    parts_.merge_texts = as_slice(merge_texts_);
    parts_.merge_ends = {merge_ends_.data(), merge_ends_.size()};
    parts_.word_prefix = as_slice(word_prefix_);
    parts_.normalizer = as_slice(normalizer);
    parts_.pre_tokenizer = as_slice(pre_tokenizer);
    parts_.post_processor = as_slice(post_processor);
    parts_.decoder = as_slice(decoder);
    return textbridge::tokenizer_from_vocabulary(parts_);
  }

  const GgufVocabulary& vocabulary_;
  textbridge::Vocabulary parts_{};
  std::string texts_;
  std::vector<std::uint32_t> ends_;
  std::vector<float> scores_;
  std::string merge_texts_;
  std::vector<std::uint32_t> merge_ends_;
  std::string word_prefix_;
  json normalizer_, pre_tokenizer_, post_processor_, decoder_;
};

}  // namespace

Tokenizer Tokenizer::from_vocabulary(const GgufVocabulary& vocabulary) {
  try {
    auto impl = std::make_shared<Impl>(Builder(vocabulary).build());
    const auto duplicates = impl->rust->duplicates();
    for (std::size_t i = 0; i + 1 < duplicates.size(); i += 2) {
      impl->duplicates.emplace(static_cast<std::int32_t>(duplicates[i]),
                               static_cast<std::int32_t>(duplicates[i + 1]));
    }
    impl->minimum_size = static_cast<std::int32_t>(vocabulary.tokens.size());
    return Tokenizer(std::move(impl));
  } catch (const rust::Error& error) {
    fail(fmt::format("cannot be used: {}", error.what()));
  } catch (const json::exception&) {
    fail("has texts that are not valid UTF-8");
  }
}

}  // namespace abstractllm::text
