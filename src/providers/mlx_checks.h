// What a request for a local model has, and what it must not have.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "abstractllm/request.h"

namespace abstractllm::providers {

/// Throws InvalidRequestError unless there is exactly one prompt and the tool
/// options fit the tools; UnsupportedFeatureError for what only a chat has.
void check_mlx_request(const Request& request);

/// The messages, the system prompt before them. Throws InvalidRequestError if
/// there are two of it.
std::vector<Message> with_system_prompt(const Request& request);

bool has_images(const Request& request);

ToolChoice::Mode choice_of(const Request& request);

/// Without a choice the model is not told of its tools.
bool offers_tools(const Request& request);

/// The answer has to be a call.
bool forces_call(const Request& request);

}  // namespace abstractllm::providers
