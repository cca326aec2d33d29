// Token bookkeeping of sequences.
// SPDX-License-Identifier: Apache-2.0
#include "models/sequence.h"

#include <algorithm>
#include <utility>

#include "mlx/ops.h"
#include "ops/host_kernel.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

// Whether `ids` has the border of two places inside of an image.
bool cuts_image(std::span<const std::int32_t> ids, int at) {
  const auto place = static_cast<std::size_t>(at);
  return at > 0 && place < ids.size() && ids[place] < 0 &&
         ids[place] == ids[place - 1];
}

// Stretches that see each other both ways: [from, to) for each of [first, last)
// of a prompt that begins with `ids`.
void add_sight(PromptSight sight, std::span<const std::int32_t> ids, int first,
               int last, int planned, ops::RowPlacement& placement) {
  for (int i = first; i < last; ++i) {
    int from = i;
    int to = i + 1;
    if (sight == PromptSight::kWholePrompt && i < planned) {
      from = 0;
      to = std::min(planned, last);  // what is not there cannot be seen
    } else if (sight == PromptSight::kImages && ids[i] < 0) {
      // Backwards it sees what a text token does: windows cut images, too.
      while (cuts_image(ids, to)) ++to;
    }
    placement.sees_from.push_back(from);
    placement.sees_to.push_back(to);
  }
}

}  // namespace

int Sequence::reusable(std::span<const std::int32_t> prompt,
                       int planned) const {
  const PositionBorder border = model_.position_border();
  const bool beyond = planned > border.positions;
  if (beyond != (planned_ > border.positions)) return 0;
  if (border.beyond == PositionBorder::Beyond::kByLength && beyond &&
      planned != planned_) {
    return 0;
  }
  const std::size_t most = std::min(ids_.size(), prompt.size() - 1);
  const auto split = std::mismatch(
      ids_.begin(), ids_.begin() + static_cast<long>(most), prompt.begin());
  int shared = static_cast<int>(split.first - ids_.begin());
  if (model_.prompt_sight() == PromptSight::kImagesBeside) {
    if (image_numbers(prompt, planned) != seen_images_) return 0;
  } else if (model_.prompt_sight() == PromptSight::kWholePrompt) {
    // Every token of the prompt has seen all of it.
    if (planned != planned_ || shared < planned) return 0;
  } else if (model_.prompt_sight() == PromptSight::kImages) {
    while (cuts_image(prompt, shared) || cuts_image(ids_, shared)) --shared;
  }
  if (shared == length()) return shared;
  const bool possible = std::all_of(
      kv_.begin(), kv_.end(),
      [&](const auto& layer) { return layer->can_truncate(shared); });
  return possible ? shared : 0;
}

int Sequence::reuse(std::span<const std::int32_t> prompt, int planned,
                    std::shared_ptr<const ImagePrompt> images) {
  const int shared = reusable(prompt, planned);
  planned_ = planned;
  seen_images_ = image_numbers(prompt, planned);
  images_ = std::move(images);
  if (shared == length()) return shared;
  if (shared == 0) {
    reset();
    return 0;
  }
  for (auto& layer : kv_) layer->truncate(shared);
  ids_.resize(static_cast<std::size_t>(shared));
  return shared;
}

std::unique_ptr<Sequence> Sequence::clone() const {
  auto copy = std::make_unique<Sequence>(model_, adapter_);
  for (std::size_t i = 0; i < kv_.size(); ++i) copy->kv_[i] = kv_[i]->clone();
  copy->ids_ = ids_;
  copy->planned_ = planned_;
  copy->seen_images_ = seen_images_;
  copy->images_ = images_;
  return copy;
}

bool Sequence::crosses_border(int count) const {
  const PositionBorder border = model_.position_border();
  // What images were there is not known any more.
  if (!seen_images_.empty()) return false;
  return border.beyond == PositionBorder::Beyond::kAnew && length() > 0 &&
         length() <= border.positions && planned_ <= border.positions &&
         length() + count > border.positions;
}

std::vector<std::int32_t> Sequence::restart_beyond(int count) {
  std::vector<std::int32_t> ids = std::move(ids_);
  reset();
  planned_ = static_cast<int>(ids.size()) + count;
  return ids;
}

mx::array Sequence::advance(std::span<const std::int32_t> ids) {
  const int count = static_cast<int>(ids.size());
  if (crosses_border(count)) {
    const std::vector<std::int32_t> before = restart_beyond(count);
    evaluate({advance(before)});
  }
  const NewTokens tokens{this, ids};
  return advance_together(model_, {&tokens, 1}, TokenKind::kPrompt);
}

void Sequence::evaluate(std::vector<mx::array> results) const {
  for (const auto& layer : kv_) layer->collect_state(results);
  ops::evaluate(std::move(results));
}

