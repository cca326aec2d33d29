// Packs weights into panels of 16 rows.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/packed_matrix.h"

#include <algorithm>

#include "ops/cpu/dense_packer.h"
#include "ops/cpu/layout_choice.h"
#include "ops/cpu/panel_decoder.h"
#include "ops/cpu/panel_order.h"
#include "ops/cpu/quantised_packer.h"

namespace abstractllm::ops::cpu {
namespace {

void pack_dense(const RowSource& source, const PanelLayout& layout,
                ThreadPool& pool, std::uint8_t* out) {
  const std::int64_t grain =
      std::max<std::int64_t>(1, 65536 / layout.panel_bytes);
  pool.parallel_for(
      layout.panel_count, grain,
      [&](std::int64_t begin, std::int64_t end, int) {
        DensePacker packer(source, layout.shape);
        for_each_panel(source, layout, begin, end, [&](std::int64_t p) {
          packer.pack(
              p, reinterpret_cast<std::byte*>(out + p * layout.panel_bytes));
        });
      });
}

std::shared_ptr<std::byte> memory_of_its_own(std::size_t bytes) {
  auto buffer = std::make_shared<AlignedBuffer>(bytes);
  return {buffer, buffer->data()};
}

}  // namespace

// What is left of a slab is never touched, so that it takes no memory.
std::shared_ptr<std::byte> WeightArena::take(std::size_t bytes) {
  constexpr std::size_t kSmallSlab = std::size_t{32} << 20;
  constexpr std::size_t kLargeSlab = std::size_t{256} << 20;
  const std::size_t rounded =
      (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  if (rounded > kLargeSlab / 4) return memory_of_its_own(rounded);
  if (slab_ == nullptr || used_ + rounded > slab_->capacity()) {
    const std::size_t larger =
        slab_ == nullptr ? kSmallSlab
                         : std::min(2 * slab_->capacity(), kLargeSlab);
    slab_ = std::make_shared<AlignedBuffer>(std::max(larger, rounded));
    used_ = 0;
  }
  std::byte* data = slab_->data() + used_;
  used_ += rounded;
  return {slab_, data};
}

void WeightArena::give_back(const std::shared_ptr<std::byte>& memory,
                            std::size_t bytes) {
  const std::size_t rounded =
      (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  if (slab_ != nullptr && used_ >= rounded &&
      memory.get() == slab_->data() + used_ - rounded) {
    used_ -= rounded;
  }
}

PackedMatrix PackedMatrix::pack(const RowSource& source, ThreadPool& pool,
                                PackOptions options) {
  PackedMatrix matrix;
  PanelLayout& layout = matrix.layout_;
  layout = expected_layout(source, options.round_scales);
  const auto memory = [&] {
    const auto bytes = static_cast<std::size_t>(layout.bytes());
    matrix.data_ = options.arena != nullptr ? options.arena->take(bytes)
                                            : memory_of_its_own(bytes);
    return reinterpret_cast<std::uint8_t*>(matrix.data_.get());
  };
  if (!layout.quantised()) {
    pack_dense(source, layout, pool, memory());
    return matrix;
  }
  Misfit misfit = Misfit::kNone;
  while (true) {
    misfit =
        pack_quantised(source, layout, options.round_scales, pool, memory());
    const auto bytes = static_cast<std::size_t>(layout.bytes());
    if (!widen_layout(misfit, layout)) break;
    if (options.arena != nullptr) options.arena->give_back(matrix.data_, bytes);
  }
  return matrix;
}

void PackedMatrix::gather_rows(std::span<const std::int32_t> ids,
                               float* out) const {
  for (const std::int32_t id : ids) {
    decode_panel_row(layout_, panel(id / kPanelRows), id % kPanelRows, out);
    out += columns();
  }
}

}  // namespace abstractllm::ops::cpu
