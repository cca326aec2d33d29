// Names of finish reasons.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/event.h"

namespace abstractllm {

std::string_view to_string(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kToolCalls:
      return "tool_calls";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "stop";
}

}  // namespace abstractllm
