// From a file to a part of a message, by what is in it.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "abstractllm/error.h"
#include "abstractllm/message.h"
#include "base/mapped_file.h"
#include "base/utf8.h"

namespace abstractllm {
namespace {

// Some four million tokens: beyond the context of every model.
constexpr std::size_t kMaxTextBytes = 16U << 20;

bool is_image(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1A\n") ||
         bytes.starts_with("\xFF\xD8\xFF") || bytes.starts_with("GIF87a") ||
         bytes.starts_with("GIF89a") || bytes.starts_with("BM") ||
         (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP"));
}

// Longer than every run of backticks in `text`, so that none of them ends it.
std::string fence_of(std::string_view text) {
  std::size_t longest = 2;
  std::size_t run = 0;
  for (const char letter : text) {
    run = letter == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(longest + 1, '`');
}

std::string fenced(const std::filesystem::path& path, std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::string fence = fence_of(text);
  std::string kind = path.extension().string();
  if (!kind.empty()) kind.erase(0, 1);
  return fmt::format("{}:\n{}{}\n{}{}{}\n", path.filename().string(), fence,
                     kind, text, text.ends_with('\n') ? "" : "\n", fence);
}

}  // namespace

Part part_from_file(const std::string& path) {
  const auto file = base::MappedFile::open(path);
  const std::string_view bytes(
      reinterpret_cast<const char*>(file->bytes().data()),
      file->bytes().size());
  if (is_image(bytes)) return ImagePart{.path = path};
  if (bytes.size() > kMaxTextBytes) {
    throw FileProcessingError(
        fmt::format("[attach] '{}' has {} bytes, and is no image", path,
                    bytes.size()),
        fmt::format("A text may have {} bytes.", kMaxTextBytes));
  }
  const std::size_t valid = base::valid_utf8_prefix(bytes);
  if (valid != bytes.size() || bytes.find('\0') != std::string_view::npos) {
    throw FileProcessingError(
        fmt::format("[attach] '{}' is neither an image (PNG, JPEG, GIF, WebP, "
                    "BMP) nor UTF-8 text: byte {} fits neither",
                    path, std::min(valid, bytes.find('\0'))),
        "Convert it to one of these first.");
  }
  return TextPart{fenced(path, bytes)};
}

}  // namespace abstractllm
