// A KvLayer without keys and values.
// SPDX-License-Identifier: Apache-2.0
#include "cache/recurrent_cache.h"

#include "abstractllm/error.h"

namespace abstractllm::cache {

namespace mx = mlx::core;

namespace {

class RecurrentCache : public ops::KvLayer {
 public:
  explicit RecurrentCache(std::size_t state_bytes)
      : state_bytes_(state_bytes) {}

  int length() const override { return length_; }

  ops::KvView append(const mx::array& /*keys*/,
                     const mx::array& /*values*/) override {
    throw InternalError("[cache] a recurrent state takes no keys");
  }

  ops::KvView view(int /*tokens*/) const override {
    throw InternalError("[cache] a recurrent state has no keys");
  }

  bool can_truncate(int length) const override { return length == length_; }
  void truncate(int length) override {
    if (length != length_) {
      throw InternalError("[cache] a recurrent state cannot go back to " +
                          std::to_string(length));
    }
  }

  std::unique_ptr<ops::KvLayer> clone() const override {
    return std::make_unique<RecurrentCache>(*this);
  }

  std::size_t bytes() const override {
    std::size_t bytes =
        (state_.cpu_window.size() + state_.cpu_memory.size()) * sizeof(float);
    if (state_.window) bytes += state_.window->nbytes();
    if (state_.memory) bytes += state_.memory->nbytes();
    return bytes;
  }

  std::size_t bytes_at(int length) const override {
    return length > 0 ? state_bytes_ : 0;
  }

  void collect_state(std::vector<mx::array>& arrays) const override {
    if (state_.window) arrays.push_back(*state_.window);
    if (state_.memory) arrays.push_back(*state_.memory);
  }

  ops::RecurrentState* recurrent() override { return &state_; }
  void reserve(int tokens) override { length_ += tokens; }

 private:
  std::size_t state_bytes_;
  ops::RecurrentState state_;
  int length_ = 0;
};

}  // namespace

std::unique_ptr<ops::KvLayer> make_recurrent_cache(std::size_t state_bytes) {
  return std::make_unique<RecurrentCache>(state_bytes);
}

}  // namespace abstractllm::cache
