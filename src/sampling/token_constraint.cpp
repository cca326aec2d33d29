// A grammar behind a free beginning, and its way to an end.
// SPDX-License-Identifier: Apache-2.0
#include "sampling/token_constraint.h"

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::sampling {

namespace {

// A form that takes more is not brought to its end.
constexpr int kMostToEnd = 256;
// Where more tokens may come nothing is prescribed, and any of them will do.
constexpr int kMostCompared = 256;

bool is_space(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

void TokenConstraint::Place::pass(std::string_view bytes) {
  for (const char c : bytes) {
    if (!in_string) {
      in_string = c == '"';
    } else if (escaped) {
      escaped = false;
    } else if (c == '\\') {
      escaped = true;
    } else if (c == '"') {
      in_string = false;
    }
  }
}

TokenConstraint::TokenConstraint(text::GrammarMatcher grammar,
                                 text::Tokenizer tokenizer,
                                 std::vector<std::int32_t> end_tokens,
                                 FormKind kind, FreeBeginning beginning)
    : grammar_(std::move(grammar)),
      tokenizer_(std::move(tokenizer)),
      end_tokens_(std::move(end_tokens)),
      kind_(kind),
      beginning_(std::move(beginning)),
      bits_((static_cast<std::size_t>(tokenizer_.vocab_size()) + 31) / 32) {
  for (std::size_t i = 0; i < kEnders.size(); ++i) {
    const std::string_view text = kEnders.substr(i, 1);
    ender_ids_[i] = -1;
    const auto ids = tokenizer_.encode(text, false);
    for (const std::int32_t id : ids) {
      if (tokenizer_.token_bytes(id) == text) ender_ids_[i] = id;
    }
  }
  if (!is_free()) return;
  forced_ = tokenizer_.encode(beginning_.end_mark, false);
  std::reverse(forced_.begin(), forced_.end());
}

bool TokenConstraint::has(std::int32_t id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= bits_.size() * 32) return false;
  const auto at = static_cast<std::size_t>(id);
  return (bits_[at / 32] >> (at % 32) & 1U) != 0;
}

void TokenConstraint::keep_only(std::int32_t id) {
  const auto at = static_cast<std::size_t>(id);
  std::fill(bits_.begin(), bits_.end(), 0U);
  bits_[at / 32] |= 1U << (at % 32);
}

TokenMask TokenConstraint::allowed(int tokens_left) {
  if (is_free()) {
    // The form needs its share of the tokens, however many there are.
    if (free_tokens_ == 0) {
      beginning_.most_tokens =
          std::min(beginning_.most_tokens, std::max(1, tokens_left / 2));
    }
    return allowed_free();
  }
  if (reserve_ < 0) reserve_ = tokens_to_reserve();
  grammar_.mask(bits_);
  if (tokens_left <= reserve_) narrow_to_end(place_);
  return bits_;
}

TokenMask TokenConstraint::allowed_free() {
  if (free_tokens_ >= beginning_.most_tokens) forcing_ = true;
  if (forcing_ && !forced_.empty()) {
    keep_only(forced_.back());
    return bits_;
  }
  // The answer cannot end before its form begins.
  std::fill(bits_.begin(), bits_.end(), ~0U);
  for (const std::int32_t id : end_tokens_) {
    if (has(id)) {
      const auto at = static_cast<std::size_t>(id);
      bits_[at / 32] &= ~(1U << (at % 32));
    }
  }
  return bits_;
}

int TokenConstraint::tokens_to_reserve() const {
  // What a form takes from its beginning, and some for what lies open in JSON.
  const int needed = tokens_to_end();
  if (needed == 0 || kind_ == FormKind::kText) return needed;
  return needed + needed / 2 + 16;
}

void TokenConstraint::narrow_to_end(const Place& place) {
  for (const std::int32_t id : end_tokens_) {
    if (has(id)) return keep_only(id);
  }
  if (place.escaped || kind_ == FormKind::kText) return;
  const std::string_view wanted = place.in_string ? "\"" : kEnders;
  for (std::size_t i = 0; i < kEnders.size(); ++i) {
    if (wanted.find(kEnders[i]) == std::string_view::npos) continue;
    if (has(ender_ids_[i])) return keep_only(ender_ids_[i]);
  }
}

std::int32_t TokenConstraint::longest_allowed() const {
  std::int32_t best = -1;
  std::size_t best_size = 0;
  int seen = 0;
  for (std::size_t word = 0; word < bits_.size(); ++word) {
    for (std::uint32_t rest = bits_[word]; rest != 0; rest &= rest - 1) {
      const auto id = static_cast<std::int32_t>(
          word * 32 + static_cast<std::size_t>(__builtin_ctz(rest)));
      const std::size_t size = tokenizer_.token_bytes(id).size();
      if (best < 0 || size > best_size) {
        best = id;
        best_size = size;
      }
      if (++seen == kMostCompared) return best;
    }
  }
  return best;
}

int TokenConstraint::tokens_to_end() const {
  TokenConstraint trial(grammar_.clone(), tokenizer_, end_tokens_, kind_);
  trial.place_ = place_;
  for (int tokens = 1; tokens <= kMostToEnd; ++tokens) {
    trial.grammar_.mask(trial.bits_);
    trial.narrow_to_end(trial.place_);
    const std::int32_t id = trial.longest_allowed();
    if (id < 0) return 0;
    const bool ends = std::find(end_tokens_.begin(), end_tokens_.end(), id) !=
                      end_tokens_.end();
    if (ends) return tokens;
    trial.accept(id);
    if (trial.finished()) return tokens;
  }
  return 0;
}

void TokenConstraint::accept(std::int32_t id) {
  if (is_free()) return accept_free(id);
  grammar_.accept(id);
  place_.pass(tokenizer_.token_bytes(id));
}

void TokenConstraint::accept_free(std::int32_t id) {
  ++free_tokens_;
  if (forcing_ && !forced_.empty()) forced_.pop_back();
  tail_ += tokenizer_.token_bytes(id);
  const std::string& mark = beginning_.end_mark;
  const std::size_t found = tail_.find(mark);
  if (found == std::string::npos) {
    if (tail_.size() >= mark.size()) tail_.erase(0, tail_.size() - mark.size());
    return;
  }
  const std::string rest = tail_.substr(found + mark.size());
  beginning_.end_mark.clear();
  // A token may reach over the mark; space behind it is no part of the form.
  if (is_space(rest)) return;
  for (const std::int32_t token : tokenizer_.encode(rest, false)) accept(token);
}

}  // namespace abstractllm::sampling
