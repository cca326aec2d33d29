// Pages of keys and values: growth, reuse, sharing, storing.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/kv_slab.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "abstractllm/error.h"
#include "ops/cpu/kv_store.h"

namespace abstractllm::ops::cpu {
namespace {

// Kernels read whole blocks of 16 positions; what was never written must not be
// NaN, whatever it is multiplied with.
void clear_block(const KvSlab& slab, std::int64_t position) {
  const int bytes = kv_bytes(slab.options().type);
  const int padded = slab.padded_head_size();
  const std::int64_t slot = position % kPagePositions / kKvLanes * kKvLanes;
  const auto clear = [](const void* from, std::int64_t count) {
    std::memset(const_cast<void*>(from), 0, static_cast<std::size_t>(count));
  };
  for (int head = 0; head < slab.options().heads; ++head) {
    const std::byte* keys_of = slab.keys(head, position);
    const std::byte* values_of = slab.values(head, position);
    clear(keys_of + slot * padded * bytes,
          std::int64_t{kKvLanes} * padded * bytes);
    for (int i = 0; i < padded; i += kKvLanes) {
      clear(values_of +
                (std::int64_t{i} * kPagePositions + slot * kKvLanes) * bytes,
            std::int64_t{kKvLanes} * kKvLanes * bytes);
    }
    if (slab.options().type == KvType::kInt8) {
      for (int group = 0; group < scale_groups(padded); ++group) {
        const std::int64_t at = group * kPagePositions + slot;
        clear(slab.scales(keys_of) + at, kKvLanes * sizeof(std::uint16_t));
        clear(slab.scales(values_of) + at, kKvLanes * sizeof(std::uint16_t));
      }
    }
  }
}

// Begins to read what the key of one more position goes into: a few bytes of
// every line of a block, all of which storing would wait for one by one.
void fetch_block(const KvSlab& slab, std::int64_t position) {
  constexpr std::int64_t kLine = 64;
  const std::int64_t bytes = std::int64_t{kKvLanes} * slab.padded_head_size() *
                             kv_bytes(slab.options().type);
  const std::int64_t block = position % kPagePositions / kKvLanes;
  for (int head = 0; head < slab.options().heads; ++head) {
    const std::byte* keys = slab.keys(head, position) + block * bytes;
    for (std::int64_t i = 0; i < bytes; i += kLine) {
      __builtin_prefetch(keys + i, 1);
    }
  }
}

}  // namespace

KvSlab::KvSlab(Options options) : options_(options) {
  if (options.heads < 1 || options.head_size < 1 ||
      options.head_size > kMaxHeadSize || options.window < 0) {
    throw InvalidRequestError(
        "[cpu] no cache of " + std::to_string(options.heads) +
        " heads of size " + std::to_string(options.head_size) + " and window " +
        std::to_string(options.window) + ": heads have 1 to " +
        std::to_string(kMaxHeadSize) + " dimensions");
  }
}

std::int64_t KvSlab::half_bytes() const noexcept {
  const std::int64_t scales =
      options_.type == KvType::kInt8
          ? std::int64_t{scale_groups(options_.head_size)} * kPagePositions *
                static_cast<std::int64_t>(sizeof(std::uint16_t))
          : 0;
  return std::int64_t{kPagePositions} * padded_head_size() *
             kv_bytes(options_.type) +
         scales;
}

std::int64_t KvSlab::bytes() const noexcept {
  return static_cast<std::int64_t>(pages_.size() + unused_.size()) *
         page_bytes();
}

const std::byte* KvSlab::keys(int head, std::int64_t position) const noexcept {
  const auto page =
      static_cast<std::size_t>(position / kPagePositions - first_page_);
  return pages_[page]->data() + 2 * head * half_bytes();
}

const std::byte* KvSlab::values(int head,
                                std::int64_t position) const noexcept {
  return keys(head, position) + half_bytes();
}

KvSlab::Page KvSlab::new_page() {
  if (!unused_.empty()) {
    Page page = std::move(unused_.back());
    unused_.pop_back();
    return page;
  }
  return std::make_shared<AlignedBuffer>(
      static_cast<std::size_t>(page_bytes()));
}

void KvSlab::drop_unseen() {
  if (options_.window == 0) return;
  // The next token sees itself and window - 1 before it.
  const std::int64_t seen = length_ - options_.window + 1;
  while (!pages_.empty() && (first_page_ + 1) * kPagePositions <= seen) {
    if (pages_.front().use_count() == 1) {
      unused_.push_back(std::move(pages_.front()));
    }
    pages_.pop_front();
    ++first_page_;
  }
  while (unused_.size() > 1) unused_.pop_back();
}

void KvSlab::make_room(std::int64_t tokens) {
  drop_unseen();
  const std::int64_t last = (length_ + tokens - 1) / kPagePositions;
  const bool into_last = length_ % kPagePositions != 0;
  if (into_last && pages_.back().use_count() > 1) {
    Page own = new_page();
    std::memcpy(own->data(), pages_.back()->data(),
                static_cast<std::size_t>(page_bytes()));
    pages_.back() = std::move(own);
  }
  while (first_page_ + static_cast<std::int64_t>(pages_.size()) <= last) {
    pages_.push_back(new_page());
  }
}

void KvSlab::store(std::int64_t token, const NewTokens& tokens) {
  const int size = options_.head_size;
  const std::int64_t position = length_ + token;
  const int slot = static_cast<int>(position % kPagePositions);
  const std::int64_t width = static_cast<std::int64_t>(options_.heads) * size;
  const float* k =
      tokens.k + token * (tokens.k_stride != 0 ? tokens.k_stride : width);
  const float* v =
      tokens.v + token * (tokens.v_stride != 0 ? tokens.v_stride : width);
  for (int head = 0; head < options_.heads; ++head) {
    float key[kMaxHeadSize];
    transform_head(k + head * size, size, token, tokens.k_transform, key);
    auto* keys_out = const_cast<std::byte*>(keys(head, position));
    auto* values_out = const_cast<std::byte*>(values(head, position));
    store_key(options_.type, key, size, padded_head_size(), slot, keys_out);
    store_value(options_.type, v + head * size, size, slot, values_out);
  }
}

void KvSlab::append(ThreadPool& pool, const NewTokens& tokens) {
  if (tokens.tokens <= 0) return;
  make_room(tokens.tokens);
  if (tokens.tokens < kKvLanes) fetch_block(*this, length_);
  const std::int64_t end = length_ + tokens.tokens;
  if (end % kKvLanes != 0 && end / kKvLanes * kKvLanes >= length_) {
    clear_block(*this, end);
  }
  const std::int64_t width =
      static_cast<std::int64_t>(options_.heads) * options_.head_size;
  // Whole blocks of 16 positions a thread, so that none shares a cache line.
  const std::int64_t lead = length_ % kKvLanes;
  const std::int64_t blocks = (lead + tokens.tokens + kKvLanes - 1) / kKvLanes;
  const std::int64_t grain =
      std::max<std::int64_t>(1, 4096 / (width * kKvLanes));
  pool.parallel_for(blocks, grain,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      const std::int64_t first =
                          std::max<std::int64_t>(0, begin * kKvLanes - lead);
                      const std::int64_t stop =
                          std::min(tokens.tokens, end * kKvLanes - lead);
                      for (std::int64_t t = first; t < stop; ++t)
                        store(t, tokens);
                    });
  length_ += tokens.tokens;
}

bool KvSlab::truncate(std::int64_t length) {
  if (length < 0 || length > length_) return false;
  const std::int64_t seen =
      options_.window == 0
          ? 0
          : std::max<std::int64_t>(0, length - options_.window + 1);
  if (seen < first()) return false;
  const auto keep = static_cast<std::size_t>(
      (length + kPagePositions - 1) / kPagePositions - first_page_);
  while (pages_.size() > keep) pages_.pop_back();
  length_ = length;
  return true;
}

KvSlab KvSlab::clone() const {
  KvSlab copy(options_);
  copy.length_ = length_;
  copy.first_page_ = first_page_;
  copy.pages_ = pages_;
  return copy;
}

}  // namespace abstractllm::ops::cpu
