// From texts to token ids, with the model's prompts in front.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_embedding.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "text/chat_template.h"

namespace abstractllm::providers {

namespace {

constexpr char kId[] = "mlx";

const std::string& find_prompt(const families::EmbeddingRecipe& recipe,
                               const EmbeddingRequest& request) {
  static const std::string kNone;
  const std::string& name =
      request.prompt_name ? *request.prompt_name : recipe.default_prompt;
  if (!request.prompt_name && name.empty()) return kNone;
  const auto prompt = recipe.prompts.find(name);
  if (prompt != recipe.prompts.end()) return prompt->second;
  std::string known;
  for (const auto& [each, text] : recipe.prompts) {
    known += (known.empty() ? "" : ", ") + each;
  }
  throw InvalidRequestError("[mlx] the model has no prompt '" + name + "'",
                            known.empty()
                                ? "It has none: put the prompt into the inputs."
                                : "It has: " + known + ".",
                            kId);
}

// As Python's str.lower, which sentence-transformers calls.
std::string lower_case(const std::string& text) {
  static const text::ChatTemplate kLower("{{ text | lower }}", {});
  return kLower.render(
      {.messages = "[]",
       .add_generation_prompt = false,
       .variables = nlohmann::json{{"text", text}}.dump(
           -1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

// Special tokens that stand around every text.
struct Surroundings {
  std::size_t before = 0;
  std::size_t after = 0;
};

Surroundings surroundings(const std::vector<std::int32_t>& ids,
                          const std::vector<std::int32_t>& of_empty) {
  const std::size_t most = std::min(ids.size(), of_empty.size());
  const auto split = std::mismatch(
      of_empty.begin(), of_empty.begin() + static_cast<std::ptrdiff_t>(most),
      ids.begin());
  const auto before = static_cast<std::size_t>(split.first - of_empty.begin());
  return {before, of_empty.size() - before};
}

// Takes tokens out of the text so that `most` remain, special ones included.
void cut(std::vector<std::int32_t>& ids, int most, std::size_t after) {
  const auto kept = static_cast<std::ptrdiff_t>(most);
  const auto tail = static_cast<std::ptrdiff_t>(after);
  if (static_cast<std::ptrdiff_t>(ids.size()) <= kept || tail >= kept) return;
  ids.erase(ids.begin() + (kept - tail), ids.end() - tail);
}

}  // namespace

EmbeddingResponse embed_texts(const engine::ModelPackage& package,
                              engine::Engine& engine, int context_length,
                              const EmbeddingRequest& request) {
  const families::EmbeddingRecipe& recipe = *package.embedding;
  const std::string& prompt = find_prompt(recipe, request);
  const int most =
      std::min(context_length, recipe.max_tokens.value_or(context_length));
  const std::vector<std::int32_t> of_empty =
      package.tokenizer.encode("", /* add_special = */ true);
  engine::EmbeddingJob job{.texts = {},
                           .recipe = recipe,
                           .dimensions = request.dimensions,
                           .cancel = request.cancel};
  EmbeddingResponse response;
  response.model = package.id;
  for (const std::string& input : request.inputs) {
    const std::string text =
        recipe.lower_case ? lower_case(prompt + input) : prompt + input;
    std::vector<std::int32_t> ids =
        package.tokenizer.encode(text, /* add_special = */ true);
    const Surroundings special = surroundings(ids, of_empty);
    if (request.truncate) cut(ids, most, special.after);
    int skipped = 0;
    if (!prompt.empty() && !recipe.include_prompt) {
      skipped = static_cast<int>(package.tokenizer.encode(prompt, true).size() -
                                 special.after);
    }
    response.usage.prompt_tokens += static_cast<int>(ids.size());
    job.texts.push_back({std::move(ids), skipped});
  }
  response.vectors = engine.embed(std::move(job));
  return response;
}

}  // namespace abstractllm::providers
