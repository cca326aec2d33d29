// What models of images and text share: where their text model stands in the
// config, and the names of their tensors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_config.h"
#include "models/model.h"
#include "models/source.h"

namespace abstractllm::io {
class WeightSource;
}

namespace abstractllm::models {

/// The fields of the text model: those of text_config with what its family
/// takes where that is silent, or of the config itself where it is flat.
io::JsonConfig text_config(const io::JsonConfig& config);

/// The fields of vision_config with the defaults of its kind of tower.
io::JsonConfig vision_config(const io::JsonConfig& config);

/// The layers of a text model that look at images beside the text (Llama 3.2
/// Vision), ascending. Throws ModelLoadingError for one that is not there.
std::vector<int> cross_attention_layers(const io::JsonConfig& text_config);

/// One name for each tensor, whether a checkpoint follows the older or the
/// newer layout of transformers or was converted by mlx-vlm: "model." and
/// "lm_head." for the text model as if it stood alone, "vision_tower.",
/// "multi_modal_projector.", "connector." and "vision_embed_tokens." for the
/// rest.
std::string canonical_name(std::string_view name);

/// `weights` under canonical names, if their config is of a model that reads
/// images; else as they are.
io::WeightSource canonical_weights(const io::WeightSource& weights);

/// The text model of `source`, whose tensors have canonical names, as
/// text_config says. `sight`: of prompts.
std::unique_ptr<Model> make_language_model(
    const ModelSource& source, PromptSight sight = PromptSight::kCausal);

}  // namespace abstractllm::models
