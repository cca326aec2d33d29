// Calls as bare JSON, which any answer may be.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

/// An object or a list that calls tools of `names`, and no others: whatever
/// else is JSON is an answer. That it is none is known as early as possible.
Reading read_json_calls(Cursor& cursor, const std::vector<std::string>& names);

/// JSON or Python calls in a ``` fence, from its beginning on.
Reading read_fence(Cursor& cursor, const std::vector<std::string>& names);

}  // namespace abstractllm::output
