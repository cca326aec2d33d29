// The places of images in a rendered prompt.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::vision {

/// `prompt` with its n-th `placeholder` replaced by text_of(n), n from 0.
/// Throws InvalidRequestError if there are not exactly `images` of them;
/// without images the prompt is left as it is.
std::string replace_placeholders(
    std::string_view prompt, std::string_view placeholder, std::size_t images,
    const std::function<std::string(std::size_t)>& text_of);

/// The same with several `placeholders`: text_of(n, which) of them.
std::string replace_placeholders(
    std::string_view prompt, const std::vector<std::string>& placeholders,
    std::size_t images,
    const std::function<std::string(std::size_t, std::size_t)>& text_of);

/// How often `text` occurs in `prompt`.
std::size_t occurrences(std::string_view prompt, std::string_view text);

/// Throws InvalidRequestError unless both are equal.
void require_places(std::size_t places, std::size_t images,
                    std::string_view placeholder);

/// `text`, `count` times.
std::string repeated(std::string_view text, int count);

}  // namespace abstractllm::vision