void Sequence::reset() {
  kv_ = model_.make_cache();
  ids_.clear();
}

std::size_t Sequence::bytes() const {
  std::size_t bytes = 0;
  for (const auto& layer : kv_) bytes += layer->bytes();
  return bytes;
}

ops::SequenceRows Sequence::rows_for(std::span<const std::int32_t> ids,
                                     int first_row) {
  const int first = length();
  const int last = first + static_cast<int>(ids.size());
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  ops::SequenceRows rows{.kv = &kv_,
                         .first_row = first_row,
                         .rows = last - first,
                         .planned = planned_};
  auto placement = std::make_shared<ops::RowPlacement>();
  const PromptSight sight = model_.prompt_sight();
  if (sight == PromptSight::kWholePrompt
          ? first < planned_
          : sight == PromptSight::kImages && images_ && first < planned_) {
    add_sight(sight, ids_, first, last, planned_, *placement);
  }
  if (images_) {
    rows.across = images_->across(first, last);
    rows.position_shift = images_->shift_behind();
    if (first < planned_)
      placement->positions = images_->positions(first, last);
  }
  if (!placement->positions.empty() || !placement->sees_to.empty()) {
    rows.placement = std::move(placement);
  }
  return rows;
}

// REQUIRES: ids are the next ones, not yet counted.
mx::array Sequence::embed(std::span<const std::int32_t> ids) const {
  std::vector<std::int32_t> known(ids.begin(), ids.end());
  for (std::int32_t& id : known) {
    if (id < 0) id = model_.image_token();
  }
  const mx::array rows = model_.embed(
      mx::array(known.data(), {static_cast<int>(known.size())}, mx::int32));
  return images_ ? images_->insert(rows, length()) : rows;
}

namespace {

// The additions of some sequences of a step as those of all its rows.
class Additions {
 public:
  explicit Additions(int rows) : rows_(rows) {}

  void add(int first_row, std::vector<mx::array> layers) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (i == all_.size()) {
        all_.push_back(
            mx::zeros({rows_, layers[i].shape(1)}, layers[i].dtype()));
      }
      all_[i] = mx::slice_update(
          all_[i], layers[i], mx::Shape{first_row, 0},
          mx::Shape{first_row + layers[i].shape(0), layers[i].shape(1)});
    }
  }

  std::vector<mx::array> take() { return std::move(all_); }

 private:
  int rows_;
  std::vector<mx::array> all_;
};

}  // namespace

mx::array advance_together(const Model& model,
                           std::span<const NewTokens> tokens, TokenKind kind) {
  std::vector<std::int32_t> all;
  std::vector<mx::array> embedded;  // if there are images
  ops::Step step{.sequences = {}, .prompt_rows = kind == TokenKind::kPrompt};
  step.sequences.reserve(tokens.size());
  int rows = 0;
  for (const NewTokens& part : tokens) {
    rows += static_cast<int>(part.ids.size());
  }
  const bool images =
      std::any_of(tokens.begin(), tokens.end(), [](const NewTokens& part) {
        return part.sequence->images_ != nullptr &&
               part.sequence->length() < part.sequence->planned_;
      });
  Additions additions(rows);
  for (const NewTokens& part : tokens) {
    Sequence& sequence = *part.sequence;
    const int first_row = static_cast<int>(all.size());
    if (images) {
      embedded.push_back(sequence.embed(part.ids));
      if (sequence.images_) {
        additions.add(first_row, sequence.images_->layer_additions(
                                     sequence.length(),
                                     static_cast<int>(part.ids.size())));
      }
    }
    all.insert(all.end(), part.ids.begin(), part.ids.end());
    step.sequences.push_back(sequence.rows_for(part.ids, first_row));
  }
  if (images) {
    step.layer_additions = additions.take();
    return model.forward(mx::concatenate(embedded, 0), step);
  }
  const mx::array ids(all.data(), {static_cast<int>(all.size())}, mx::int32);
  return model.forward(model.embed(ids), step);
}

void evaluate_together(std::vector<mx::array> results,
                       std::span<const NewTokens> tokens) {
  for (const NewTokens& part : tokens) {
    for (const auto& layer : part.sequence->kv_) layer->collect_state(results);
  }
  ops::evaluate(std::move(results));
}

int next_cut(const Model& model, std::span<const std::int32_t> prompt,
             int planned, int end) {
  if (model.prompt_sight() == PromptSight::kWholePrompt) {
    return std::max(end, planned);
  }
  if (model.prompt_sight() == PromptSight::kImages) {
    while (cuts_image(prompt, end)) ++end;
  }
  return end;
}

std::size_t cache_bytes(const ops::KvLayers& layers, int length) {
  std::size_t bytes = 0;
  for (const auto& layer : layers) bytes += layer->bytes_at(length);
  return bytes;
}

}  // namespace abstractllm::models
