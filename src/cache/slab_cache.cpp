// A KvLayer over a slab: kernels append by themselves, when they run.
// SPDX-License-Identifier: Apache-2.0
#include "cache/slab_cache.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "abstractllm/error.h"
#include "ops/cpu/kv_slab.h"

namespace abstractllm::cache {

namespace {

class SlabCache : public ops::KvLayer {
 public:
  explicit SlabCache(ops::cpu::KvSlab slab)
      : slab_(std::move(slab)), length_(static_cast<int>(slab_.length())) {}

  int length() const override { return length_; }

  ops::KvView append(const mlx::core::array& /*keys*/,
                     const mlx::core::array& /*values*/) override {
    throw InternalError("[cache] a slab takes no arrays");
  }

  ops::KvView view(int /*tokens*/) const override {
    throw InternalError("[cache] a slab gives no arrays");
  }

  bool can_truncate(int length) const override {
    return slab_.first() == 0 ||
           length - (slab_.options().window - 1) >= slab_.first();
  }

  void truncate(int length) override {
    if (!slab_.truncate(length)) {
      throw InternalError("[cache] cannot go back to position " +
                          std::to_string(length));
    }
    length_ = length;
  }

  std::unique_ptr<ops::KvLayer> clone() const override {
    return std::make_unique<SlabCache>(slab_.clone());
  }

  std::size_t bytes_at(int length) const override {
    using ops::cpu::kPagePositions;
    const ops::cpu::KvSlab::Options& options = slab_.options();
    const auto pages_of = [](std::int64_t positions) {
      return (positions + kPagePositions - 1) / kPagePositions;
    };
    std::int64_t pages = pages_of(length);
    // Where a window begins and ends inside of a page, and one page in reserve.
    if (options.window > 0) {
      pages = std::min(pages, pages_of(options.window) + 2);
    }
    return static_cast<std::size_t>(pages * slab_.page_bytes());
  }

  std::size_t bytes() const override {
    return static_cast<std::size_t>(slab_.bytes());
  }

  void collect_state(std::vector<mlx::core::array>& /*arrays*/) const override {
  }

  ops::cpu::KvSlab* slab() override { return &slab_; }
  void reserve(int tokens) override { length_ += tokens; }

 private:
  ops::cpu::KvSlab slab_;
  int length_;  // with what kernels are going to append
};

}  // namespace

std::unique_ptr<ops::KvLayer> make_slab_cache(const ops::AttentionSpec& spec,
                                              ops::cpu::KvType type) {
  return std::make_unique<SlabCache>(
      ops::cpu::KvSlab({.heads = spec.kv_heads,
                        .head_size = spec.head_dim,
                        .type = type,
                        .window = spec.bidirectional ? 0 : spec.window}));
}

}  // namespace abstractllm::cache
