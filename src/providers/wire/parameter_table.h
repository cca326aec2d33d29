// Which provider takes which generation parameter, and under what name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "abstractllm/parameters.h"

namespace abstractllm::providers {

/// One column of the table: a provider, or one protocol of a provider.
enum class ParameterColumn {
  kMlx,
  kOpenAI,
  kOpenAIResponses,
  kAnthropic,
  kOllama,
  kLMStudio,
  kHuggingFace,
  kOpenAICompatible,
};
inline constexpr std::size_t kParameterColumns = 8;

/// The id of the column's provider.
std::string_view provider_of(ParameterColumn column);

/// One field of GenerationParameters. A cell is the path of the wire field
/// ("options.seed"), kByLibrary where the library itself honours it, or empty
/// where the provider refuses it.
struct ParameterRow {
  std::string_view field;
  std::array<std::string_view, kParameterColumns> cells;

  std::string_view cell(ParameterColumn column) const {
    return cells[static_cast<std::size_t>(column)];
  }
};

inline constexpr std::string_view kByLibrary = "=";

/// All fields, in declaration order. What is sent and what docs/providers.md
/// says are both made of it.
std::span<const ParameterRow> parameter_table();

/// Writes the present fields of `parameters` into `body` under the names of
/// `column`. Throws UnsupportedFeatureError naming field and provider for one
/// that the provider has not, and InvalidParameterError for a value out of
/// range; clamp_parameters moves the temperature first.
void write_parameters(const GenerationParameters& parameters,
                      ParameterColumn column, nlohmann::ordered_json& body);

/// The first two lines of a table in Markdown with a column a provider;
/// `corner` stands above the rows' names.
std::string markdown_heading(std::string_view corner);

/// The table in Markdown, as docs/providers.md has it.
std::string parameter_table_markdown();

}  // namespace abstractllm::providers
