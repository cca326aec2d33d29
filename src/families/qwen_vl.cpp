// Qwen models that see.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"

namespace abstractllm::families {

QwenVLConfig::QwenVLConfig() {
  name = "qwen2_vl";
  model_types = {"qwen2_vl", "qwen2vl"};
  names = {"qwen2-vl", "qwen-vl"};
}

Qwen25VLConfig::Qwen25VLConfig() {
  name = "qwen2_5_vl";
  model_types = {"qwen2_5_vl"};
  names = {"qwen2.5-vl", "qwen2-5-vl"};
}

}  // namespace abstractllm::families
