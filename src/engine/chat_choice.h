// The template that a model's conversations go through.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "engine/model_package.h"
#include "engine/text_parts.h"

namespace abstractllm::engine {

/// The model's own template, its family's or a plain one; `with_tools` becomes
/// its own for requests with tools, if it has one. `is_encoder`: needs none, so
/// that nothing is logged. Throws ModelLoadingError for a template that cannot
/// be read.
Chat choose_chat(const TextParts& parts, const families::MLXModelConfig& family,
                 const io::ModelFiles& files, bool is_encoder,
                 std::optional<Chat>& with_tools);

/// Whether the template writes the place of an image that is a part of a
/// message.
bool takes_image_parts(const Chat& chat, const ImageReader& images);

}  // namespace abstractllm::engine
