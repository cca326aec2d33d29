// The weights that a config promises.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/json_config.h"
#include "io/weight_source.h"

namespace abstractllm::models {

/// For a model that is built of shapes alone (ops::ShapesOnly): afterwards they
/// name every tensor that it has. Whether the embedding is the head, too,
/// follows the family where the config is silent. Throws as
/// io::WeightSource::imagined.
io::WeightSource imagined_weights(const io::JsonConfig& config);

}  // namespace abstractllm::models
