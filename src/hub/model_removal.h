// Taking models away that are ours to take.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "abstractllm/factory.h"
#include "hub/local_models.h"

namespace abstractllm::hub {

/// As abstractllm::plan_model_removal, for the models of `models`.
ModelRemoval plan_removal(const LocalModels& models, std::string_view id);

/// As abstractllm::remove_model.
void remove(const ModelRemoval& removal);

}  // namespace abstractllm::hub
