// Pieces that OpenAI's two protocols share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "abstractllm/event.h"
#include "abstractllm/request.h"

namespace abstractllm::providers {

/// A list of {"token", "bytes", "logprob", "top_logprobs"}.
std::vector<TokenLogprob> read_logprobs(const nlohmann::ordered_json& list);

/// The url of an image part: its own, or a data: URL.
std::string image_url(const ImagePart& image, const std::string& provider);

/// The calls of an answer that ended for `reason`: empty arguments become
/// "{}"; a call whose arguments the length limit cut off is left out.
std::vector<ToolCall> whole_calls(std::vector<ToolCall> calls,
                                  FinishReason reason);

}  // namespace abstractllm::providers
