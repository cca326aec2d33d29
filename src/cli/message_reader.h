// From typed lines to one message: blocks in """ and continued lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/line_source.h"

namespace abstractllm::cli {

/// Reads what belongs together. A line that begins with """ opens a block that
/// lasts to the next """ at the end of a line; a line that ends in a backslash
/// goes on in the next one. Ctrl-C drops a message begun; the end of input ends
/// it. The result's text may have several lines.
Line read_message(LineSource& lines, std::string_view prompt,
                  std::string_view continuation_prompt);

}  // namespace abstractllm::cli
