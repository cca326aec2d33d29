// Local models for the public interface.
// SPDX-License-Identifier: Apache-2.0
#include "hub/local_models.h"

#include "abstractllm/factory.h"

namespace abstractllm {

std::vector<LocalModel> list_local_models() {
  return hub::LocalModels(hub::ModelLocations::from_environment()).list();
}

}  // namespace abstractllm
