// The stages that decoders are made of, each exactly as the Rust crate does it
// on all tokens together.
// SPDX-License-Identifier: Apache-2.0
#include "text/decode_stages.h"

#include <array>
#include <cstdint>
#include <utility>

#include "text/utf8_lossy.h"

namespace abstractllm::text {
namespace {

using Tokens = std::vector<std::string>;

class ReplaceStage : public DecodeStage {
 public:
  ReplaceStage(std::string from, std::string to)
      : from_(std::move(from)), to_(std::move(to)) {}
  void push(std::string_view token, Tokens& out) override {
    out.push_back(replace_all(std::string(token), from_, to_));
  }

 private:
  std::string from_, to_;
};

// A run of byte tokens is one text if it is valid as a whole, else U+FFFD for
// each byte; so it has to wait for the end of the run.
class ByteFallbackStage : public DecodeStage {
 public:
  void push(std::string_view token, Tokens& out) override {
    if (const auto byte = byte_of_token(token)) {
      run_ += static_cast<char>(*byte);
      return;
    }
    finish(out);
    out.emplace_back(token);
  }
  void finish(Tokens& out) override {
    if (run_.empty()) return;
    std::string text;
    Utf8Lossy lossy;
    lossy.append(run_, text);
    lossy.finish(text);
    if (text != run_) {
      text.clear();
      for (std::size_t i = 0; i < run_.size(); ++i) text += "\xEF\xBF\xBD";
    }
    out.push_back(std::move(text));
    run_.clear();
  }

 private:
  std::string run_;
};

class ByteLevelStage : public DecodeStage {
 public:
  void push(std::string_view token, Tokens& out) override {
    std::string text;
    lossy_.append(bytes_of_byte_level(token), text);
    if (!text.empty()) out.push_back(std::move(text));
  }
  void finish(Tokens& out) override {
    std::string text;
    lossy_.finish(text);
    if (!text.empty()) out.push_back(std::move(text));
  }

 private:
  Utf8Lossy lossy_;
};

class MetaspaceStage : public DecodeStage {
 public:
  MetaspaceStage(std::string mark, bool drop_first)
      : mark_(std::move(mark)), drop_(drop_first) {}
  void push(std::string_view token, Tokens& out) override {
    out.push_back(replace_all(std::string(token), mark_, drop_ ? "" : " "));
    drop_ = false;
  }

 private:
  std::string mark_;
  bool drop_;
};

class WordPieceStage : public DecodeStage {
 public:
  WordPieceStage(std::string prefix, bool cleanup)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void push(std::string_view token, Tokens& out) override {
    std::string text(token);
    if (!std::exchange(first_, false)) {
      if (text.starts_with(prefix_)) {
        text.erase(0, prefix_.size());
      } else {
        text.insert(0, " ");
      }
    }
    out.push_back(cleanup_ ? clean(std::move(text)) : std::move(text));
  }

 private:
  static std::string clean(std::string text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 11>
        kRules{{{" .", "."},
                {" ?", "?"},
                {" !", "!"},
                {" ,", ","},
                {" ' ", "'"},
                {" n't", "n't"},
                {" 'm", "'m"},
                {" do not", " don't"},
                {" 's", "'s"},
                {" 've", "'ve"},
                {" 're", "'re"}}};
    for (const auto& [from, to] : kRules) text = replace_all(text, from, to);
    return text;
  }

  std::string prefix_;
  bool cleanup_;
  bool first_ = true;
};

// The last token loses its suffix, the others get a space for it.
class SuffixStage : public DecodeStage {
 public:
  explicit SuffixStage(std::string suffix) : suffix_(std::move(suffix)) {}
  void push(std::string_view token, Tokens& out) override {
    if (last_) out.push_back(replace_all(std::move(*last_), suffix_, " "));
    last_ = std::string(token);
  }
  void finish(Tokens& out) override {
    if (last_) out.push_back(replace_all(std::move(*last_), suffix_, ""));
    last_.reset();
  }

