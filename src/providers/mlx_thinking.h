// How a request's reasoning_effort reaches a model's chat template.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "abstractllm/request.h"
#include "families/template_facts.h"

namespace abstractllm::providers {

/// The variables of the template, the request's own over those for thinking.
/// Throws UnsupportedFeatureError where the template has no such control.
std::string variables_with_thinking(const Request& request,
                                    const families::ThinkingControl& control);

/// The conversation, with the word that sets thinking where it is one.
std::vector<Message> messages_with_thinking(
    const Request& request, const families::ThinkingControl& control);

}  // namespace abstractllm::providers
