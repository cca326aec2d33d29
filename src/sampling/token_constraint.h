// What the form of an answer allows next.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/logits_processors.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

namespace abstractllm::sampling {

/// Reasoning that comes before the part of an answer that has a form.
struct FreeBeginning {
  std::string end_mark{};  ///< the text that ends it; empty: there is none
  int most_tokens = 0;     ///< behind these the mark is written for the model
};

/// What is known of a form beside its grammar.
enum class FormKind {
  kJson,
  /// Anything. Nothing steers it to its end: where the form does not allow one
  /// in time, the answer is cut off.
  kText,
};

/// Follows one answer token by token. Where the tokens left are only just
/// enough, it is brought to its end: text ends as soon as it may, strings of
/// JSON close, and nothing begins that need not. One thread at a time; moves
/// between threads.
class TokenConstraint {
 public:
  TokenConstraint(text::GrammarMatcher grammar, text::Tokenizer tokenizer,
                  std::vector<std::int32_t> end_tokens,
                  FormKind kind = FormKind::kJson,
                  FreeBeginning beginning = {});

  /// The ids that may be chosen, `tokens_left` of them being all that may still
  /// come. Valid until the next call. Throws GenerationError.
  TokenMask allowed(int tokens_left);
  /// The id that was chosen. Throws GenerationError.
  void accept(std::int32_t id);
  /// The form is there in full: nothing may follow.
  bool finished() const { return !is_free() && grammar_.finished(); }

 private:
  // Characters of JSON that end or go on, and tokens that are nothing else.
  static constexpr std::string_view kEnders = "}],:\"0";
  // Whether the text ends within a string.
  struct Place {
    bool in_string = false;
    bool escaped = false;
    void pass(std::string_view bytes);
  };

  bool is_free() const { return !beginning_.end_mark.empty(); }
  bool has(std::int32_t id) const;
  void keep_only(std::int32_t id);
  TokenMask allowed_free();
  int tokens_to_reserve() const;
  // Leaves of bits_ what ends the text soonest; where there is a choice.
  void narrow_to_end(const Place& place);
  // Of bits_, as a model writes what is prescribed; -1: none.
  std::int32_t longest_allowed() const;
  // Tokens that narrow_to_end takes from here to the end; 0: too many.
  int tokens_to_end() const;
  void accept_free(std::int32_t id);

  text::GrammarMatcher grammar_;
  text::Tokenizer tokenizer_;
  std::vector<std::int32_t> end_tokens_;
  std::array<std::int32_t, kEnders.size()> ender_ids_{};  // -1: none
  FormKind kind_;
  FreeBeginning beginning_;
  std::vector<std::int32_t> forced_;  // what is left of a mark being written
  bool forcing_ = false;
  std::string tail_;  // the latest text, about as long as the mark
  int free_tokens_ = 0;
  int reserve_ = -1;  // tokens to end with; -1: not known yet
  Place place_;
  std::vector<std::uint32_t> bits_;
};

}  // namespace abstractllm::sampling
