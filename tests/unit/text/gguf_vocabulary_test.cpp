// Vocabularies of GGUF files against the ids of their test strings.
// SPDX-License-Identifier: Apache-2.0
#include "text/gguf_vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "text/pre_tokenizers.h"
#include "text/tokenizer.h"
#include "unit/text/test_data.h"

namespace abstractllm::text {
namespace {

using Ids = std::vector<std::int32_t>;

Tokenizer open(const std::filesystem::path& path) {
  const auto file = io::GgufFile::open(path);
  return Tokenizer::from_vocabulary(read_gguf_vocabulary(file));
}

class Vocabulary : public testing::TestWithParam<std::filesystem::path> {};

std::vector<std::string> test_strings(const std::string& text) {
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> strings;
  std::size_t begin = 0;
  for (std::size_t end;
       (end = text.find(separator, begin)) != std::string::npos;
       begin = end + separator.size()) {
    strings.push_back(text.substr(begin, end - begin));
  }
  return strings;
}

TEST_P(Vocabulary, GivesTheExpectedIds) {
  const auto tokenizer = open(GetParam());
  const auto strings = test_strings(read_file(GetParam().string() + ".inp"));
  std::istringstream lines(read_file(GetParam().string() + ".out"));
  ASSERT_GT(strings.size(), 20u);
  for (const std::string& text : strings) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line)) << "fewer results than strings";
    std::istringstream numbers(line);
    const Ids expected(std::istream_iterator<std::int32_t>(numbers), {});
    EXPECT_EQ(tokenizer.encode(text, false), expected) << '"' << text << '"';
  }
}

INSTANTIATE_TEST_SUITE_P(Text, Vocabulary,
                         testing::ValuesIn(files_of(test_data() / "data/vocab",
                                                    ".gguf")),
                         test_name);

