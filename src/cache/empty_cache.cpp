// A KvLayer that holds nothing.
// SPDX-License-Identifier: Apache-2.0
#include "cache/empty_cache.h"

#include <algorithm>

#include "abstractllm/error.h"

namespace abstractllm::cache {

namespace mx = mlx::core;

namespace {

class EmptyCache : public ops::KvLayer {
 public:
  int length() const override { return length_; }

  ops::KvView append(const mx::array& /*keys*/,
                     const mx::array& /*values*/) override {
    throw InternalError("[cache] the layer keeps no keys");
  }
  ops::KvView view(int /*tokens*/) const override {
    throw InternalError("[cache] the layer has no keys");
  }

  bool can_truncate(int /*length*/) const override { return true; }
  void truncate(int length) override { length_ = std::min(length_, length); }

  std::unique_ptr<ops::KvLayer> clone() const override {
    return std::make_unique<EmptyCache>(*this);
  }

  std::size_t bytes() const override { return 0; }
  std::size_t bytes_at(int /*length*/) const override { return 0; }
  void collect_state(std::vector<mx::array>& /*arrays*/) const override {}
  void reserve(int tokens) override { length_ += tokens; }

 private:
  int length_ = 0;
};

}  // namespace

std::unique_ptr<ops::KvLayer> make_empty_cache() {
  return std::make_unique<EmptyCache>();
}

}  // namespace abstractllm::cache
