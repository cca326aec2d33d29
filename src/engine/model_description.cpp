// What a model's files say, for people and programs.
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "engine/backend_choice.h"
#include "engine/model_package.h"
#include "engine/weight_summary.h"
#include "models/common/vision_language.h"

namespace abstractllm::engine {
namespace {

std::string join(const std::vector<std::int32_t>& ids) {
  std::string text;
  for (const std::int32_t id : ids) {
    text += (text.empty() ? "" : ", ") + std::to_string(id);
  }
  return text;
}

std::string describe_reasoning(const Chat& chat) {
  std::string text = chat.rules.has_channels()
                         ? "on a channel of its own"
                         : "between " + chat.rules.reasoning_begin + " and " +
                               chat.rules.reasoning_end;
  if (!chat.rules.has_channels() && chat.rules.reasoning_end.empty()) {
    return "none";
  }
  if (!chat.facts.thinking.variable.empty()) {
    text += ", set by " + chat.facts.thinking.variable;
  }
  return text;
}

// What is known of its prompts and answers.
void describe_family(const ModelText& package, ModelDescription& facts) {
  const families::FoundFamily& found = package.family;
  const Chat& chat = package.chat_for(/* with_tools = */ true);
  facts.emplace_back("family", found.family->name);
  facts.emplace_back("family_found_by", describe(found));
  facts.emplace_back("chat_template", to_string(package.chat.source));
  facts.emplace_back("system_prompt",
                     to_string(package.chat.facts.system_prompt));
  facts.emplace_back("tools", chat.facts.tools ? "told by the template"
                                               : "told in the system prompt");
  facts.emplace_back("tool_dialect", to_string(chat.rules.dialect));
  facts.emplace_back("reasoning", describe_reasoning(chat));
}

}  // namespace

ModelDescription describe(const ModelPackage& package,
                          const EngineOptions& options) {
  const WeightSummary summary = summarise_weights(package.weights);
  return describe(package, package.config(), &summary, options);
}

ModelDescription describe(const ModelText& package,
                          const io::JsonConfig& config,
                          const WeightSummary* weights,
                          const EngineOptions& options) {
  ModelDescription facts{
      {"model", package.id},
      {"path", package.files.location.string()},
      {"format", package.files.gguf ? "gguf" : "safetensors"},
      {"architecture", package.architecture},
  };
  if (weights != nullptr) {
    facts.emplace_back("quantisation", describe_forms(*weights));
    facts.emplace_back("weight_bytes", std::to_string(weights->bytes));
  }
  facts.emplace_back("context_length",
                     std::to_string(package.context_length.tokens));
  if (!package.context_length.is_limited()) {
    facts.emplace_back("context_limit", "none but the memory");
  }
  const io::JsonConfig fields = models::text_config(config);
  for (const char* field :
       {"num_hidden_layers", "hidden_size", "num_attention_heads",
        "num_key_value_heads", "vocab_size"}) {
    if (const auto value = fields.find_int(field)) {
      facts.emplace_back(field, std::to_string(*value));
    }
  }
  facts.emplace_back("cpu_precision",
                     describe_precision(options, hidden_size(config)));
  if (package.embedding) {
    facts.emplace_back("embedding_pooling",
                       families::describe(*package.embedding));
    if (package.embedding->max_tokens) {
      facts.emplace_back("embedding_max_tokens",
                         std::to_string(*package.embedding->max_tokens));
    }
    std::string names;
    for (const auto& [name, prompt] : package.embedding->prompts) {
      names += (names.empty() ? "" : ", ") + name;
    }
    if (!names.empty()) facts.emplace_back("embedding_prompts", names);
  }
  if (package.is_encoder) return facts;
  facts.emplace_back("end_tokens", join(package.end_tokens));
  describe_family(package, facts);
  if (package.images) {
    facts.emplace_back("images", package.images->processor().kind());
  }
  for (const auto& [name, parameters] : package.family.family->presets) {
    facts.emplace_back("preset_" + std::string(name), to_json(parameters));
  }
  facts.emplace_back("default_parameters", to_json(package.defaults));
  return facts;
}

}  // namespace abstractllm::engine
