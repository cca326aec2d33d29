// The protocol of OpenAI's responses.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "providers/wire/dialect.h"

namespace abstractllm::providers {

/// Requests of POST /responses, streamed and not stored by the service.
std::unique_ptr<Dialect> openai_responses_dialect();

}  // namespace abstractllm::providers
