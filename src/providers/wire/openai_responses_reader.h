// Answers of OpenAI's responses as events.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "providers/wire/dialect.h"

namespace abstractllm::providers {

std::unique_ptr<AnswerReader> openai_responses_reader(const std::string& model);

}  // namespace abstractllm::providers
