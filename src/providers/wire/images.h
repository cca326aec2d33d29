// Images as services take them: base64 with a media type, or a URL.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "abstractllm/message.h"

namespace abstractllm::providers {

struct WireImage {
  std::string media_type;  ///< "image/png"
  std::string base64;
  /// "data:image/png;base64,..."
  std::string data_url() const;
};

/// Reads and encodes an image that is given as path, bytes or data: URL (others
/// are the caller's to pass on or refuse). The media type
/// is the part's, else what the first bytes say. Throws FileProcessingError
/// for a file that cannot be read, ImageProcessingError for bytes that are no
/// image or more than 32 MiB, and InvalidRequestError unless exactly one of
/// path, bytes and url is set.
WireImage encode_image(const ImagePart& image, const std::string& provider);

/// Throws InvalidRequestError unless exactly one of path, bytes and url is
/// set, and a url is http, https or data.
void check_image(const ImagePart& image, const std::string& provider);

}  // namespace abstractllm::providers
