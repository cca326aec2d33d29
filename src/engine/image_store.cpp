// Numbers and features of images.
// SPDX-License-Identifier: Apache-2.0
#include "engine/image_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "mlx/transforms.h"
#include "models/image_prompt.h"
#include "vision/towers/tower.h"

namespace abstractllm::engine {

namespace mx = mlx::core;

namespace {

// Digests that are remembered; a forgotten image only gets another number.
constexpr std::size_t kMostNumbers = 1 << 16;

}  // namespace

std::int32_t ImageNumbers::number(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  if (const auto found = known_.find(digest); found != known_.end()) {
    return found->second;
  }
  if (known_.size() == kMostNumbers) known_.clear();
  known_.emplace(digest, next_);
  return next_--;
}

ImageStore::ImageStore(const vision::VisionTower& tower, std::size_t most_bytes)
    : tower_(tower), most_bytes_(most_bytes) {}

ImageStore::~ImageStore() = default;

ImageStore::Features ImageStore::features(std::int32_t number,
                                          const JobImage& image) {
  const auto found =
      std::find_if(kept_.begin(), kept_.end(),
                   [&](const Kept& kept) { return kept.number == number; });
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
    return kept_.front().features;
  }
  auto features = std::make_shared<const models::ImageFeatures>(
      tower_.encode(*image.inputs));
  if (features->rows.shape(0) != image.tokens) {
    throw InternalError(
        "[vision] the tower gave " + std::to_string(features->rows.shape(0)) +
        " rows for an image of " + std::to_string(image.tokens) + " tokens");
  }
  std::vector<mx::array> arrays{features->rows};
  arrays.insert(arrays.end(), features->layers.begin(), features->layers.end());
  mx::eval(std::move(arrays));
  ++encoded_;
  bytes_ += features->bytes();
  kept_.push_front({number, features});
  while (bytes_ > most_bytes_ && !kept_.empty()) {
    bytes_ -= kept_.back().features->bytes();
    kept_.pop_back();
  }
  return features;
}

}  // namespace abstractllm::engine
