// Text from outside: files and pipes, checked to be UTF-8.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/streams.h"

namespace abstractllm::cli {

/// Far beyond any model's context; keeps an endless pipe from eating memory.
inline constexpr std::size_t kMaxInputBytes = 64u << 20;

/// Throws InvalidRequestError naming `where` and the offset of the first byte
/// that is not UTF-8.
void require_utf8(std::string_view text, std::string_view where);

/// All of `input` as text.
std::string read_text(Input& input, std::string_view where);

/// All of the file at `path` as text; "-" reads `standard_input` if that is
/// given. Throws FileProcessingError when it cannot be read.
std::string read_text_file(const std::string& path,
                           Input* standard_input = nullptr);

/// True if there is nothing but white space.
bool is_blank(std::string_view text);

/// `text` without white space at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace abstractllm::cli
