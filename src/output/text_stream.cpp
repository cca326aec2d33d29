// Hold-backs in a row, and the positions that tie logprobs to text.
// SPDX-License-Identifier: Apache-2.0
#include "output/text_stream.h"

#include <utility>

namespace abstractllm::output {

TextStream::TextStream(std::vector<std::string> stops)
    : stops_(std::move(stops)) {}

std::optional<TextDelta> TextStream::push(std::string_view bytes,
                                          std::optional<TokenLogprob> logprob) {
  if (stopped()) return std::nullopt;
  if (logprob) pending_.push_back({read_bytes_, std::move(*logprob)});
  const std::string text = utf8_.push(bytes);
  read_bytes_ += text.size();
  return shown(stops_.push(text), false);
}

std::optional<TextDelta> TextStream::finish() {
  if (stopped()) return std::nullopt;
  const std::string text = utf8_.finish();
  read_bytes_ += text.size();
  std::string rest = stops_.push(text);
  if (!stopped()) rest += stops_.finish();
  return shown(std::move(rest), true);
}

std::optional<TextDelta> TextStream::shown(std::string text, bool is_last) {
  shown_bytes_ += text.size();
  TextDelta delta{std::move(text), {}};
  const bool takes_all = is_last && !stopped();
  while (!pending_.empty() &&
         (takes_all || pending_.front().start < shown_bytes_)) {
    delta.logprobs.push_back(std::move(pending_.front().logprob));
    pending_.pop_front();
  }
  if (delta.text.empty() && delta.logprobs.empty()) return std::nullopt;
  return delta;
}

}  // namespace abstractllm::output
