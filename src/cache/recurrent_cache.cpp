// A KvLayer without keys and values.
// SPDX-License-Identifier: Apache-2.0
#include "cache/recurrent_cache.h"

#include "abstractllm/error.h"

namespace abstractllm::cache {

namespace mx = mlx::core;

namespace {

class RecurrentCache : public ops::KvLayer {
 public:
  int length() const override { return length_; }

  ops::KvView append(const mx::array& /*keys*/,
                     const mx::array& /*values*/) override {
    throw InternalError("[cache] a recurrent state takes no keys");
  }

  bool can_truncate(int length) const override { return length == length_; }
  void truncate(int length) override {
    if (length != length_) {
      throw InternalError("[cache] a recurrent state cannot go back to " +
                          std::to_string(length));
    }
  }

  std::size_t bytes() const override {
    std::size_t bytes =
        (state_.cpu_window.size() + state_.cpu_memory.size()) * sizeof(float);
    if (state_.window) bytes += state_.window->nbytes();
    if (state_.memory) bytes += state_.memory->nbytes();
    return bytes;
  }

  void collect_state(std::vector<mx::array>& arrays) const override {
    if (state_.window) arrays.push_back(*state_.window);
    if (state_.memory) arrays.push_back(*state_.memory);
  }

  ops::RecurrentState* recurrent() override { return &state_; }
  void reserve(int tokens) override { length_ += tokens; }

 private:
  ops::RecurrentState state_;
  int length_ = 0;
};

}  // namespace

std::unique_ptr<ops::KvLayer> make_recurrent_cache() {
  return std::make_unique<RecurrentCache>();
}

}  // namespace abstractllm::cache
