// Which provider takes what a request may have beside its parameters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "providers/wire/parameter_table.h"

namespace abstractllm::providers {

/// One thing that a request may have. A cell says how the provider takes it,
/// kRefused where it answers with UnsupportedFeatureError (of embeddings:
/// UnsupportedOperationError).
struct FeatureRow {
  std::string_view feature;
  std::array<std::string_view, kParameterColumns> cells;

  std::string_view cell(ParameterColumn column) const {
    return cells[static_cast<std::size_t>(column)];
  }
};

inline constexpr std::string_view kRefused = "refused";

/// What docs/providers.md says; a test asks every provider for every row.
std::span<const FeatureRow> feature_table();

/// The table in Markdown.
std::string feature_table_markdown();

}  // namespace abstractllm::providers
