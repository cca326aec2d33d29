// Runs of image tokens, their places, and their features.
// SPDX-License-Identifier: Apache-2.0
#include "models/image_prompt.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "mlx/ops.h"

namespace abstractllm::models {

namespace mx = mlx::core;

std::vector<mx::array> ImageFeatures::arrays() const {
  std::vector<mx::array> all{rows};
  all.insert(all.end(), layers.begin(), layers.end());
  for (const ops::CrossKeys& layer : across) {
    all.push_back(layer.keys);
    all.push_back(layer.values);
  }
  return all;
}

std::size_t ImageFeatures::bytes() const {
  std::size_t bytes = 0;
  for (const mx::array& array : arrays()) bytes += array.nbytes();
  return bytes;
}

ImagePrompt::ImagePrompt(std::span<const std::int32_t> ids,
                         std::vector<PromptImage> images, ImageMode mode)
    : images_(std::move(images)), mode_(mode) {
  find_runs(ids);
  if (mode_ == ImageMode::kInGrid) place(static_cast<int>(ids.size()));
}

void ImagePrompt::find_runs(std::span<const std::int32_t> ids) {
  length_ = static_cast<int>(ids.size());
  std::size_t image = 0;
  int row = 0;
  for (int i = 0; i < length_; ++i) {
    if (ids[i] >= 0) continue;
    if (image < images_.size() && row == images_[image].tokens) {
      ++image;
      row = 0;
    }
    if (image == images_.size() || ids[i] != images_[image].number) {
      throw InvalidRequestError(
          "[images] the tokens of the prompt do not fit its images");
    }
    const bool goes_on = !runs_.empty() && runs_.back().image == image &&
                         runs_.back().first + runs_.back().count == i;
    if (!goes_on) runs_.push_back({i, 0, image, row});
    ++runs_.back().count;
    ++row;
  }
  const bool all = images_.empty() || (image + 1 == images_.size() &&
                                       row == images_[image].tokens);
  if (!all) {
    throw InvalidRequestError(
        "[images] the prompt has too few tokens for its images");
  }
}

void ImagePrompt::place(int length) {
  positions_.assign(static_cast<std::size_t>(ops::kRopeAxes) * length, 0);
  const auto put = [&](int axis, int at, int position) {
    positions_[static_cast<std::size_t>(axis) * length + at] = position;
  };
  int next = 0;
  int at = 0;
  const auto text_up_to = [&](int end) {
    for (; at < end; ++at, ++next) {
      for (int axis = 0; axis < ops::kRopeAxes; ++axis) put(axis, at, next);
    }
  };
  for (const Run& run : runs_) {
    text_up_to(run.first);
    const PromptImage& image = images_[run.image];
    const int grid = image.grid_rows * image.grid_columns;
    for (int i = 0; i < run.count; ++i, ++at) {
      // Text between the frames of a moving picture begins its time anew.
      const int frame = (run.row + i) / grid - run.row / grid;
      const int token = (run.row + i) % grid;
      put(0, at, next + static_cast<int>(frame * image.frame_step));
      put(1, at, next + token / image.grid_columns);
      put(2, at, next + token % image.grid_columns);
    }
    next += std::max(image.grid_rows, image.grid_columns);
  }
  text_up_to(length);
  shift_ = next - length;
}

ImagePrompt::Seen ImagePrompt::seen_at(int row) const {
  const auto behind =
      std::find_if(runs_.begin(), runs_.end(),
                   [row](const Run& run) { return run.first > row; });
  const int end =
      behind == runs_.end() ? std::numeric_limits<int>::max() : behind->first;
  if (behind == runs_.begin()) return {0, images_.size(), true, end};
  auto first = behind - 1;
  while (first != runs_.begin() && (first - 1)->first + 1 == first->first) {
    --first;
  }
  return {first->image, (behind - 1)->image + 1, false, end};
}

std::vector<std::size_t> ImagePrompt::images_in(int first, int last) const {
  std::vector<std::size_t> found;
  if (mode_ == ImageMode::kBeside) {
    std::vector<bool> needed(images_.size());
    for (int row = first; row < last && !images_.empty();) {
      const Seen seen = seen_at(row);
      std::fill(needed.begin() + static_cast<std::ptrdiff_t>(seen.first),
                needed.begin() + static_cast<std::ptrdiff_t>(seen.last), true);
      row = seen.end;
    }
    for (std::size_t i = 0; i < needed.size(); ++i) {
      if (needed[i]) found.push_back(i);
    }
    return found;
  }
  for (const Run& run : runs_) {
    if (run.first >= last || run.first + run.count <= first) continue;
    if (found.empty() || found.back() != run.image) found.push_back(run.image);
  }
  return found;
}

int ImagePrompt::next_place(std::size_t image, int from) const {
  if (mode_ == ImageMode::kBeside) {
    int row = from;
    for (Seen seen = seen_at(row); image < seen.first || image >= seen.last;
         seen = seen_at(row)) {
      row = seen.end;
    }
    return row;
  }
  const auto run = std::find_if(runs_.begin(), runs_.end(), [&](const Run& r) {
    return r.image == image && r.first + r.count > from;
  });
  return std::max(run->first, from);
}

bool ImagePrompt::shows(std::int32_t number) const {
  return std::any_of(
      images_.begin(), images_.end(),
      [number](const PromptImage& image) { return image.number == number; });
}

std::vector<std::int32_t> ImagePrompt::positions(int first, int last) const {
  if (mode_ != ImageMode::kInGrid) return {};
  std::vector<std::int32_t> wanted;
  wanted.reserve(static_cast<std::size_t>(ops::kRopeAxes) * (last - first));
  for (int axis = 0; axis < ops::kRopeAxes; ++axis) {
    for (int i = first; i < last; ++i) {
      wanted.push_back(
          i < length_ ? positions_[static_cast<std::size_t>(axis) * length_ + i]
                      : i + shift_);
    }
  }
  return wanted;
}

namespace {

mx::array slice_rows(const mx::array& x, int first, int last) {
  return mx::slice(x, {first, 0}, {last, x.shape(1)});
}

}  // namespace

mx::array ImagePrompt::insert(const mx::array& embedded, int first) const {
  if (mode_ == ImageMode::kBeside) return embedded;
  const int last = first + embedded.shape(0);
  std::vector<mx::array> pieces;
  int at = first;
  for (const Run& run : runs_) {
    const int from = std::max(run.first, first);
    const int to = std::min(run.first + run.count, last);
    if (from >= to) continue;
    if (from > at) {
      pieces.push_back(slice_rows(embedded, at - first, from - first));
    }
    const int row = run.row + from - run.first;
    pieces.push_back(mx::astype(
        slice_rows(images_[run.image].features->rows, row, row + to - from),
        embedded.dtype()));
    at = to;
  }
  if (pieces.empty()) return embedded;
  if (at < last)
    pieces.push_back(slice_rows(embedded, at - first, last - first));
  return mx::concatenate(pieces, 0);
}

std::shared_ptr<const ops::CrossSight> ImagePrompt::sight_of(
    const Seen& seen) const {
  if (seen_ == seen) return sight_;
  std::vector<ops::CrossPart> parts;
  for (std::size_t i = seen.first; i < seen.last; ++i) {
    const std::shared_ptr<const ImageFeatures>& features = images_[i].features;
    parts.push_back(
        {{features, &features->across},
         seen.before_images ? features->rows.shape(0) : features->shown});
  }
  sight_ = std::make_shared<const ops::CrossSight>(std::move(parts));
  seen_ = seen;
  return sight_;
}

std::shared_ptr<const std::vector<ops::CrossSpan>> ImagePrompt::across(
    int first, int last) const {
  if (mode_ != ImageMode::kBeside || images_.empty()) return nullptr;
  auto spans = std::make_shared<std::vector<ops::CrossSpan>>();
  for (int row = first; row < last;) {
    const Seen seen = seen_at(row);
    const int end = std::min(seen.end, last);
    spans->push_back({end - row, sight_of(seen), seen.before_images});
    row = end;
  }
  return spans;
}

std::vector<mx::array> ImagePrompt::layer_additions(int first, int rows) const {
  const int last = first + rows;
  std::vector<std::vector<mx::array>> layers;
  int at = first;
  const auto fill = [&](int to, const mx::array& like) {
    if (to <= at) return;
    for (auto& layer : layers) {
      layer.push_back(mx::zeros({to - at, like.shape(1)}, like.dtype()));
    }
  };
  const mx::array* like = nullptr;
  for (const Run& run : runs_) {
    const int from = std::max(run.first, first);
    const int to = std::min(run.first + run.count, last);
    if (from >= to || images_[run.image].features->layers.empty()) continue;
    const ImageFeatures& features = *images_[run.image].features;
    layers.resize(features.layers.size());
    like = &features.rows;
    fill(from, *like);
    const int row = run.row + from - run.first;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      layers[i].push_back(slice_rows(features.layers[i], row, row + to - from));
    }
    at = to;
  }
  if (like == nullptr) return {};
  fill(last, *like);
  std::vector<mx::array> joined;
  joined.reserve(layers.size());
  for (const auto& layer : layers) joined.push_back(mx::concatenate(layer, 0));
  return joined;
}

std::vector<std::int32_t> image_numbers(std::span<const std::int32_t> prompt,
                                        int planned) {
  std::vector<std::int32_t> numbers;
  const std::size_t length =
      std::min(prompt.size(), static_cast<std::size_t>(planned));
  for (const std::int32_t id : prompt.first(length)) {
    if (id < 0) numbers.push_back(id);
  }
  return numbers;
}

}  // namespace abstractllm::models
