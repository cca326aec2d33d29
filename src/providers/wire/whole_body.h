// Answers of servers that were asked for a stream and send one JSON object.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace abstractllm::providers {

/// Tells such a body from a stream by its first character, and collects it. One
/// thread at a time.
class WholeBody {
 public:
  explicit WholeBody(std::string provider) : provider_(std::move(provider)) {}

  /// Whether the body is one; then `bytes` are kept. Throws ProviderAPIError
  /// for a body without end.
  bool take(std::string_view bytes);

  /// What came; empty for a stream.
  const std::string& text() const { return text_; }

 private:
  const std::string provider_;
  bool began_ = false;
  bool is_whole_ = false;
  std::string text_;
};

}  // namespace abstractllm::providers
