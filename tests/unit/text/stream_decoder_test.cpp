// Decoding token by token equals decoding all tokens.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "text/tokenizer.h"
#include "text/utf8_lossy.h"
#include "unit/text/test_data.h"

namespace abstractllm::text {
namespace {

using Ids = std::vector<std::int32_t>;

bool is_valid_utf8(const std::string& text) {
  std::string out;
  Utf8Lossy lossy;
  lossy.append(text, out);
  const bool whole = out == text;
  lossy.finish(out);
  return whole && out == text;
}

void expect_streams_as_decode(const Tokenizer& tokenizer, const Ids& ids,
                              bool skip_special) {
  StreamDecoder stream(tokenizer, skip_special);
  std::string text;
  for (const std::int32_t id : ids) {
    const std::string piece = stream.push(id);
    EXPECT_TRUE(is_valid_utf8(piece)) << "token " << id;
    text += piece;
  }
  text += stream.finish();
  EXPECT_EQ(text, tokenizer.decode(ids, skip_special));
}

class Streaming : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Streaming, RandomTokensGiveTheTextOfDecode) {
  const auto tokenizer = Tokenizer::from_file(GetParam());
  // Tokens of one byte are rare in a large vocabulary, and the hard case.
  Ids bytes;
  for (std::int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.token_bytes(id).size() == 1) bytes.push_back(id);
  }
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    Ids ids;
    for (int i = 0; i < 40; ++i) {
      const bool byte = !bytes.empty() && random() % 2 == 0;
      ids.push_back(byte ? bytes[random() % bytes.size()]
                         : static_cast<std::int32_t>(
                               random() % (tokenizer.vocab_size() + 3)));
    }
    expect_streams_as_decode(tokenizer, ids, round % 2 == 0);
  }
}

TEST_P(Streaming, TextsComeBack) {
  const auto tokenizer = Tokenizer::from_file(GetParam());
  for (const char* text :
       {"", " leading", "a\n\nb",
        "naïve Ünïcödé 漢字 🦙👩‍👩‍👧 \t x",
        "\xEF\xBF\xBD"}) {
    expect_streams_as_decode(tokenizer, tokenizer.encode(text, true), true);
    expect_streams_as_decode(tokenizer, tokenizer.encode(text, false), false);
  }
}

// One tokenizer for each decoder among the fixtures, and the published ones.
Paths tokenizers() {
  Paths files;
  std::set<std::string> decoders;
  for (const auto& folder : fixture_folders()) {
    const auto file = folder / "tokenizer.json";
    if (!std::filesystem::exists(file)) continue;
    const Json json = read_json(file);
    if (decoders.insert(json["decoder"].dump()).second) files.push_back(file);
  }
  const std::filesystem::path published = ABSTRACTLLM_TEST_TOKENIZERS;
  if (std::filesystem::is_directory(published)) {
    for (const auto& entry : std::filesystem::directory_iterator(published)) {
      files.push_back(entry.path() / "tokenizer.json");
    }
  }
  return files;
}

INSTANTIATE_TEST_SUITE_P(Text, Streaming, testing::ValuesIn(tokenizers()),
                         test_name);

// A tokenizer of single letters and bytes with the given decoder.
Tokenizer with_decoder(const std::string& decoder) {
  Json vocab;
  int next = 0;
  for (const char* token :
       {"<unk>", "a", "b</w>", "##c", "▁", "▁d", ".", "<0xE2>", "<0x82>",
        "<0xAC>", "<0x41>", " ", "n't", "<0x+1>", "Ġ", "Ã", "©"}) {
    vocab[token] = next++;
  }
  const Json json = {
      {"version", "1.0"},
      {"added_tokens", Json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer", nullptr},
      {"post_processor", nullptr},
      {"decoder", Json::parse(decoder)},
      {"model",
       {{"type", "WordLevel"}, {"vocab", vocab}, {"unk_token", "<unk>"}}}};
  return Tokenizer::from_json(json.dump(), "test");
}

TEST(StreamDecoder, EqualsDecodeForEveryKindOfDecoder) {
  const char* const kDecoders[] = {
      "null",
      R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true})",
      R"({"type":"WordPiece","prefix":"##","cleanup":true})",
      R"({"type":"WordPiece","prefix":"##","cleanup":false})",
      R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always"})",
      R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"never"})",
      R"({"type":"BPEDecoder","suffix":"</w>"})",
      R"({"type":"CTC","pad_token":"a","word_delimiter_token":"b",
          "cleanup":true})",
      R"({"type":"Sequence","decoders":[
          {"type":"Replace","pattern":{"String":"▁"},"content":" "},
          {"type":"ByteFallback"},{"type":"Fuse"},
          {"type":"Strip","content":" ","start":2,"stop":0}]})",
      R"({"type":"Sequence","decoders":[
          {"type":"Replace","pattern":{"Regex":"▁|a"},"content":" "},
          {"type":"ByteFallback"},{"type":"Fuse"}]})",
      R"({"type":"Sequence","decoders":[
          {"type":"Strip","content":" ","start":1,"stop":0},
          {"type":"ByteFallback"},
          {"type":"Sequence","decoders":[{"type":"Fuse"}]},
          {"type":"Replace","pattern":{"String":"aa"},"content":"x"}]})",
  };
  std::mt19937 random(11);
  for (const char* decoder : kDecoders) {
    SCOPED_TRACE(decoder);
    const auto tokenizer = with_decoder(decoder);
    for (int round = 0; round < 300; ++round) {
      Ids ids(1 + random() % 12);
      for (auto& id : ids) id = static_cast<std::int32_t>(random() % 19) - 1;
      expect_streams_as_decode(tokenizer, ids, false);
    }
  }
}

TEST(StreamDecoder, GivesACharacterWithItsLastByte) {
  const auto tokenizer = with_decoder(
      R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true})");
  StreamDecoder stream(tokenizer, false);
  EXPECT_EQ(stream.push(*tokenizer.token_to_id("a")), "a");
  EXPECT_EQ(stream.push(*tokenizer.token_to_id("Ã")), "");
  EXPECT_EQ(stream.push(*tokenizer.token_to_id("©")), "é");
  EXPECT_EQ(stream.push(*tokenizer.token_to_id("Ã")), "");
  EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace abstractllm::text
