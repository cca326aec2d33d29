// A tokenizer's decoder, read from its description.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/decode_stages.h"

namespace abstractllm::text {

/// How a tokenizer turns tokens into text: its `decoder` in tokenizer.json.
/// Immutable; thread-safe.
class DecoderPlan {
 public:
  /// `json`: as in tokenizer.json, "null" where there is none.
  explicit DecoderPlan(std::string_view json);

  /// Fresh stages for one sequence; nothing if this decoder can only be run
  /// on all tokens together.
  std::optional<std::vector<std::unique_ptr<DecodeStage>>> make_stages() const;

  /// The bytes that `token` stands for within a text.
  std::string token_bytes(std::string_view token) const;

 private:
  std::vector<DecodeStep> steps_;
  bool streams_ = true;
};

}  // namespace abstractllm::text
