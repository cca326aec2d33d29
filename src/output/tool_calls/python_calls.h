// Calls as Python writes them: f(a=1, b="x").
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

/// One call with named arguments that are literals, as its function's last
/// name: default_api.f(...) is a call of f. print(...) around it is passed
/// over.
Reading read_python_call(Cursor& cursor);

/// [f(a=1), g()], or a single call.
Reading read_python_calls(Cursor& cursor);

/// The same, where each call is of one of `names`.
Reading read_python_calls(Cursor& cursor,
                          const std::vector<std::string>& names);

}  // namespace abstractllm::output
