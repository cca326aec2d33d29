// The steps that a tokenizer's decoder is made of, for tokens one by one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::text {

/// One step of a decoder while a sequence runs through it. A token that goes
/// in may come out changed, later, or joined with others. One thread at a time.
class DecodeStage {
 public:
  virtual ~DecodeStage() = default;
  /// Adds to `out` what follows from `token`.
  virtual void push(std::string_view token, std::vector<std::string>& out) = 0;
  /// Adds what was held back for a token that did not come.
  virtual void finish(std::vector<std::string>&) {}
};

/// One step of a decoder as its tokenizer describes it. A plain value.
struct DecodeStep {
  enum class Kind {
    kReplace,       ///< `content` by `replacement` in each token
    kStrip,         ///< up to `limit` leading `content`; `flag`: of the text
    kMetaspace,     ///< `content` by a space; `flag`: none in the first token
    kWordPiece,     ///< prefix `content`; `flag`: clean up punctuation
    kSuffix,        ///< `content` ends a word
    kByteFallback,  ///< "<0x41>" is a byte
    kByteLevel,     ///< each character is a byte
    kFuse,          ///< what follows sees one text
    kJoin,          ///< no decoder: tokens are words
    kOther,
  };
  Kind kind = Kind::kOther;
  std::string content;
  std::string replacement;
  std::size_t limit = 0;
  bool flag = false;
};

/// Nothing for kFuse and kOther.
std::unique_ptr<DecodeStage> make_stage(const DecodeStep& step);

/// `text` with each `from`, which is not empty, replaced.
std::string replace_all(std::string text, std::string_view from,
                        std::string_view to);

/// The byte that "<0x41>" names; nothing for other tokens.
std::optional<unsigned char> byte_of_token(std::string_view token);

/// The bytes that the characters of a byte-level token stand for; the token
/// itself if one of them stands for none.
std::string bytes_of_byte_level(std::string_view token);

}  // namespace abstractllm::text
