// Keys and values of one sequence in one layer, as the attention kernel reads
// them.
// SPDX-License-Identifier: Apache-2.0

//   KvSlab kv({.heads = 8, .head_size = 64, .type = KvType::kF16});
//   kv.append(pool, {.k = k, .v = v, .tokens = n});
//   attention(pool, scratch, shape, {{.kv = &kv, .q = q, .out = o,
//                                     .tokens = n}});   // attention.h
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/rotary.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

enum class KvType : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kInt8,  ///< with a scale for each 32 dimensions of each token
};

/// Of a value.
constexpr int kv_bytes(KvType type) {
  return type == KvType::kF32 ? 4 : type == KvType::kInt8 ? 1 : 2;
}

/// Largest head the attention kernel takes.
inline constexpr int kMaxHeadSize = 512;
/// Positions of a page.
inline constexpr int kPagePositions = 256;
/// Dimensions of int8 that share a scale and are turned together.
inline constexpr int kTurnedDimensions = 32;
/// Of a head in int8.
constexpr int scale_groups(int head_size) {
  return (head_size + kTurnedDimensions - 1) / kTurnedDimensions;
}
/// Positions (of keys) or dimensions (of values) side by side in memory.
inline constexpr int kKvLanes = 16;

/// Grows in pages of 256 positions that never move. Positions are absolute;
/// with a window, pages that no later token can see are reused. Copies made by
/// clone() share pages until one of them writes. One thread at a time; reading
/// is safe from any number.
///
/// A page holds, for each head, its keys as [16][head_size][16 positions] and
/// its values as [head_size / 16][256 positions][16], head sizes padded to
/// multiples of 16.
///
/// Keys and values of int8 are turned (turn_head() of kv_store.h), so that a
/// dimension that stands out does not take the others of its 32 their digits;
/// queries and results are turned with them. The scales follow each of the two
/// parts, bf16 [scale_groups][256 positions].
class KvSlab {
 public:
  struct Options {
    int heads = 0;
    int head_size = 0;  ///< 1 to kMaxHeadSize
    KvType type = KvType::kF16;
    std::int64_t window = 0;  ///< positions a token sees, itself one; 0: all
  };

  /// New tokens. `k` and `v` are [tokens, heads, head_size].
  struct NewTokens {
    const float* k = nullptr;
    const float* v = nullptr;
    std::int64_t tokens = 0;
    std::int64_t k_stride = 0;  ///< floats between tokens; 0: dense
    std::int64_t v_stride = 0;
    HeadTransform k_transform;  ///< applied to the keys on their way
  };

  /// Throws InvalidRequestError for sizes out of range.
  explicit KvSlab(Options options);
  KvSlab(KvSlab&&) noexcept = default;
  KvSlab& operator=(KvSlab&&) noexcept = default;

  const Options& options() const noexcept { return options_; }

  /// Tokens appended so far, the next token's position.
  std::int64_t length() const noexcept { return length_; }
  /// First position still held.
  std::int64_t first() const noexcept { return first_page_ * kPagePositions; }

  /// Stores tokens behind the present ones. Throws MemoryExceededError.
  void append(ThreadPool& pool, const NewTokens& tokens);

  /// Forgets all from position `length` on. False, and nothing is changed, if
  /// positions that the window needs are gone already.
  bool truncate(std::int64_t length);

  /// The same contents; pages are shared until written to.
  KvSlab clone() const;

  /// Bytes of pages held, shared ones included.
  std::int64_t bytes() const noexcept;

  /// Keys and values of `head` in the page of `position`. REQUIRES: it is held.
  const std::byte* keys(int head, std::int64_t position) const noexcept;
  const std::byte* values(int head, std::int64_t position) const noexcept;

  /// Scales of the page that begins at `keys` or `values`, bf16: of int8 alone.
  const std::uint16_t* scales(const std::byte* part) const noexcept {
    return reinterpret_cast<const std::uint16_t*>(
        part + std::int64_t{kPagePositions} * padded_head_size());
  }

  /// Bytes of a page of all heads.
  std::int64_t page_bytes() const noexcept {
    return options_.heads * 2 * half_bytes();
  }

  int padded_head_size() const noexcept {
    return (options_.head_size + kKvLanes - 1) / kKvLanes * kKvLanes;
  }

 private:
  using Page = std::shared_ptr<AlignedBuffer>;

  std::int64_t half_bytes() const noexcept;  // keys or values of a head
  Page new_page();
  void drop_unseen();
  void make_room(std::int64_t tokens);
  void store(std::int64_t token, const NewTokens& tokens);

  Options options_;
  std::int64_t length_ = 0;
  std::int64_t first_page_ = 0;
  std::deque<Page> pages_;
  std::deque<Page> unused_;
};

}  // namespace abstractllm::ops::cpu
