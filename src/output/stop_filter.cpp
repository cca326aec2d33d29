// Knuth-Morris-Pratt over a growing text.
// SPDX-License-Identifier: Apache-2.0
#include "output/stop_filter.h"

#include <algorithm>
#include <utility>

namespace abstractllm::output {

StopFilter::Matcher::Matcher(std::string stop)
    : text(std::move(stop)), borders(text.size(), 0) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    std::size_t border = borders[i - 1];
    while (border > 0 && text[border] != text[i]) border = borders[border - 1];
    if (text[border] == text[i]) ++border;
    borders[i] = border;
  }
}

void StopFilter::Matcher::step(char byte) {
  while (length > 0 && text[length] != byte) length = borders[length - 1];
  if (text[length] == byte) ++length;
}

StopFilter::StopFilter(std::vector<std::string> stops) {
  matchers_.reserve(stops.size());
  for (std::string& stop : stops) matchers_.emplace_back(std::move(stop));
}

std::size_t StopFilter::step(char byte) {
  std::size_t held = 0;
  for (std::size_t i = 0; i < matchers_.size(); ++i) {
    Matcher& matcher = matchers_[i];
    matcher.step(byte);
    held = std::max(held, matcher.length);
    const bool ends_here = matcher.length == matcher.text.size();
    if (ends_here &&
        (!match_ || matchers_[*match_].text.size() < matcher.text.size())) {
      match_ = i;
    }
  }
  return held;
}

std::string StopFilter::push(std::string_view text) {
  if (matched()) return {};
  if (matchers_.empty()) return std::string(text);
  held_.append(text);
  std::size_t held = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    held = step(text[i]);
    if (matched()) {
      const std::size_t end = held_.size() - text.size() + i + 1;
      held_.resize(end - matchers_[*match_].text.size());
      return std::exchange(held_, {});
    }
  }
  if (text.empty()) return {};
  std::string certain = held_.substr(0, held_.size() - held);
  held_.erase(0, certain.size());
  return certain;
}

std::string StopFilter::finish() { return std::exchange(held_, {}); }

std::string_view StopFilter::stop_text() const noexcept {
  return match_ ? std::string_view(matchers_[*match_].text)
                : std::string_view{};
}

}  // namespace abstractllm::output
