// The list of towers: the only place that names them all.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/tower.h"

#include <array>
#include <string>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "vision/towers/towers.h"

namespace abstractllm::vision {

namespace {

struct Row {
  std::string_view model_type;
  TowerPtr (*make)(const models::ModelSource&);
};

// Sorted by config.json's model_type.
constexpr std::array kRows{
    Row{"gemma3", make_gemma3_tower},
    Row{"idefics3", make_idefics3_tower},
    Row{"internvl", make_internvl_tower},
    Row{"internvl_chat", make_internvl_tower},
    Row{"llava", make_llava_tower},
    Row{"llava_next", make_llava_next_tower},
    Row{"mistral3", make_mistral3_tower},
    Row{"mllama", make_mllama_tower},
    Row{"paligemma", make_paligemma_tower},
    Row{"phi3_v", make_phi3_v_tower},
    Row{"pixtral", make_llava_tower},
    Row{"qwen2_5_vl", make_qwen2_5_vl_tower},
    Row{"qwen2_vl", make_qwen2_vl_tower},
    Row{"qwen3_vl", make_qwen3_vl_tower},
    Row{"qwen3_vl_moe", make_qwen3_vl_tower},
    Row{"smolvlm", make_idefics3_tower},
};

}  // namespace

TowerPtr make_tower(const models::ModelSource& source) {
  const std::string type = source.config.require_string("model_type");
  for (const Row& row : kRows) {
    if (row.model_type == type) return row.make(source);
  }
  throw UnsupportedModelError("[vision] models of the type '" + type +
                              "' have no tower for images");
}

}  // namespace abstractllm::vision
