// Grammars, over the Rust crate.
// SPDX-License-Identifier: Apache-2.0
#include "text/grammar.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "abstractllm/error.h"
#include "text/tokenizer_impl.h"

namespace abstractllm::text {
namespace {

// The largest schemas of public programs have a few hundred KB.
constexpr std::size_t kMaxSourceBytes = 1u << 20;

textbridge::GrammarKind to_bridge(GrammarKind kind) {
  switch (kind) {
    case GrammarKind::kRegex:
      return textbridge::GrammarKind::Regex;
    case GrammarKind::kLark:
      return textbridge::GrammarKind::Lark;
    case GrammarKind::kJsonSchema:
      break;
  }
  return textbridge::GrammarKind::JsonSchema;
}

std::vector<std::uint32_t> to_unsigned(std::span<const std::int32_t> ids) {
  std::vector<std::uint32_t> list;
  for (const std::int32_t id : ids) {
    if (id >= 0) list.push_back(static_cast<std::uint32_t>(id));
  }
  return list;
}

rust::Slice<const std::uint32_t> slice(const std::vector<std::uint32_t>& ids) {
  return {ids.data(), ids.size()};
}

// Its further lines quote the grammar, which may be one that nobody wrote.
std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

[[noreturn]] void throw_failed(const rust::Error& error) {
  throw GenerationError(
      fmt::format("[grammar] {}", error.what()),
      "Simplify the schema or the grammar that the answer has to follow.");
}

}  // namespace

struct GrammarMatcher::Impl {
  rust::Box<textbridge::GrammarMatcher> rust;
};

GrammarMatcher::GrammarMatcher(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
GrammarMatcher::GrammarMatcher(GrammarMatcher&&) noexcept = default;
GrammarMatcher& GrammarMatcher::operator=(GrammarMatcher&&) noexcept = default;
GrammarMatcher::~GrammarMatcher() = default;

void GrammarMatcher::mask(std::span<std::uint32_t> bits) {
  try {
    impl_->rust->mask({bits.data(), bits.size()});
  } catch (const rust::Error& error) {
    throw_failed(error);
  }
}

void GrammarMatcher::accept(std::int32_t token) {
  try {
    impl_->rust->accept(static_cast<std::uint32_t>(token));
  } catch (const rust::Error& error) {
    throw_failed(error);
  }
}

bool GrammarMatcher::finished() const { return impl_->rust->is_finished(); }

GrammarMatcher GrammarMatcher::clone() const {
  return GrammarMatcher(std::make_unique<Impl>(Impl{impl_->rust->duplicate()}));
}

struct TokenTrie::Impl {
  rust::Box<textbridge::TokenTrie> rust;
};

TokenTrie::TokenTrie(const Tokenizer& tokenizer,
                     std::span<const std::int32_t> end_tokens) {
  std::string texts;
  std::vector<std::uint32_t> ends;
  const std::int32_t size = tokenizer.vocab_size();
  ends.reserve(static_cast<std::size_t>(size));
  for (std::int32_t id = 0; id < size; ++id) {
    texts += tokenizer.token_bytes(id);
    ends.push_back(static_cast<std::uint32_t>(texts.size()));
  }
  try {
    impl_ = std::make_shared<Impl>(
        Impl{textbridge::token_trie(as_slice(texts), slice(ends),
                                    slice(to_unsigned(tokenizer.special_ids())),
                                    slice(to_unsigned(end_tokens)))});
  } catch (const rust::Error& error) {
    throw ModelLoadingError(
        fmt::format("[grammar] the vocabulary cannot be used: {}",
                    error.what()),
        "Ask for text.");
  }
}

GrammarMatcher TokenTrie::compile(GrammarKind kind,
                                  std::string_view source) const {
  if (source.size() > kMaxSourceBytes) {
    throw InvalidRequestError(
        fmt::format("[grammar] it has {} bytes, at most {} are read",
                    source.size(), kMaxSourceBytes));
  }
  try {
    return GrammarMatcher(
        std::make_unique<GrammarMatcher::Impl>(GrammarMatcher::Impl{
            impl_->rust->compile(to_bridge(kind), as_slice(source))}));
  } catch (const rust::Error& error) {
    throw InvalidRequestError(
        fmt::format("[grammar] {} cannot be followed: {}",
                    kind == GrammarKind::kJsonSchema ? "the JSON Schema"
                    : kind == GrammarKind::kRegex    ? "the regular expression"
                                                     : "the grammar",
                    first_line(error.what())),
        "Leave out what is not supported, or ask for text.");
  }
}

}  // namespace abstractllm::text
