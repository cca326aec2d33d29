// From arguments to image parts, and what they cost.
// SPDX-License-Identifier: Apache-2.0
#include "cli/image_argument.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "cli/report.h"

namespace abstractllm::cli {

ImagePart image_argument(const std::string& text) {
  if (text.starts_with("http://") || text.starts_with("https://")) {
    return {.url = text};
  }
  if (text.starts_with("data:")) {
    constexpr std::string_view kMark = ";base64,";
    const std::size_t mark = text.find(kMark);
    std::optional<std::string> bytes;
    if (mark != std::string::npos) {
      bytes = base::base64_decode(
          std::string_view(text).substr(mark + kMark.size()));
    }
    if (!bytes || bytes->empty()) {
      throw InvalidRequestError("[image] a data: URL that is not base64",
                                "Expected is data:image/png;base64,...");
    }
    return {.bytes = *std::move(bytes), .media_type = text.substr(5, mark - 5)};
  }
  std::error_code error;
  if (!std::filesystem::is_regular_file(text, error)) {
    throw FileProcessingError(
        fmt::format("[image] '{}' is not a file", one_line(text)),
        "Give the path of an image, or a data: URL.");
  }
  return {.path = text};
}

ImagePart video_argument(const std::string& path, std::optional<double> fps) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw FileProcessingError(
        fmt::format("[video] '{}' is neither a file nor a folder",
                    one_line(path)),
        "Give an animated GIF, or a folder with an image a frame.");
  }
  return {.path = path,
          .media_type =
              fps ? fmt::format("video/frames; fps={}", *fps) : "video/frames"};
}

Message message_with_images(std::vector<ImagePart> images, std::string text) {
  Message message{.role = Role::kUser, .parts = {}};
  for (ImagePart& image : images) message.parts.push_back(std::move(image));
  if (!text.empty()) message.parts.push_back(TextPart{std::move(text)});
  return message;
}

std::string image_cost_lines(AbstractLLMInterface& model,
                             const Request& request) {
  std::vector<ImageCost> costs;
  try {
    costs = model.image_costs(request);
  } catch (const UnsupportedOperationError&) {
    return {};  // services do not tell
  }
  std::string lines;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const ImageCost& cost = costs[i];
    lines += fmt::format(
        "image {}: {} x {} pixels, seen as {} x {} ({} pixels), {} tokens\n",
        i + 1, cost.width, cost.height, cost.seen_width, cost.seen_height,
        cost.pixels, cost.tokens);
  }
  return lines;
}

}  // namespace abstractllm::cli
