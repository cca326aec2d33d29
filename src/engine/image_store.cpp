// Numbers and features of images.
// SPDX-License-Identifier: Apache-2.0
#include "engine/image_store.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/image_prompt.h"
#include "ops/cpu_state.h"
#include "ops/host_kernel.h"
#include "vision/towers/tower.h"

namespace abstractllm::engine {

namespace mx = mlx::core;

namespace {

using Clock = std::chrono::steady_clock;

// Digests that are remembered; a forgotten image only gets another number.
constexpr std::size_t kMostNumbers = 1 << 16;

// Layers that look at an image from beside the text need the keys and values
// that were made of its rows; of these how many there are is enough.
std::shared_ptr<const models::ImageFeatures> without_sources(
    std::shared_ptr<const models::ImageFeatures> features) {
  if (features->across.empty()) return features;
  auto slim = std::make_shared<models::ImageFeatures>(*features);
  slim->rows = mx::zeros({features->rows.shape(0), 0});
  ops::evaluate({slim->rows});
  return slim;
}

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

struct ImageStore::Work {
  std::int32_t number;
  std::shared_ptr<const models::ImageFeatures> features;  // not evaluated
  vision::Stages stages{};
  std::size_t done = 0;  // of the stages
};

ImageStore::ImageStore(const vision::VisionTower& tower, std::size_t most_bytes,
                       ops::Backend backend)
    : tower_(tower), most_bytes_(most_bytes), backend_(std::move(backend)) {}

ImageStore::~ImageStore() = default;

ImageStore::Features ImageStore::features(std::int32_t number,
                                          const JobImage& image,
                                          double seconds) {
  const auto found =
      std::find_if(kept_.begin(), kept_.end(),
                   [&](const Kept& kept) { return kept.number == number; });
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
    return kept_.front().features;
  }
  const auto start = Clock::now();
  if (!work_ || work_->number != number) {
    work_.reset();
    auto work = std::make_unique<Work>(Work{.number = number, .features = {}});
    const ops::ImageRows kind(backend_);
    work->features = std::make_shared<const models::ImageFeatures>(
        tower_.encode(*image.inputs, work->stages));
    const int rows = work->features->rows.shape(0);
    if (rows != image.tokens && work->features->across.empty()) {
      throw InternalError("[vision] the tower gave " + std::to_string(rows) +
                          " rows for an image of " +
                          std::to_string(image.tokens) + " tokens");
    }
    work_ = std::move(work);
  }
  // What fails half-way is not gone on with.
  const std::unique_ptr<Work> work = std::move(work_);
  while (work->done < work->stages.size()) {
    if (work->done > 0) work->stages[work->done - 1] = mx::array(0.0f);
    ops::evaluate({work->stages[work->done++]});
    const std::chrono::duration<double> taken = Clock::now() - start;
    if (taken.count() < seconds) continue;
    work_ = std::make_unique<Work>(std::move(*work));
    return nullptr;
  }
  ops::evaluate(work->features->arrays());
  return keep(number, without_sources(std::move(work->features)));
}

void ImageStore::abandon(std::int32_t number) {
  if (work_ && work_->number == number) work_.reset();
}

ImageStore::Features ImageStore::keep(std::int32_t number, Features features) {
  ++encoded_;
  bytes_ += features->bytes();
  kept_.push_front({number, features});
  while (bytes_ > most_bytes_ && kept_.size() > 1) {
    bytes_ -= kept_.back().features->bytes();
    kept_.pop_back();
  }
  return features;
}

}  // namespace abstractllm::engine
