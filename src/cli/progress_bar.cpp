// Drawing and wiping one line.
// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_bar.h"

#include <fmt/format.h>

#include <algorithm>

namespace abstractllm::cli {
namespace {

constexpr int kWidestBar = 30;
constexpr int kNarrowestBar = 8;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(),
                    [](unsigned char byte) { return (byte & 0xC0) != 0x80; }));
}

// The end of `text`, where a model's name differs from its neighbours'.
std::string last_characters(std::string text, std::size_t count) {
  while (characters(text) > count) {
    do {
      text.erase(0, 1);
    } while (!text.empty() &&
             (static_cast<unsigned char>(text[0]) & 0xC0) == 0x80);
  }
  return text;
}

}  // namespace

ProgressBar::ProgressBar(Output& err, std::string label, int columns,
                         bool color)
    : err_(err), columns_(std::max(columns, 8)), color_(color) {
  const int room = columns_ - 1 - kNarrowestBar - 8;
  label_ = room > 4 ? last_characters(std::move(label),
                                      static_cast<std::size_t>(room))
                    : std::string();
}

ProgressBar::~ProgressBar() {
  if (drawn_ == 0) return;
  try {
    err_.write("\r" + std::string(drawn_, ' ') + "\r");
  } catch (const std::exception&) {
    // A terminal that went away needs no wiping.
  }
}

void ProgressBar::update(double share) noexcept {
  try {
    const int percent = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100);
    if (percent == shown_percent_) return;
    shown_percent_ = percent;
    const int label = static_cast<int>(characters(label_));
    const int bar = std::clamp(columns_ - 1 - label - 8, 0, kWidestBar);
    const auto done = static_cast<std::size_t>(bar * percent / 100);
    std::string line = label_;
    if (!label_.empty()) line += ' ';
    if (bar > 0) {
      line += '[';
      line += color_ ? "\x1b[36m" : "";
      line += std::string(done, '#');
      line += color_ ? "\x1b[0m" : "";
      line += std::string(static_cast<std::size_t>(bar) - done, '.') + "] ";
    }
    line += fmt::format("{}%", percent);
    const std::size_t escapes = color_ && bar > 0 ? 9 : 0;
    const std::size_t width = characters(line) - escapes;
    const std::size_t wipe = width < drawn_ ? drawn_ - width : 0;
    drawn_ = width;
    err_.write("\r" + line + std::string(wipe, ' '));
  } catch (const std::exception&) {
    // Loading goes on without a picture of it.
  }
}

}  // namespace abstractllm::cli
