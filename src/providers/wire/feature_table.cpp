// The table of features, and its text.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/feature_table.h"

namespace abstractllm::providers {
namespace {

constexpr std::string_view kYes = "yes";
constexpr std::string_view kNo = kRefused;

// clang-format off
constexpr FeatureRow kTable[] = {
    //           mlx, openai, openai-responses, anthropic, ollama, lmstudio, huggingface, openai-compatible
    {"images as path or bytes", {{"where the model reads them", kYes, kYes, kYes, kYes, kYes, kYes, kYes}}},
    {"images as URL", {{"data: URLs", kYes, kYes, kYes, "data: URLs", kYes, kYes, kYes}}},
    {"level of image detail", {{"low: 512 x 512 pixels", kYes, kYes, kNo, kNo, kYes, kYes, kYes}}},
    {"tools, parallel", {{kYes, kYes, kYes, kYes, kYes, kYes, kYes, kYes}}},
    {"tool choice `none`", {{kYes, kYes, kYes, kYes, kYes, kYes, kYes, kYes}}},
    {"tool choice `required` or a name", {{kYes, kYes, kYes, kYes, kNo, kYes, kYes, kYes}}},
    {"limit to one call", {{kYes, kYes, kYes, kYes, kNo, kYes, kYes, kYes}}},
    {"JSON without schema", {{kYes, kYes, kYes, kNo, kYes, kYes, kYes, kYes}}},
    {"JSON Schema", {{kYes, kYes, kYes, kYes, kYes, kYes, kYes, kYes}}},
    {"regular expression", {{kYes, kNo, kNo, kNo, kNo, kNo, kNo, kNo}}},
    {"grammar (Lark)", {{kYes, kNo, kNo, kNo, kNo, kNo, kNo, kNo}}},
    {"reasoning effort", {{"where the template has a switch", kYes, kYes, kYes, kYes, kNo, kYes, kYes}}},
    {"reasoning goes back", {{"as text", "no", "encrypted", "signed", "as text", "as text", "no", "as text"}}},
    {"prompt without template", {{kYes, kNo, kNo, kNo, kYes, kYes, kNo, kYes}}},
    {"prompt as token ids", {{kYes, kNo, kNo, kNo, kNo, kNo, kNo, kNo}}},
    {"template variables", {{kYes, kNo, kNo, kNo, kNo, kNo, kNo, kNo}}},
    {"adapter", {{kYes, kNo, kNo, kNo, kNo, kNo, kNo, kNo}}},
    {"embeddings", {{"where the model makes them", kYes, kYes, kNo, kYes, kYes, kYes, kYes}}},
    {"a prompt's name, for embeddings", {{kYes, kNo, kNo, kNo, kNo, kNo, kYes, kNo}}},
    {"texts cut for embeddings", {{kYes, kNo, kNo, kNo, kYes, kNo, kYes, kNo}}},
};
// clang-format on

}  // namespace

std::span<const FeatureRow> feature_table() { return kTable; }

std::string feature_table_markdown() {
  std::string text = markdown_heading("");
  for (const FeatureRow& row : kTable) {
    text += "| " + std::string(row.feature) + " |";
    for (const std::string_view cell : row.cells) {
      text += " " + std::string(cell) + " |";
    }
    text += "\n";
  }
  return text;
}

}  // namespace abstractllm::providers
