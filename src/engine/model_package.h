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
#include "engine/context_length.h"
#include "engine/engine.h"
#include "engine/image_reader.h"
#include "engine/weight_summary.h"
#include "families/answer_rules.h"
#include "families/embedding_recipe.h"
#include "families/family.h"
#include "families/template_facts.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace abstractllm::engine {

/// Where a chat template was found.
enum class TemplateSource {
  kModel,
  kFamily,  ///< the model has none; its family's
  kPlain,   ///< nor has the family one that the vocabulary can write
};

/// "the model's own", ...
std::string_view to_string(TemplateSource source) noexcept;

/// A chat template and what it can do.
struct Chat {
  text::ChatTemplate chat_template;
  TemplateSource source;
  families::TemplateFacts facts;
  families::AnswerRules rules;  ///< of the answers to it
};

/// A conversation on its way to a prompt.
struct ChatPrompt {
  std::vector<Message> messages;
  std::vector<ToolDefinition> tools{};
  std::string template_variables = "{}";  ///< JSON object
  /// Of the messages, as ModelPackage::images has read them.
  std::vector<SeenImage> images{};
};

struct EncodedChat {
  /// image_id(i) where the features of image i stand.
  std::vector<std::int32_t> ids;
  std::string text;  ///< of the prompt, special tokens spelled out
  /// What stands there; filled in by whoever has read it.
  std::vector<JobImage> images{};
};

/// What a model's files say but for its weights, which need not be there.
/// Immutable after read; thread-safe.
struct ModelText {
  std::string id;  ///< as it was asked for
  io::ModelFiles files;
  std::string architecture;  ///< config.json's model_type
  text::Tokenizer tokenizer;
  families::FoundFamily family;
  Chat chat;
  std::optional<Chat> tool_chat;         ///< its own, for requests with tools
  std::vector<std::int32_t> end_tokens;  ///< ascending
  GenerationParameters defaults;         ///< the model's own, its family's
  ContextLength context_length;
  bool is_encoder;  ///< makes embeddings, no text
  /// How it makes embeddings; none: it does not.
  std::optional<families::EmbeddingRecipe> embedding;
  /// Null where the model reads text only.
  std::shared_ptr<const ImageReader> images = nullptr;
  /// Its template writes messages of text only.
  bool template_takes_text = false;

  /// The template that a request with or without tools goes through.
  const Chat& chat_for(bool with_tools) const {
    return with_tools && tool_chat ? *tool_chat : chat;
  }

  /// Reads `files`, whose config.json, or what stands for it, is `config`.
  /// Throws ModelLoadingError, and UnsupportedModelError for an architecture
  /// that cannot be run.
  static ModelText read(std::string_view id, const io::ModelFiles& files,
                        const io::JsonConfig& config);
};

/// Immutable after open; thread-safe.
struct ModelPackage : ModelText {
  io::WeightSource weights;

  const io::JsonConfig& config() const { return weights.config(); }

  /// A conversation, ready for the assistant's answer. What the template
  /// cannot say is said in other words: families::adapt_conversation. Throws
  /// InvalidRequestError where the template refuses, UnsupportedFeatureError.
  EncodedChat encode_chat(const ChatPrompt& prompt) const;

  /// Resolves `id` and reads everything but the weights. Throws
  /// ModelNotFoundError, ModelLoadingError, and UnsupportedModelError for an
  /// architecture that cannot be run.
  static ModelPackage open(std::string_view id);

 private:
  std::string render(const Chat& used, const ChatPrompt& prompt,
                     const std::vector<Message>& messages) const;
};

/// What the files say, and how an engine with `options` computes, for people
/// and programs.
ModelDescription describe(const ModelPackage& package,
                          const EngineOptions& options = {});

/// The same; `config`: that of ModelText::read. `weights`: null where nothing
/// is known of them.
ModelDescription describe(const ModelText& text, const io::JsonConfig& config,
                          const WeightSummary* weights,
                          const EngineOptions& options = {});

/// "model_type (model_type qwen3)": what a family was found by.
std::string describe(const families::FoundFamily& found);

/// What config.json and the templates say where the rest cannot be read: the
/// context length, the family and how it was found, end tokens.
ModelDescription describe_config(std::string_view id,
                                 const io::ModelFiles& files,
                                 const io::JsonConfig& config);

}  // namespace abstractllm::engine
