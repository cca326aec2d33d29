// A stream begins with a field or a comment, an object with its brace.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/whole_body.h"

#include "abstractllm/error.h"

namespace abstractllm::providers {
namespace {

// As much as a single event of a stream may hold.
constexpr std::size_t kMostBytes = 64 << 20;

}  // namespace

bool WholeBody::take(std::string_view bytes) {
  if (!began_) {
    const std::size_t first = bytes.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    began_ = true;
    is_whole_ = bytes[first] == '{';
  }
  if (!is_whole_) return false;
  if (bytes.size() > kMostBytes - text_.size()) {
    throw ProviderAPIError("[" + provider_ + "] the answer is longer than " +
                               std::to_string(kMostBytes) + " bytes",
                           "Is base_url the address of such a service?",
                           provider_);
  }
  text_.append(bytes);
  return true;
}

}  // namespace abstractllm::providers