 private:
  std::string suffix_;
  std::optional<std::string> last_;
};

// Takes up to `limit` leading characters off each token, or off the text that
// all tokens make together.
class StripStage : public DecodeStage {
 public:
  StripStage(std::string content, std::size_t limit, bool fused)
      : content_(std::move(content)), limit_(limit), fused_(fused) {}
  void push(std::string_view token, Tokens& out) override {
    if (!fused_) left_ = limit_;
    if (!begun_) left_ = limit_;
    begun_ = true;
    std::string_view rest = token;
    while (left_ > 0 && rest.starts_with(content_)) {
      rest.remove_prefix(content_.size());
      --left_;
    }
    if (!rest.empty()) left_ = 0;
    out.emplace_back(rest);
  }

 private:
  std::string content_;
  std::size_t limit_;
  bool fused_;
  bool begun_ = false;
  std::size_t left_ = 0;
};

// Without a decoder, tokens are words.
class JoinStage : public DecodeStage {
 public:
  void push(std::string_view token, Tokens& out) override {
    out.emplace_back(std::exchange(first_, false) ? "" : " ");
    out.back() += token;
  }

 private:
  bool first_ = true;
};

// Code point of a byte's character in byte-level tokens: printable bytes stand
// for themselves, the others for the code points from 256 on, in order.
constexpr std::size_t kByteCharacters = 256 + 68;

std::array<std::int16_t, kByteCharacters> make_byte_table() {
  std::array<std::int16_t, kByteCharacters> table;
  table.fill(-1);
  std::size_t next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) ||
                           (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    table[printable ? static_cast<std::size_t>(byte) : next++] =
        static_cast<std::int16_t>(byte);
  }
  return table;
}

}  // namespace

std::optional<unsigned char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') {
    return std::nullopt;
  }
  // The crate's number parser takes a sign too.
  if (token[3] == '+') token.remove_prefix(1);
  int value = 0;
  for (const char c : token.substr(3, token.find('>') - 3)) {
    const std::string_view digits = "0123456789abcdef0123456789ABCDEF";
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 16 + static_cast<int>(digit % 16);
  }
  return static_cast<unsigned char>(value);
}

std::string bytes_of_byte_level(std::string_view token) {
  static const auto kTable = make_byte_table();
  std::string bytes;
  for (std::size_t i = 0; i < token.size();) {
    const auto lead = static_cast<unsigned char>(token[i++]);
    std::size_t code = lead;
    if (lead >= 0x80) {
      // All characters that stand for a byte take at most two bytes of UTF-8.
      if (lead < 0xC2 || lead > 0xDF || i == token.size()) {
        return std::string(token);
      }
      code = (lead & 0x1Fu) << 6 |
             (static_cast<unsigned char>(token[i++]) & 0x3Fu);
    }
    if (code >= kTable.size() || kTable[code] < 0) return std::string(token);
    bytes += static_cast<char>(kTable[code]);
  }
  return bytes;
}

std::string replace_all(std::string text, std::string_view from,
                        std::string_view to) {
  std::size_t at = 0;
  while ((at = text.find(from, at)) != std::string::npos) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

std::unique_ptr<DecodeStage> make_stage(const DecodeStep& step) {
  switch (step.kind) {
    case DecodeStep::Kind::kReplace:
      return std::make_unique<ReplaceStage>(step.content, step.replacement);
    case DecodeStep::Kind::kStrip:
      return std::make_unique<StripStage>(step.content, step.limit, step.flag);
    case DecodeStep::Kind::kMetaspace:
      return std::make_unique<MetaspaceStage>(step.content, step.flag);
    case DecodeStep::Kind::kWordPiece:
      return std::make_unique<WordPieceStage>(step.content, step.flag);
    case DecodeStep::Kind::kSuffix:
      return std::make_unique<SuffixStage>(step.content);
    case DecodeStep::Kind::kByteFallback:
      return std::make_unique<ByteFallbackStage>();
    case DecodeStep::Kind::kByteLevel:
      return std::make_unique<ByteLevelStage>();
    case DecodeStep::Kind::kJoin:
      return std::make_unique<JoinStage>();
    case DecodeStep::Kind::kFuse:
    case DecodeStep::Kind::kOther:
      break;
  }
  return nullptr;
}

}  // namespace abstractllm::text
