// Look-ups with ranges over the files of a processor.
// SPDX-License-Identifier: Apache-2.0
#include "vision/settings.h"

#include <fmt/format.h>

#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::vision {
namespace {

std::optional<int> bounded(const io::JsonConfig& config, const char* key,
                           std::int64_t low, std::int64_t high) {
  const auto found = config.find_int(key);
  if (!found) return std::nullopt;
  if (*found < low || *found > high) {
    throw ModelLoadingError(
        fmt::format("[image processor] {}: '{}': expected {} to {}, found {}",
                    config.origin(), key, low, high, *found));
  }
  return static_cast<int>(*found);
}

}  // namespace

int int_setting(const io::JsonConfig& config, const char* key, int otherwise,
                int low, int high) {
  return bounded(config, key, low, high).value_or(otherwise);
}

std::optional<SizeSetting> size_setting(const io::JsonConfig& config,
                                        const char* key, SingleNumber meaning,
                                        std::int64_t max_edge) {
  if (!config.has(key)) return std::nullopt;
  SizeSetting size;
  if (!config.is_object(key)) {
    const auto side = bounded(config, key, 1, kMaxSide);
    if (meaning == SingleNumber::kSquare) {
      size.width = size.height = side;
    } else {
      size.shortest_edge = side;
    }
    return size;
  }
  const io::JsonConfig object = config.require_object(key);
  size.width = bounded(object, "width", 1, kMaxSide);
  size.height = bounded(object, "height", 1, kMaxSide);
  size.shortest_edge = bounded(object, "shortest_edge", 1, max_edge);
  size.longest_edge = bounded(object, "longest_edge", 1, max_edge);
  return size;
}

Filter filter_setting(const io::JsonConfig& config, Filter otherwise) {
  return static_cast<Filter>(
      int_setting(config, "resample", static_cast<int>(otherwise), 0, 5));
}

std::string image_token_of(const ProcessorFiles& files, std::string otherwise) {
  return files.model.has("image_token_id")
             ? token_named(files, "image_token_id", std::move(otherwise))
             : token_named(files, "image_token_index", std::move(otherwise));
}

std::string token_named(const ProcessorFiles& files, const char* key,
                        std::string otherwise) {
  const auto id = files.model.find_int(key);
  const auto tokens = files.tokenizer.find_object("added_tokens_decoder");
  if (!id || !tokens) return otherwise;
  const auto token = tokens->find_object(std::to_string(*id));
  return token ? token->require_string("content") : otherwise;
}

std::string token_of(const ProcessorFiles& files, const char* key,
                     std::string otherwise) {
  if (files.tokenizer.is_object(key)) {
    return files.tokenizer.require_object(key).require_string("content");
  }
  return files.tokenizer.find_string(key).value_or(std::move(otherwise));
}

void require_budget(const PixelBudget& budget, std::int64_t pixels,
                    std::string_view kind) {
  if (!budget.max_pixels || *budget.max_pixels >= pixels) return;
  throw InvalidParameterError(
      fmt::format("[image processor] {} shows every image in {} pixels, the "
                  "budget is {}",
                  kind, pixels, *budget.max_pixels),
      fmt::format("allow at least {} pixels an image", pixels));
}

void require_size(int width, int height) {
  if (width > 0 && height > 0) return;
  throw ImageProcessingError(
      fmt::format("[image processor] an image of {}x{} pixels", width, height));
}

}  // namespace abstractllm::vision
