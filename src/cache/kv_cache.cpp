// KV cache kinds for stock MLX.
// SPDX-License-Identifier: Apache-2.0
#include "cache/kv_cache.h"

#include <algorithm>
#include <optional>

#include "cache/slab_cache.h"
#include "mlx/ops.h"
#include "ops/cpu_state.h"

namespace abstractllm::cache {

namespace mx = mlx::core;

namespace {

constexpr int kGrowth = 256;

constexpr int whole_steps(int positions) {
  return (positions + kGrowth - 1) / kGrowth * kGrowth;
}

// One of keys and values: (heads, capacity, head_dim), filled from the front.
class Buffer {
 public:
  // Writes `rows`, of shape (heads, tokens, head_dim), behind `filled` rows.
  void write(const mx::array& rows, int filled) {
    const int needed = filled + rows.shape(1);
    if (!data_ || data_->shape(1) < needed) grow(rows, filled, needed);
    data_ = mx::slice_update(*data_, rows, mx::Shape{0, filled, 0},
                             mx::Shape{rows.shape(0), needed, rows.shape(2)});
  }

  mx::array front(int filled) const {
    return mx::slice(*data_, {0, 0, 0},
                     {data_->shape(0), filled, data_->shape(2)});
  }

  // Moves the last `kept` of `filled` rows to the front and frees the rest.
  void keep_last(int kept, int filled) {
    if (!data_) return;
    data_ =
        mx::contiguous(mx::slice(*data_, {0, filled - kept, 0},
                                 {data_->shape(0), filled, data_->shape(2)}));
  }

  std::size_t bytes() const { return data_ ? data_->nbytes() : 0; }
  const std::optional<mx::array>& array() const { return data_; }

 private:
  void grow(const mx::array& rows, int filled, int needed) {
    const int capacity = whole_steps(needed);
    const mx::array room = mx::zeros(
        {rows.shape(0), capacity - filled, rows.shape(2)}, rows.dtype());
    data_ = filled == 0 ? room : mx::concatenate({front(filled), room}, 1);
  }

  std::optional<mx::array> data_;
};

class FullCache : public ops::KvLayer {
 public:
  explicit FullCache(std::size_t position_bytes)
      : position_bytes_(position_bytes) {}

  int length() const override { return first_ + filled_; }

  ops::KvView append(const mx::array& keys, const mx::array& values) override {
    keys_.write(keys, filled_);
    values_.write(values, filled_);
    filled_ += keys.shape(1);
    return view(keys.shape(1));
  }

  ops::KvView view(int /*tokens*/) const override {
    return {keys_.front(filled_), values_.front(filled_), first_};
  }

  bool can_truncate(int length) const override { return length >= first_; }
  void truncate(int length) override { filled_ = length - first_; }

  // Arrays are never written to while another cache refers to them.
  std::unique_ptr<ops::KvLayer> clone() const override {
    return std::make_unique<FullCache>(*this);
  }

  std::size_t bytes() const override { return keys_.bytes() + values_.bytes(); }
  std::size_t bytes_at(int length) const override {
    return static_cast<std::size_t>(whole_steps(length)) * position_bytes_;
  }

  void collect_state(std::vector<mx::array>& arrays) const override {
    if (keys_.array()) arrays.push_back(*keys_.array());
    if (values_.array()) arrays.push_back(*values_.array());
  }

 protected:
  Buffer keys_;
  Buffer values_;
  std::size_t position_bytes_;
  int first_ = 0;   // position of the first stored row
  int filled_ = 0;  // stored rows
};

class RotatingCache : public FullCache {
 public:
  RotatingCache(int window, std::size_t position_bytes)
      : FullCache(position_bytes), window_(window) {}

  ops::KvView append(const mx::array& keys, const mx::array& values) override {
    // Dropping in bulk keeps the copies at one row per token on average.
    if (filled_ >= most_kept()) drop(window_ - 1);
    return FullCache::append(keys, values);
  }

  ops::KvView view(int tokens) const override {
    const ops::KvView all = FullCache::view(tokens);
    const int visible = std::min(filled_, tokens + window_ - 1);
    const int hidden = filled_ - visible;
    const auto tail = [&](const mx::array& rows) {
      return mx::slice(rows, {0, hidden, 0}, rows.shape());
    };
    return {tail(all.keys), tail(all.values), first_ + hidden};
  }

  bool can_truncate(int length) const override {
    return length >= first_ && (first_ == 0 || length - first_ >= window_ - 1);
  }

  std::unique_ptr<ops::KvLayer> clone() const override {
    return std::make_unique<RotatingCache>(*this);
  }

  std::size_t bytes_at(int length) const override {
    return FullCache::bytes_at(std::min(length, most_kept()));
  }

 private:
  int most_kept() const { return 2 * window_ + kGrowth; }

  void drop(int kept) {
    keys_.keep_last(kept, filled_);
    values_.keep_last(kept, filled_);
    first_ += filled_ - kept;
    filled_ = kept;
  }

  int window_;
};

}  // namespace

std::unique_ptr<ops::KvLayer> make_full_cache(std::size_t position_bytes) {
  return std::make_unique<FullCache>(position_bytes);
}

std::unique_ptr<ops::KvLayer> make_rotating_cache(int window,
                                                  std::size_t position_bytes) {
  return std::make_unique<RotatingCache>(window, position_bytes);
}

std::unique_ptr<ops::KvLayer> make_kv_layer(const ops::Backend& backend,
                                            const ops::AttentionSpec& spec) {
  if (backend.cpu && spec.head_dim <= ops::cpu::kMaxHeadSize) {
    return make_slab_cache(spec, backend.cpu->kv_type);
  }
  const auto values =
      static_cast<std::size_t>(spec.kv_heads) *
      static_cast<std::size_t>(spec.head_dim + spec.value_size());
  const std::size_t bytes = values * mx::size_of(backend.compute);
  // Where tokens see those behind them, the first ones see all of a window.
  return spec.window > 0 && !spec.bidirectional
             ? make_rotating_cache(spec.window, bytes)
             : make_full_cache(bytes);
}

}  // namespace abstractllm::cache
