// Arithmetic in text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace abstractllm::session {

/// The value of an expression: numbers, + - * / % ^, parentheses, pi, e, and
/// functions such as sqrt(2), min(1, 2) and round(2.5). Angles are in radians.
/// Throws InvalidRequestError naming the place of a mistake, and for a result
/// that is no finite number.
double calculate(std::string_view expression);

}  // namespace abstractllm::session
