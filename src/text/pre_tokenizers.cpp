// The ways to cut a text into words that GGUF files name.
// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizers.h"

#include <map>

namespace abstractllm::text {
namespace {

// The names are those that llama.cpp's converter writes; the expressions are
// those of the models' tokenizer.json. Expressions are in Oniguruma's syntax.

#define CONTRACTION R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define PUNCTUATION_AND_SPACE \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define WORD R"(|[^\r\n\p{L}\p{N}]?\p{L}+)"
#define CASED R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define UNCASED R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define PATH_AND_SPACE R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define ASCII_PUNCTUATION R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~])"

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+)"
    R"(|\s+(?!\S)|\s+)";
constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kDigits = R"(\p{N}+)";
constexpr std::string_view kThreeDigits = R"(\p{N}{1,3})";
constexpr std::string_view kThreeAsciiDigits = "[0-9][0-9][0-9]";
constexpr std::string_view kLineBreak = R"([\r\n])";
constexpr std::string_view kLines = R"([^\n]+|[\n]+)";
constexpr std::string_view kHanAndHangul =
    R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr std::string_view kHanAndKana =
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";

// Words with up to one leading character, digits in groups of three or alone.
constexpr std::string_view kLlama3 =
    CONTRACTION WORD R"(|\p{N}{1,3})" PUNCTUATION_AND_SPACE;
constexpr std::string_view kQwen2 =
    CONTRACTION WORD R"(|\p{N})" PUNCTUATION_AND_SPACE;
constexpr std::string_view kQwen35 =
    CONTRACTION R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
                R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kMiniCpm5 =
    CONTRACTION WORD R"(|\p{N}+)" PUNCTUATION_AND_SPACE;
constexpr std::string_view kUfakzeka =
    R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" PUNCTUATION_AND_SPACE;
constexpr std::string_view kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kSeedCoder =
    CONTRACTION WORD R"(|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+)"
                     R"(|\s+(?!\S)|\s+)";
constexpr std::string_view kExaoneMoe =
    CONTRACTION R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N})"
                R"(| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kJais2 = CONTRACTION WORD
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+)"
    R"(|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S))"
    R"(|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";

// Words that end where the case changes.
constexpr std::string_view kTekken = R"([^\r\n\p{L}\p{N}]?)" CASED "*" UNCASED
                                     "+"
                                     R"(|[^\r\n\p{L}\p{N}]?)" CASED "+" UNCASED
                                     "*"
                                     R"(|\p{N})" PATH_AND_SPACE;
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?)" CASED "*" UNCASED "+" CONTRACTION
    "?"
    R"(|[^\r\n\p{L}\p{N}]?)" CASED "+" UNCASED "*" CONTRACTION
    "?"
    R"(|\p{N}{1,3})" PATH_AND_SPACE;
constexpr std::string_view kYoutu =
    R"([^\r\n\p{L}\p{N}]?)" CASED "*" UNCASED "+" CONTRACTION
    "?"
    R"(|[^\r\n\p{L}\p{N}]?)" CASED "+" UNCASED "*" CONTRACTION
    "?"
    R"(|\p{N})" PATH_AND_SPACE;
constexpr std::string_view kYoutuScripts =
    "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|["
    "一-"
    "龥぀-"
    "ゟ゠-"
    "ヿ]"
    "+";
constexpr std::string_view kKimiK2 =
    R"([\p{Han}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)" CONTRACTION
    "?"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)" CONTRACTION
    "?"
    R"(|\p{N}{1,3})" PUNCTUATION_AND_SPACE;

// DeepSeek's.
constexpr std::string_view kDeepSeek3 =
    ASCII_PUNCTUATION R"([A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
                      R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kSpark =
    ASCII_PUNCTUATION R"([A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
                      R"(| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kDeepSeekLetters =
    R"(\s?[\x{41}-\x{5A}\x{61}-\x{7A}\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6})"
    R"(\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"
    R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5})"
    R"(\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5})"
    R"(\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
    R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59})"
    R"(\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4})"
    R"(\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC})"
    R"(\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC})"
    R"(\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"
    R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128})"
    R"(\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F})"
    R"(\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B})"
    R"(\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3})"
    R"(\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F})"
    R"(\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})"
    R"(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3})"
    R"(\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2})"
    R"(\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)";
constexpr std::string_view kDeepSeekPunctuation =
    R"(\s?[\x{21}-\x{2F}\x{3A}-\x{7E}\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E})"
    R"(\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";

