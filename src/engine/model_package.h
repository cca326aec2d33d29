// Everything about a model but its weights: opened in milliseconds, on any
// thread, without MLX.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/llm.h"
#include "abstractllm/parameters.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace abstractllm::engine {

/// Where a chat template was found.
enum class TemplateSource { kModel, kFallback };

/// Immutable after open; thread-safe.
struct ModelPackage {
  std::string id;  ///< as it was asked for
  io::ModelFiles files;
  io::WeightSource weights;
  std::string architecture;  ///< config.json's model_type
  text::Tokenizer tokenizer;
  text::ChatTemplate chat_template;
  TemplateSource template_source;
  std::vector<std::int32_t> end_tokens;  ///< ascending
  GenerationParameters defaults;         ///< the model's own
  int context_length;                    ///< trained for, in tokens

  const io::JsonConfig& config() const { return weights.config(); }

  /// Ids of a conversation, ready for the assistant's answer.
  /// `template_variables` is a JSON object. Throws InvalidRequestError where
  /// the template refuses.
  std::vector<std::int32_t> encode_chat(
      const std::vector<Message>& messages,
      const std::string& template_variables) const;

  /// Resolves `id` and reads everything but the weights. Throws
  /// ModelNotFoundError, ModelLoadingError, and UnsupportedModelError for an
  /// architecture that cannot be run.
  static ModelPackage open(std::string_view id);
};

/// What the files say, for people and programs.
ModelDescription describe(const ModelPackage& package);

}  // namespace abstractllm::engine
