// The protocol of Ollama's chat and generate.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "abstractllm/llm.h"
#include "providers/wire/dialect.h"

namespace abstractllm::providers {

/// Requests of POST /api/chat, and of /api/generate with "raw" for prompts
/// without a template; streamed as lines of JSON.
std::unique_ptr<Dialect> ollama_dialect();

/// The answer of POST /api/show as reading matter.
ModelDescription read_ollama_model(std::string_view body);

}  // namespace abstractllm::providers
