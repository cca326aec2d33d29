// The vocabulary that a GGUF file carries.
// SPDX-License-Identifier: Apache-2.0
#include "text/gguf_vocabulary.h"

#include <fmt/format.h>

#include "abstractllm/error.h"
#include "io/gguf.h"

namespace abstractllm::text {
namespace {

// The largest published vocabularies have about 300 thousand tokens.
constexpr std::size_t kMaxTokens = 1u << 22;

std::string key(std::string_view name) {
  return "tokenizer.ggml." + std::string(name);
}

class Reader {
 public:
  explicit Reader(const io::GgufFile& file) : file_(file) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw ModelLoadingError(
        fmt::format("[tokenizer] {}: {}", file_.path().string(), what),
        "The file's tokenizer is damaged; fetch or convert the model again.");
  }

  std::optional<bool> flag(std::string_view name) const {
    return file_.find_bool(key(name));
  }

  // A number that is no id switches the token off, as -1 does.
  std::optional<std::int32_t> id(
      std::string_view name, std::size_t tokens,
      std::optional<std::int64_t> fallback = std::nullopt) const {
    const std::int64_t value =
        file_.find_int(key(name)).value_or(fallback.value_or(-1));
    if (value < 0 || static_cast<std::uint64_t>(value) >= tokens) {
      return std::nullopt;
    }
    return static_cast<std::int32_t>(value);
  }

  void expect_length(std::string_view name, std::size_t length,
                     std::size_t tokens) const {
    if (length != tokens) {
      fail(fmt::format("{} has {} entries, the vocabulary {} tokens", key(name),
                       length, tokens));
    }
  }

  GgufVocabulary read() const {
    GgufVocabulary vocabulary;
    read_tables(vocabulary);
    read_ids(vocabulary);
    vocabulary.add_bos = flag("add_bos_token");
    vocabulary.add_eos = flag("add_eos_token");
    vocabulary.add_separator = flag("add_sep_token");
    vocabulary.add_space_prefix = flag("add_space_prefix");
    vocabulary.remove_extra_whitespaces = flag("remove_extra_whitespaces");
    vocabulary.lowercase = flag("normalizer.lowercase");
    vocabulary.strip_accents = flag("normalizer.strip_accents");
    vocabulary.model_name = file_.find_string("general.name").value_or("");
    if (const auto bytes = file_.find_ints(key("precompiled_charsmap"))) {
      for (const std::int64_t byte : *bytes) {
        vocabulary.precompiled_charsmap += static_cast<char>(byte);
      }
    }
    return vocabulary;
  }

 private:
  void read_tables(GgufVocabulary& vocabulary) const {
    const auto model = file_.find_string(key("model"));
    if (!model) fail(key("model") + " is missing");
    vocabulary.model = *model;
    vocabulary.pre = file_.find_string(key("pre")).value_or("");
    auto tokens = file_.find_strings(key("tokens"));
    if (!tokens || tokens->empty()) fail(key("tokens") + " is missing");
    vocabulary.tokens = std::move(*tokens);
    const std::size_t count = vocabulary.tokens.size();
    if (count > kMaxTokens) {
      fail(fmt::format("{} tokens, at most {} are read", count, kMaxTokens));
    }
    if (auto scores = file_.find_floats(key("scores"))) {
      expect_length("scores", scores->size(), count);
      vocabulary.scores = std::move(*scores);
    }
    if (auto types = file_.find_ints(key("token_type"))) {
      expect_length("token_type", types->size(), count);
      vocabulary.types = std::move(*types);
    }
    if (auto merges = file_.find_strings(key("merges"))) {
      vocabulary.merges = std::move(*merges);
    }
  }

  // The ids that the format implies where a file does not say.
  struct ImpliedIds {
    std::optional<std::int64_t> bos, eos, unknown, separator, padding;
  };

  static ImpliedIds implied_ids(std::string_view model) {
    ImpliedIds ids;
    if (model == "llama") ids = {1, 2, 0, {}, {}};
    if (model == "bert") ids = {101, {}, 100, 102, 0};
    if (model == "t5") ids = {{}, 1, 2, {}, 0};
    return ids;
  }

  void read_ids(GgufVocabulary& vocabulary) const {
    const std::size_t count = vocabulary.tokens.size();
    const ImpliedIds implied = implied_ids(vocabulary.model);
    vocabulary.bos = id("bos_token_id", count, implied.bos);
    vocabulary.eos = id("eos_token_id", count, implied.eos);
    vocabulary.eot = id("eot_token_id", count);
    vocabulary.eom = id("eom_token_id", count);
    vocabulary.unknown = id("unknown_token_id", count, implied.unknown);
    // The format spells it so.
    vocabulary.separator = id("seperator_token_id", count, implied.separator);
    vocabulary.padding = id("padding_token_id", count, implied.padding);
    vocabulary.cls = id("cls_token_id", count);
    vocabulary.mask = id("mask_token_id", count);
  }

  const io::GgufFile& file_;
};

}  // namespace

GgufVocabulary read_gguf_vocabulary(const io::GgufFile& file) {
  return Reader(file).read();
}

}  // namespace abstractllm::text
