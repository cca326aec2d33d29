// What is known of each architecture, for people: docs/models.md is made of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace abstractllm::models {

/// One row a model type of the registry. Markdown, one line a field.
struct CatalogueRow {
  std::string_view model_type;
  std::string_view models;    ///< published models of it
  std::string_view verified;  ///< how its results were compared, and with what
  std::string_view formats;   ///< of the files that were run
  std::string_view vision{};  ///< image input; empty: none
  std::string_view backends = "CPU, reference";
};

/// Sorted by model_type.
std::span<const CatalogueRow> catalogue();

/// The row of `model_type`; null where there is none.
const CatalogueRow* find_in_catalogue(std::string_view model_type);

/// docs/models.md as a whole. `tools` gives the tool-call dialect that the
/// family of a model type writes; empty: what a model's template says.
std::string catalogue_markdown(
    const std::function<std::string(std::string_view model_type)>& tools);

}  // namespace abstractllm::models
