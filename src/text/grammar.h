// Which tokens may come next where an answer has to have a form.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "text/tokenizer.h"

namespace abstractllm::text {

enum class GrammarKind {
  kJsonSchema,
  kRegex,  ///< Rust's syntax, matched from beginning to end
  kLark,   ///< llguidance's dialect of Lark; <[5]> is the token 5
};

/// A grammar on its way through one answer. One thread at a time; moves between
/// threads.
class GrammarMatcher {
 public:
  GrammarMatcher(GrammarMatcher&&) noexcept;
  GrammarMatcher& operator=(GrammarMatcher&&) noexcept;
  ~GrammarMatcher();

  /// Sets bit i % 32 of word i / 32 where token i may come next; end tokens are
  /// among them where the answer may end. Throws GenerationError where that
  /// takes more work than a step may.
  void mask(std::span<std::uint32_t> bits);
  /// Throws GenerationError for a token that may not come.
  void accept(std::int32_t token);
  /// It is fulfilled, and no text may follow.
  bool finished() const;
  /// Another one at the same place; as costly as its way so far is long.
  GrammarMatcher clone() const;

 private:
  friend class TokenTrie;
  struct Impl;
  explicit GrammarMatcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A vocabulary laid out for grammars. Takes a tenth of a second and some ten
/// MB for a large one. Immutable; thread-safe; cheap to copy.
class TokenTrie {
 public:
  TokenTrie(const Tokenizer& tokenizer,
            std::span<const std::int32_t> end_tokens);

  /// Throws InvalidRequestError for a grammar that is none, is too large, or
  /// uses what is not supported.
  GrammarMatcher compile(GrammarKind kind, std::string_view source) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace abstractllm::text
