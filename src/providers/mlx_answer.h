// From a local model's tokens to the events of an answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "abstractllm/event.h"
#include "engine/model_package.h"
#include "engine/token_channel.h"
#include "output/answer_stream.h"
#include "providers/mlx_request.h"
#include "text/tokenizer.h"
#include "types/resolve.h"

namespace abstractllm::providers {

/// The answer of one request. Refers to all that it is made of. One thread at
/// a time.
class MlxAnswer {
 public:
  MlxAnswer(const engine::ModelPackage& package, const PreparedRequest& request,
            const types::SamplingOptions& options, const EventSink& sink);

  /// False when no more tokens are wanted.
  bool take(const engine::TokenStep& step);

  /// The last event.
  void finish(engine::GenerationEnd end);

 private:
  std::string piece_of(const engine::TokenStep& step);
  void fill_bytes(TokenLogprob& logprob) const;
  void show(std::vector<Event> events);

  const engine::ModelPackage& package_;
  const std::set<std::int32_t>& marks_;
  text::StreamDecoder decoder_;
  output::AnswerStream answer_;
  const EventSink& sink_;
  std::vector<std::int32_t> ids_;
  bool left_ = false;  // the sink wants no more
};

/// Closes the channel and waits for the engine's last word, also when a sink
/// throws: the job refers to objects of its request.
class ChannelReader {
 public:
  explicit ChannelReader(std::shared_ptr<engine::TokenChannel> channel)
      : channel_(std::move(channel)) {}
  ~ChannelReader();
  ChannelReader(const ChannelReader&) = delete;
  ChannelReader& operator=(const ChannelReader&) = delete;

  /// Nothing at the end.
  std::optional<engine::TokenStep> next();
  engine::GenerationEnd drain();

 private:
  std::shared_ptr<engine::TokenChannel> channel_;
  engine::GenerationEnd end_;
  bool ended_ = false;
};

}  // namespace abstractllm::providers
