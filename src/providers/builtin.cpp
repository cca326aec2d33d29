// The table of built-in providers: a new provider is one row here.
// SPDX-License-Identifier: Apache-2.0
#include "providers/builtin.h"

#include <array>
#include <utility>

#include "providers/mlx.h"
#include "providers/remote_providers.h"

namespace abstractllm::providers {
namespace {

BuiltinProvider remote(const RemoteDefinition& (*definition)()) {
  BuiltinProvider row{
      .id = definition().traits.id,
      .make =
          [definition](ProviderConfig config) {
            return make_remote(definition(), std::move(config));
          },
      .aliases = definition().aliases,
      .info =
          [definition](const ConnectionOptions& options) {
            return remote_info(definition(), options);
          },
      .list =
          [definition](const ConnectionOptions& options) {
            return list_remote_models(*open_endpoint(definition(), options));
          }};
  if (definition().pull != nullptr) {
    row.pull = [definition](std::string_view model,
                            const ConnectionOptions& options,
                            const auto& report) {
      definition().pull(*open_endpoint(definition(), options), model, report);
    };
  }
  return row;
}

ProviderInfo mlx_info(const ConnectionOptions&) {
  using enum ModelCapability;
  return {.id = "mlx",
          .aliases = {},
          .state = mlx_is_built_in() ? ProviderState::kReady
                                     : ProviderState::kNotBuiltIn,
          .detail = mlx_is_built_in() ? "models on this machine, in process"
                                      : "Build with -DABSTRACTLLM_MLX=ON.",
          .capabilities = mlx_capabilities()};
}

std::vector<ModelEntry> mlx_models(const ConnectionOptions&) {
  std::vector<ModelEntry> models;
  for (const LocalModel& model : list_local_models()) {
    if (model.format == "incomplete") continue;
    models.push_back({.id = model.id, .owner = {}, .bytes = model.bytes});
  }
  return models;
}

}  // namespace

std::span<const BuiltinProvider> builtin_providers() {
  static const std::array kTable{
      BuiltinProvider{
          "mlx", &make_mlx, {}, &mlx_info, &mlx_models, &pull_from_hub},
      remote(&anthropic_provider),
      remote(&huggingface_provider),
      remote(&lmstudio_provider),
      remote(&ollama_provider),
      remote(&openai_provider),
      remote(&openai_compatible_provider),
      remote(&openai_responses_provider),
  };
  return kTable;
}

}  // namespace abstractllm::providers
