// <invoke name="f"><parameter name="p">v</parameter></invoke>
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

/// Calls in such markup, whose tags all begin with `prefix` ("<" and perhaps
/// more) and closing ones with "</" in its place; one tag around them is passed
/// over. From that tag or the first invocation on.
Reading read_invocations(Cursor& cursor, std::string_view prefix,
                         const ParameterTypes& types);

}  // namespace abstractllm::output
