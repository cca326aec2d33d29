// Answers of Anthropic's messages as events.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "providers/wire/dialect.h"

namespace abstractllm::providers {

std::unique_ptr<AnswerReader> anthropic_reader(const std::string& model);

}  // namespace abstractllm::providers
