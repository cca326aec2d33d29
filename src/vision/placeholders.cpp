// Counting and replacing placeholders.
// SPDX-License-Identifier: Apache-2.0
#include "vision/placeholders.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"

namespace abstractllm::vision {

std::size_t occurrences(std::string_view prompt, std::string_view text) {
  std::size_t count = 0;
  if (text.empty()) return count;
  for (std::size_t at = prompt.find(text); at != std::string_view::npos;
       at = prompt.find(text, at + text.size())) {
    ++count;
  }
  return count;
}

void require_places(std::size_t places, std::size_t images,
                    std::string_view placeholder) {
  if (places == images) return;
  throw InvalidRequestError(
      fmt::format("[image processor] the prompt has {} places for images "
                  "('{}'), and there are {} images",
                  places, placeholder, images),
      "the text of a message may not spell the model's image token");
}

std::string replace_placeholders(
    std::string_view prompt, std::string_view placeholder, std::size_t images,
    const std::function<std::string(std::size_t)>& text_of) {
  return replace_placeholders(
      prompt, {std::string(placeholder)}, images,
      [&](std::size_t image, std::size_t) { return text_of(image); });
}

std::string replace_placeholders(
    std::string_view prompt, const std::vector<std::string>& placeholders,
    std::size_t images,
    const std::function<std::string(std::size_t, std::size_t)>& text_of) {
  if (images == 0) return std::string(prompt);
  std::size_t places = 0;
  for (const std::string& text : placeholders) {
    places += occurrences(prompt, text);
  }
  // The one that stands there too often, rather than the first.
  const auto spelt = std::find_if(
      placeholders.rbegin(), placeholders.rend(),
      [&](const std::string& text) { return occurrences(prompt, text) > 0; });
  require_places(places, images,
                 spelt == placeholders.rend() ? placeholders.front() : *spelt);
  std::string expanded;
  std::size_t begin = 0;
  for (std::size_t image = 0; image < images; ++image) {
    std::size_t next = std::string_view::npos;
    std::size_t which = 0;
    for (std::size_t i = 0; i < placeholders.size(); ++i) {
      const std::size_t at = prompt.find(placeholders[i], begin);
      if (at >= next) continue;
      next = at;
      which = i;
    }
    expanded += prompt.substr(begin, next - begin);
    expanded += text_of(image, which);
    begin = next + placeholders[which].size();
  }
  expanded += prompt.substr(begin);
  return expanded;
}

std::string repeated(std::string_view text, int count) {
  std::string all;
  all.reserve(text.size() * static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace abstractllm::vision
