// From a request to a local model's tokens, and to the reading of its answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "abstractllm/llm.h"
#include "abstractllm/request.h"
#include "engine/model_package.h"
#include "output/answer_parser.h"
#include "sampling/token_constraint.h"
#include "text/grammar.h"
#include "types/resolve.h"

namespace abstractllm::providers {

/// A request as the engine takes it, and what its answer looks like.
struct PreparedRequest {
  std::vector<std::int32_t> prompt;
  std::vector<engine::JobImage> images{};
  output::AnswerFormat format{};
  bool one_call = false;
  /// Special tokens that are marks of calls or reasoning: their text counts.
  std::set<std::int32_t> marks{};
  std::unique_ptr<sampling::TokenConstraint> constraint{};
};

/// Reads the requests of one model. Thread-safe.
class RequestReader {
 public:
  /// `package` outlives this. `max_pixels`: of an image that the model sees.
  explicit RequestReader(const engine::ModelPackage& package,
                         std::optional<std::int64_t> max_pixels = {})
      : package_(package), max_pixels_(max_pixels) {}

  /// Throws InvalidRequestError, UnsupportedFeatureError.
  PreparedRequest prepare(const Request& request,
                          const types::SamplingOptions& options) const;

  /// The prompt alone, without the pixels of its images.
  std::vector<std::int32_t> prompt(const Request& request) const;

  /// What the images cost, by their sizes.
  std::vector<ImageCost> image_costs(const Request& request) const;

 private:
  enum class Pixels { kNo, kYes };

  engine::ConversationImages read_images(const Request& request,
                                         Pixels pixels) const;
  engine::EncodedChat encode(const Request& request, Pixels pixels) const;
  engine::EncodedChat encode_chat(const Request& request, Pixels pixels) const;
  output::AnswerFormat format_of(const Request& request,
                                 const std::string& prompt) const;
  // Where a call must come first, the form is of the answer after it. What is
  // wrong with it is thrown all the same.
  void check_form(const ResponseFormat& wanted) const;
  std::unique_ptr<sampling::TokenConstraint> constraint_of(
      const Request& request, output::AnswerFormat& format,
      const types::SamplingOptions& options) const;
  std::set<std::int32_t> marks_of(const output::AnswerFormat& format) const;
  const text::TokenTrie& trie() const;

  const engine::ModelPackage& package_;
  std::optional<std::int64_t> max_pixels_;
  mutable std::once_flag trie_made_;
  mutable std::optional<text::TokenTrie> trie_;
};

}  // namespace abstractllm::providers
