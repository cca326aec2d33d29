// One constructor per architecture file; registry.cpp lists them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "models/model.h"
#include "models/source.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_llama(const ModelSource& source);
std::unique_ptr<Model> make_mistral(const ModelSource& source);
std::unique_ptr<Model> make_qwen2(const ModelSource& source);
std::unique_ptr<Model> make_qwen3(const ModelSource& source);

}  // namespace abstractllm::models