// The others.
constexpr std::string_view kDefaultPunctuation = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr std::string_view kFalconPunctuation = R"([\p{P}\$\+<=>\^~\|`]+)";
constexpr std::string_view kBloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";
constexpr std::string_view kDigitsFromTheEnd = R"(\d{1,3}(?=(?:\d{3})*\b))";
constexpr std::string_view kAfmoeDigits = R"(\d{1,3}(?=(?:\d{3})*(?!\d)))";
constexpr std::string_view kAfmoeScripts =
    R"([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{F900}-\x{FAFF})"
    R"(\x{3040}-\x{309F}\x{30A0}-\x{30FF}\x{FF65}-\x{FF9F})"
    R"(\x{2F00}-\x{2FDF}\x{E40}-\x{E7F}\x{E80}-\x{EFF}\x{1780}-\x{17FF})"
    R"(\x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF})"
    R"(\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}]+)";

#undef CONTRACTION
#undef PUNCTUATION_AND_SPACE
#undef WORD
#undef CASED
#undef UNCASED
#undef PATH_AND_SPACE
#undef ASCII_PUNCTUATION

using Table = std::map<std::string_view, PreTokenizer>;

Table make_table() {
  Table table;
  const auto add = [&table](std::vector<std::string_view> names,
                            PreTokenizer what) {
    for (const std::string_view name : names) table.emplace(name, what);
  };
  add({"default", ""},
      {.patterns = {kDefaultPunctuation, kGpt2, kDigits, kThreeAsciiDigits}});
  add({"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral",
       "midm-2.0", "lfm2", "jina-v5-nano"},
      {.patterns = {kLlama3}, .ignore_merges = true, .adds_bos = true});
  add({"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}, {.patterns = {kLlama3}});
  add({"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2",
       "hunyuan", "solar-open", "grok-2"},
      {.patterns = {kQwen2}});
  add({"qwen35"}, {.patterns = {kQwen35}});
  add({"minicpm5"},
      {.patterns = {kThreeDigits, kMiniCpm5}, .ignore_merges = true});
  add({"ufakzeka"}, {.patterns = {kUfakzeka}});
  add({"laguna"}, {.patterns = {kLines, kQwen2}});
  add({"jais-2"}, {.patterns = {kJais2}});
  add({"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es",
       "jina-v2-de", "a.x-4.0", "mellum", "modern-bert", "jina-v1-en",
       "jina-v2-code", "roberta-bpe", "mpt", "olmo", "jais", "trillion",
       "granite-docling", "exaone4"},
      {.patterns = {kGpt2}});
  add({"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone",
       "minerva-7b", "mellum2"},
      {.patterns = {kDigit, kGpt2}});
  add({"falcon"}, {.patterns = {kFalconPunctuation, kGpt2, kThreeAsciiDigits}});
  add({"tekken"},
      {.patterns = {kTekken}, .ignore_merges = true, .adds_bos = true});
  add({"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"},
      {.patterns = {kGpt4o}});
  add({"granite-embed-multi-97m"},
      {.patterns = {kGpt4o}, .ignore_merges = true});
  add({"tiny_aya", "cohere2moe"}, {.patterns = {kDigitsFromTheEnd, kGpt4o}});
  add({"youtu"}, {.patterns = {kYoutuScripts, kYoutu}, .ignore_merges = true});
  add({"kimi-k2"}, {.patterns = {kKimiK2}});
  add({"deepseek-llm"},
      {.patterns = {kLineBreak, kDeepSeekLetters, kDeepSeekPunctuation,
                    R"(\s+$)", kHanAndHangul, kDigits}});
  add({"deepseek-coder"},
      {.patterns = {kLineBreak, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kHanAndHangul,
                    kDigit}});
  add({"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
      {.patterns = {kThreeDigits, kHanAndKana, kDeepSeek3}});
  add({"spark2_5"}, {.patterns = {kThreeDigits, kHanAndKana, kSpark, kDigit}});
  add({"afmoe"}, {.patterns = {kAfmoeDigits, kAfmoeScripts, kDeepSeek3}});
  add({"poro-chat", "bloom", "gpt3-finnish"}, {.patterns = {kBloom}});
  add({"viking"}, {.patterns = {kBloom, kDigit}});
  add({"bailingmoe", "bailingmoe2", "llada-moe"}, {.patterns = {kBailing}});
  add({"seed-coder"}, {.patterns = {kSeedCoder}});
  add({"exaone-moe"}, {.patterns = {kExaoneMoe}});
  add({"superbpe"}, {.patterns = {kDigits, R"((?=(\d{3})+(?!\d)))"}});
  add({"chameleon"},
      {.patterns = {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
                    R"(([\t\n]|    |  ))", kDigit, R"([\p{P}!-/:-@\[-`{-~])",
                    kGpt2},
       .adds_bos = true});
  add({"gemma4", "granite-embed-multi-311m", "sarvam-moe"},
      {.patterns = {kLines}, .byte_level = false});
  return table;
}

const Table& table() {
  static const Table kTable = make_table();
  return kTable;
}

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  const auto found = table().find(name);
  return found == table().end() ? nullptr : &found->second;
}

std::vector<std::string_view> pre_tokenizer_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, what] : table()) {
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

}  // namespace abstractllm::text