// The GGUF fixtures were converted from text fixtures, which have reference
// results.
TEST(GgufVocabulary, FixturesEncodeAsTheModelsThatTheyWereMadeFrom) {
  int checked = 0;
  for (const auto& folder : fixture_folders()) {
    if (!std::filesystem::exists(folder / "model.gguf")) continue;
    const std::string name = folder.filename().string();
    const auto base = test_data() / "fixtures/text" /
                      (name.starts_with("qwen2") ? "qwen2" : "llama3");
    if (name.starts_with("llama-") || !std::filesystem::exists(base)) continue;
    SCOPED_TRACE(name);
    const auto tokenizer = open(folder / "model.gguf");
    const Json reference = read_json(base / "reference.json");
    for (const Json& entry : reference["tokenizer"]["strings"]) {
      const std::string text = entry["text"];
      EXPECT_EQ(tokenizer.encode(text, true), entry["ids"].get<Ids>()) << text;
      const Ids plain = entry["ids_without_special"];
      EXPECT_EQ(tokenizer.encode(text, false), plain) << text;
      EXPECT_EQ(tokenizer.decode(plain, false), entry["decoded"]);
    }
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

// Bytes as byte-level characters, a few merges, one special token.
GgufVocabulary small_vocabulary() {
  GgufVocabulary vocabulary;
  vocabulary.model = "gpt2";
  vocabulary.tokens = {"a", "b", "c", "1", "Ġ", "ab", "Ġab", "<s>", "abc"};
  vocabulary.merges = {"a b", "Ġ ab", "no merge", "x y", "malformed"};
  vocabulary.types = {1, 1, 1, 1, 1, 1, 1, 3, 1};
  vocabulary.bos = 7;
  return vocabulary;
}

TEST(GgufVocabulary, KnowsEveryNamedPreTokenizer) {
  for (const std::string_view name : pre_tokenizer_names()) {
    GgufVocabulary vocabulary = small_vocabulary();
    vocabulary.pre = name;
    const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
    EXPECT_EQ(tokenizer.encode("ab", false), Ids{5}) << name;
    EXPECT_EQ(tokenizer.encode("<s>", false), Ids{7}) << name;
    if (find_pre_tokenizer(name)->byte_level && name != "bloom" &&
        name != "poro-chat" && name != "gpt3-finnish" && name != "viking" &&
        name != "superbpe") {
      EXPECT_EQ(tokenizer.encode("ab ab1", false), (Ids{5, 6, 3})) << name;
    }
  }
}

TEST(GgufVocabulary, CutsWordsAsTheNamedPreTokenizerDoes) {
  const auto encode = [](std::string_view pre, std::string_view text) {
    GgufVocabulary vocabulary = small_vocabulary();
    vocabulary.tokens = {"a", "A", "1", "Ġ", "aA", "11", "111", "Aa"};
    vocabulary.merges = {"a A", "1 1", "11 1", "A a"};
    vocabulary.types.clear();
    vocabulary.bos.reset();
    vocabulary.pre = pre;
    return Tokenizer::from_vocabulary(vocabulary).encode(text, false);
  };
  EXPECT_EQ(encode("gpt-2", "1111"), (Ids{5, 5}));
  EXPECT_EQ(encode("qwen2", "1111"), (Ids{2, 2, 2, 2}));
  EXPECT_EQ(encode("llama-bpe", "1111"), (Ids{6, 2}));
  EXPECT_EQ(encode("afmoe", "1111"), (Ids{2, 6}));
  EXPECT_EQ(encode("superbpe", "1111"), (Ids{2, 6}));
  EXPECT_EQ(encode("tiny_aya", "1111"), (Ids{2, 6}));
  EXPECT_EQ(encode("qwen2", "aA"), (Ids{4}));
  EXPECT_EQ(encode("gpt-4o", "aA"), (Ids{0, 1}));
  EXPECT_EQ(encode("tekken", "Aa"), (Ids{7}));
  EXPECT_EQ(encode("kimi-k2", "aA漢"), (Ids{0, 1}));
}

TEST(GgufVocabulary, PutsTheBeginningTokenWhereTheFileOrTheModelSays) {
  GgufVocabulary vocabulary = small_vocabulary();
  vocabulary.pre = "gpt-2";
  EXPECT_EQ(Tokenizer::from_vocabulary(vocabulary).encode("a", true), Ids{0});
  vocabulary.add_bos = true;
  EXPECT_EQ(Tokenizer::from_vocabulary(vocabulary).encode("a", true),
            (Ids{7, 0}));
  vocabulary.pre = "llama-bpe";
  vocabulary.add_bos.reset();
  EXPECT_EQ(Tokenizer::from_vocabulary(vocabulary).encode("a", true),
            (Ids{7, 0}));
  vocabulary.add_bos = false;
  vocabulary.add_eos = true;
  vocabulary.eos = 7;
  EXPECT_EQ(Tokenizer::from_vocabulary(vocabulary).encode("a", true),
            (Ids{0, 7}));
}

TEST(GgufVocabulary, MergesByScoreAndFallsBackToBytes) {
  GgufVocabulary vocabulary;
  vocabulary.model = "llama";
  vocabulary.tokens = {"<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "▁",
                       "a",     "b",   "ab",   "▁a",     "bc",     "c"};
  vocabulary.types = {2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 1};
  vocabulary.scores = {0, 0, 0, 0, 0, -7, -8, -9, -3, -2, -1, -10};
  vocabulary.bos = 1;
  vocabulary.unknown = 0;
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  EXPECT_EQ(tokenizer.encode("abc", true), (Ids{1, 9, 10}));
  EXPECT_EQ(tokenizer.encode("é", false), (Ids{5, 3, 4}));
  EXPECT_EQ(tokenizer.encode("<s>a", false), (Ids{1, 9}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 9, 10}, true), "abc");
  EXPECT_EQ(tokenizer.decode(Ids{9, 9, 3, 4}, true), "a aé");
  EXPECT_EQ(tokenizer.token_bytes(3), "\xC3");
  EXPECT_EQ(tokenizer.token_bytes(9), " a");
  vocabulary.add_space_prefix = false;
  const auto bare = Tokenizer::from_vocabulary(vocabulary);
  EXPECT_EQ(bare.encode("abc", false), (Ids{6, 10}));
  EXPECT_EQ(bare.decode(Ids{9}, true), " a");
}

TEST(GgufVocabulary, EndsTheTextsOfBertWhateverTheFlagIsCalled) {
  GgufVocabulary vocabulary;
  vocabulary.model = "bert";
  vocabulary.tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁a"};
  vocabulary.types = {3, 3, 3, 3, 1};
  vocabulary.unknown = 1;
  vocabulary.bos = 2;
  vocabulary.eos = 3;
  vocabulary.separator = 3;
  const auto ids = [&] {
    return Tokenizer::from_vocabulary(vocabulary).encode("a", true);
  };
  EXPECT_EQ(ids(), (Ids{2, 4, 3}));
  vocabulary.add_separator = false;
  EXPECT_EQ(ids(), (Ids{2, 4}));
  vocabulary.add_eos = true;
  EXPECT_EQ(ids(), (Ids{2, 4, 3}));
}

TEST(GgufVocabulary, ChoosesTheLikeliestPiecesOfAUnigramVocabulary) {
  GgufVocabulary vocabulary;
  vocabulary.model = "t5";
  vocabulary.tokens = {"<pad>", "</s>", "<unk>", "▁",  "▁a",
                       "b",     "▁ab",  "c",     "bc", "abc"};
  vocabulary.types = {3, 3, 2, 1, 1, 1, 1, 1, 1, 1};
  vocabulary.scores = {0, 0, 0, -2, -1, -1, -3, -4, -1, -9};
  vocabulary.eos = 1;
  vocabulary.unknown = 2;
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  EXPECT_EQ(tokenizer.encode("ab", true), (Ids{4, 5, 1}));
  EXPECT_EQ(tokenizer.encode("abc c", false), (Ids{4, 8, 3, 7}));
  EXPECT_EQ(tokenizer.encode("z", false), (Ids{3, 2}));
  EXPECT_EQ(tokenizer.decode(Ids{4, 8, 3, 7}, true), "abc c");
}

TEST(GgufVocabulary, KeepsEveryIdOfATextThatComesTwice) {
  GgufVocabulary vocabulary = small_vocabulary();
  vocabulary.tokens.push_back("ab");
  vocabulary.types.push_back(1);
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  EXPECT_EQ(tokenizer.vocab_size(), 10);
  EXPECT_EQ(tokenizer.encode("ab", false), Ids{5});
  EXPECT_EQ(tokenizer.token_text(9), "ab");
  EXPECT_EQ(tokenizer.decode(Ids{9, 5}, false), "abab");
}

TEST(GgufVocabulary, RefusesWhatItCannotBuild) {
  const auto message = [](GgufVocabulary vocabulary) -> std::string {
    try {
      Tokenizer::from_vocabulary(vocabulary);
    } catch (const ModelLoadingError& error) {
      return std::string(error.what()) + " / " + error.hint();
    }
    return "nothing was thrown";
  };
  GgufVocabulary vocabulary = small_vocabulary();
  vocabulary.pre = "qwen3";
  EXPECT_THAT(message(vocabulary), testing::HasSubstr("'qwen3'"));
  EXPECT_THAT(message(vocabulary), testing::HasSubstr("qwen2"));
  vocabulary = small_vocabulary();
  vocabulary.model = "rwkv";
  EXPECT_THAT(message(vocabulary), testing::HasSubstr("'rwkv'"));
  vocabulary.model = "llama";
  EXPECT_THAT(message(vocabulary), testing::HasSubstr("has no scores"));
  vocabulary = small_vocabulary();
  vocabulary.tokens.push_back("\xFF\xFE");
  EXPECT_THAT(message(vocabulary), testing::HasSubstr("UTF-8"));
}

}  // namespace
}  // namespace abstractllm::text
