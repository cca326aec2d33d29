// From text to token ids and back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::text {

struct GgufVocabulary;

/// A model's tokenizer. Immutable; thread-safe; cheap to copy.
class Tokenizer {
 public:
  /// Reads a tokenizer.json. Throws ModelLoadingError naming the file if it
  /// cannot be read, exceeds 256 MB or is not a tokenizer.
  static Tokenizer from_file(const std::filesystem::path& path);

  /// `origin` names the text in messages.
  static Tokenizer from_json(std::string_view json, std::string_view origin);

  /// Builds the tokenizer that a GGUF file describes. Throws
  /// ModelLoadingError for a kind of vocabulary or a pre-tokenizer that is not
  /// known, and for tables that contradict each other.
  static Tokenizer from_vocabulary(const GgufVocabulary& vocabulary);

  /// The content of a tokenizer.json that does the same.
  std::string to_json() const;

  /// Ids of `text`. Special tokens that are spelled in the text become their
  /// ids; `add_special_tokens` also puts the model's own ones around it.
  /// Throws InvalidRequestError if `text` is not valid UTF-8.
  std::vector<std::int32_t> encode(std::string_view text,
                                   bool add_special_tokens) const;

  /// Text of `ids`, valid UTF-8: bytes that make no character become U+FFFD.
  /// Ids that are no tokens are left out.
  std::string decode(std::span<const std::int32_t> ids,
                     bool skip_special) const;

  std::optional<std::int32_t> token_to_id(std::string_view token) const;

  /// As the vocabulary writes it ("Ġhello", "▁hello", "<0x0A>").
  std::optional<std::string> token_text(std::int32_t id) const;

  /// The bytes that the token stands for within a text; they may be a part of
  /// a character. Empty for an id that is no token.
  std::string token_bytes(std::int32_t id) const;

  /// Highest id + 1; a model may have more rows of logits.
  std::int32_t vocab_size() const;

  /// Ascending.
  const std::vector<std::int32_t>& special_ids() const noexcept;
  bool is_special(std::int32_t id) const noexcept;

 private:
  friend class StreamDecoder;
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// Decodes one sequence token by token. What push() and finish() return, put
/// together, equals decode() of all ids; every piece is whole, valid UTF-8.
/// Each token costs the same, however long the sequence is. Text is held back
/// as long as a later token may change it: a part of a character, or a run of
/// byte tokens. One thread at a time.
class StreamDecoder {
 public:
  StreamDecoder(Tokenizer tokenizer, bool skip_special);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  /// What is known of the text once `id` has come; often empty.
  std::string push(std::int32_t id);

  /// What was held back. Nothing may be pushed afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace abstractllm::text
