// Decoding token by token.
// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "text/tokenizer_impl.h"

namespace abstractllm::text {

struct StreamDecoder::State {
  Tokenizer tokenizer;
  bool skip_special;
  /// Nothing: the decoder needs all tokens together.
  std::optional<std::vector<std::unique_ptr<DecodeStage>>> stages;
  std::vector<std::int32_t> ids;  // all of them, if there are no stages

  /// Sends `tokens` through the stages; `ending`: each stage then gives what
  /// it held back.
  std::string run(std::vector<std::string> tokens, bool ending) {
    for (const auto& stage : *stages) {
      std::vector<std::string> out;
      for (const std::string& token : tokens) stage->push(token, out);
      if (ending) stage->finish(out);
      tokens = std::move(out);
    }
    std::string text;
    for (const std::string& token : tokens) text += token;
    return text;
  }
};

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool skip_special) {
  auto stages = tokenizer.impl_->decoder.make_stages();
  state_ = std::make_unique<State>(
      State{std::move(tokenizer), skip_special, std::move(stages), {}});
}

StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::push(std::int32_t id) {
  if (!state_->stages) {
    state_->ids.push_back(id);
    return {};
  }
  auto token = state_->tokenizer.token_text(id);
  if (!token || (state_->skip_special && state_->tokenizer.is_special(id))) {
    return {};
  }
  return state_->run({std::move(*token)}, false);
}

std::string StreamDecoder::finish() {
  if (!state_->stages) {
    return state_->tokenizer.decode(state_->ids, state_->skip_special);
  }
  return state_->run({}, true);
}

}  // namespace abstractllm::text
