// What preprocessor_config.json and its siblings say in several ways.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "vision/axis_weights.h"
#include "vision/processor.h"

namespace abstractllm::vision {

struct Extent {
  int width = 0;
  int height = 0;
  std::int64_t pixels() const { return std::int64_t{width} * height; }
  bool operator==(const Extent&) const = default;
};

/// The largest side that a setting may ask for, in pixels.
inline constexpr int kMaxSide = 16384;

/// A whole number of `config`, `otherwise` where it has none. Throws
/// ModelLoadingError for one outside [low, high].
int int_setting(const io::JsonConfig& config, const char* key, int otherwise,
                int low, int high);

/// "size" and "crop_size": an object, or one number.
struct SizeSetting {
  std::optional<int> width{};
  std::optional<int> height{};
  std::optional<int> shortest_edge{};
  std::optional<int> longest_edge{};
};

/// What one number means.
enum class SingleNumber { kSquare, kShortestEdge };

/// Nothing if `config` has no such field. Edges are up to `max_edge`: of some
/// kinds they are numbers of pixels.
std::optional<SizeSetting> size_setting(const io::JsonConfig& config,
                                        const char* key, SingleNumber meaning,
                                        std::int64_t max_edge = kMaxSide);

/// "resample", by Pillow's numbers.
Filter filter_setting(const io::JsonConfig& config, Filter otherwise);

/// The text of the token that image_token_id (image_token_index) of config.json
/// names, if tokenizer_config.json spells it; else `otherwise`.
std::string image_token_of(const ProcessorFiles& files, std::string otherwise);

/// The same for the token that the field `key` of config.json names.
std::string token_named(const ProcessorFiles& files, const char* key,
                        std::string otherwise);

/// A token of tokenizer_config.json, "bos_token" say: a string, or an object
/// with its content.
std::string token_of(const ProcessorFiles& files, const char* key,
                     std::string otherwise);

/// Refuses a budget below what a kind of fixed size needs.
void require_budget(const PixelBudget& budget, std::int64_t pixels,
                    std::string_view kind);

/// Throws ImageProcessingError unless both sides are at least 1.
void require_size(int width, int height);

}  // namespace abstractllm::vision
