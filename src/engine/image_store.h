// Features of the images that prompts have shown, each computed once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "engine/prompt_images.h"
#include "ops/backend.h"

namespace abstractllm::models {
struct ImageFeatures;
}
namespace abstractllm::vision {
class VisionTower;
}

namespace abstractllm::engine {

/// Names of images in token ids: one below 0 for each digest, never used for
/// another one. Thread-safe.
class ImageNumbers {
 public:
  std::int32_t number(const std::string& digest);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::int32_t> known_;
  std::int32_t next_ = -1;
};

/// Bytes of features that are kept beside those that requests hold; those of
/// the last image always are.
inline constexpr std::size_t kFeatureBytes = std::size_t{256} << 20;

/// Engine thread only.
class ImageStore {
 public:
  using Features = std::shared_ptr<const models::ImageFeatures>;

  /// `tower`, which outlives this, runs on `backend`.
  ImageStore(const vision::VisionTower& tower, std::size_t most_bytes,
             ops::Backend backend = {});
  ~ImageStore();

  /// The features of an image, evaluated; null if there is more to do after
  /// about `seconds`: called again, it goes on where it was. Work on another
  /// image is forgotten. Throws what the tower throws, and InternalError if it
  /// gives another number of rows than `image.tokens`.
  Features features(std::int32_t number, const JobImage& image, double seconds);

  /// Forgets what is not finished of an image.
  void abandon(std::int32_t number);

  std::size_t bytes() const { return bytes_; }
  /// Images that the tower has seen.
  int encoded() const { return encoded_; }

 private:
  struct Kept {
    std::int32_t number;
    Features features;
  };

  // An image that the tower has in hand.
  struct Work;

  Features keep(std::int32_t number, Features features);

  const vision::VisionTower& tower_;
  std::size_t most_bytes_;
  ops::Backend backend_;
  std::size_t bytes_ = 0;
  int encoded_ = 0;
  std::list<Kept> kept_;  // the one used last in front
  std::unique_ptr<Work> work_;
};

}  // namespace abstractllm::engine
