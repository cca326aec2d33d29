// What a local model is set up with.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "abstractllm/factory.h"
#include "engine/engine.h"
#include "engine/model_package.h"
#include "providers/mlx_adapters.h"

namespace abstractllm::providers {

/// Takes on_load_progress out of `config`. Throws InvalidParameterError and
/// UnsupportedFeatureError for what cannot be.
engine::EngineOptions read_mlx_options(ProviderConfig& config,
                                       const engine::ModelPackage& package,
                                       const MlxAdapters& adapters);

/// What of `config` a diagnosis depends on. Throws as read_mlx_options does; a
/// context_length that the model was not trained for is for the diagnosis to
/// say. Not looked at: the connection, adapters, parameters, and what only
/// shapes the running (threads, prefill_chunk, the numbers of requests).
engine::EngineOptions read_diagnosis_options(const ProviderConfig& config);

/// ProviderConfig::max_pixels; nothing for 0.
std::optional<std::int64_t> read_max_pixels(std::uint64_t wanted);

}  // namespace abstractllm::providers
