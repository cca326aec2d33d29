// One constructor per tower; tower.cpp lists them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vision/towers/tower.h"

namespace abstractllm::vision {

using TowerPtr = std::unique_ptr<VisionTower>;

TowerPtr make_gemma3_tower(const models::ModelSource& source);
TowerPtr make_idefics3_tower(const models::ModelSource& source);
TowerPtr make_internvl_tower(const models::ModelSource& source);
TowerPtr make_llava_tower(const models::ModelSource& source);
TowerPtr make_llava_next_tower(const models::ModelSource& source);
TowerPtr make_mistral3_tower(const models::ModelSource& source);
TowerPtr make_mllama_tower(const models::ModelSource& source);
TowerPtr make_paligemma_tower(const models::ModelSource& source);
TowerPtr make_phi3_v_tower(const models::ModelSource& source);
TowerPtr make_qwen2_vl_tower(const models::ModelSource& source);
TowerPtr make_qwen2_5_vl_tower(const models::ModelSource& source);
TowerPtr make_qwen3_vl_tower(const models::ModelSource& source);

}  // namespace abstractllm::vision
