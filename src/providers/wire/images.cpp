// From a file or its bytes to base64.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/images.h"

#include <optional>
#include <string_view>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "base/mapped_file.h"

namespace abstractllm::providers {
namespace {

// Services take 5 to 20 MB; beyond this a file is not what was meant.
constexpr std::size_t kMaxImageBytes = 32U << 20;

std::string_view sniff(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) {
    return "image/gif";
  }
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) {
    return "image/webp";
  }
  if (bytes.starts_with("BM")) return "image/bmp";
  return "";
}

WireImage encode(std::string_view bytes, const std::string& media_type,
                 const std::string& provider) {
  if (bytes.size() > kMaxImageBytes) {
    throw ImageProcessingError(
        "[" + provider + "] an image has " + std::to_string(bytes.size()) +
            " bytes, at most " + std::to_string(kMaxImageBytes) + " are sent",
        "Make it smaller.", provider);
  }
  const std::string type =
      media_type.empty() ? std::string(sniff(bytes)) : media_type;
  if (type.empty() || bytes.empty()) {
    throw ImageProcessingError(
        "[" + provider + "] " + std::to_string(bytes.size()) +
            " bytes are no PNG, JPEG, GIF, WebP or BMP image",
        "Set media_type if it is another kind.", provider);
  }
  return {type, base::base64_encode(bytes)};
}

// data:image/png;base64,...; the content is looked at, the named type is not.
WireImage encode_data_url(std::string_view url, const std::string& provider) {
  const std::size_t comma = url.find(',');
  std::optional<std::string> bytes;
  if (comma != std::string_view::npos &&
      url.substr(0, comma).ends_with(";base64")) {
    bytes = base::base64_decode(url.substr(comma + 1));
  }
  if (!bytes) {
    throw ImageProcessingError(
        "[" + provider + "] the data: URL of an image is not base64",
        "Write it as data:image/png;base64,...", provider);
  }
  return encode(*bytes, {}, provider);
}

}  // namespace

std::string WireImage::data_url() const {
  return "data:" + media_type + ";base64," + base64;
}

void check_image(const ImagePart& image, const std::string& provider) {
  const int given = (image.path.empty() ? 0 : 1) +
                    (image.bytes.empty() ? 0 : 1) + (image.url.empty() ? 0 : 1);
  if (image.media_type.starts_with("video/") ||
      image.url.starts_with("data:video/")) {
    throw UnsupportedFeatureError(
        "[" + provider + "] moving pictures are not sent",
        "Send frames as images, or use a local model that sees them.",
        provider);
  }
  const bool is_web = image.url.starts_with("http://") ||
                      image.url.starts_with("https://") ||
                      image.url.starts_with("data:");
  if (given == 1 && (image.url.empty() || is_web)) return;
  throw InvalidRequestError(
      "[" + provider + "] an image needs exactly one of path, bytes and url",
      "A url begins with http:// or https://.", provider);
}

WireImage encode_image(const ImagePart& image, const std::string& provider) {
  check_image(image, provider);
  if (!image.url.empty()) return encode_data_url(image.url, provider);
  if (image.path.empty()) {
    return encode(image.bytes, image.media_type, provider);
  }
  const auto file = base::MappedFile::open(image.path);
  const auto bytes = file->bytes();
  return encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                image.media_type, provider);
}

}  // namespace abstractllm::providers
