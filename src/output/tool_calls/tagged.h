// Calls in tags, for the dialects that have them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

/// f>{...}</function> or f><parameter=p>v</parameter></function>, from behind
/// "<function=" on.
Reading read_function_tag(Cursor& cursor, const ParameterTypes& types);

/// f<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>.
Reading read_arg_keys(Cursor& cursor, const ParameterTypes& types);

}  // namespace abstractllm::output
