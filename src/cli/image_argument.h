// Images on the command line.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/llm.h"

namespace abstractllm::cli {

/// `text` is a path, a data: URL, or an address that services fetch. Throws
/// InvalidRequestError for a damaged data: URL and FileProcessingError for a
/// file that is not there.
ImagePart image_argument(const std::string& text);

/// An animated GIF, or a folder with an image a frame; `fps`: frames a second.
/// Throws FileProcessingError for what is neither file nor folder.
ImagePart video_argument(const std::string& path, std::optional<double> fps);

/// `images`, then `text`, as one message of the user.
Message message_with_images(std::vector<ImagePart> images, std::string text);

/// A line for each image of `request` with its size and its tokens; empty where
/// the model cannot tell.
std::string image_cost_lines(AbstractLLMInterface& model,
                             const Request& request);

}  // namespace abstractllm::cli
