// Packs weights into panels of 16 rows.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/packed_matrix.h"

#include <algorithm>
#include <string>

#include "abstractllm/error.h"
#include "ops/cpu/dense_packer.h"
#include "ops/cpu/panel_decoder.h"
#include "ops/cpu/panel_order.h"
#include "ops/cpu/quantised_packer.h"

namespace abstractllm::ops::cpu {
namespace {

void check_shape(const WeightShape& shape) {
  constexpr std::int64_t kMaxSide = std::int64_t{1} << 31;
  const bool affine = shape.encoding == WeightEncoding::kAffine;
  const bool mxfp4 = shape.encoding == WeightEncoding::kMxfp4;
  bool known = shape.rows > 0 && shape.columns > 0 && shape.rows < kMaxSide &&
               shape.columns < kMaxSide;
  if (affine) {
    known = known && shape.bits >= 2 && shape.bits <= 8 && shape.bits != 7 &&
            (shape.group == 16 || shape.group == 32 || shape.group == 64 ||
             shape.group == 128);
  } else if (mxfp4) {
    known = known && shape.bits == 4 && shape.group == 32;
  } else {
    known = known && shape.group == 0;
  }
  if (!known) {
    throw ModelLoadingError("[cpu] cannot pack a weight matrix of " +
                            std::to_string(shape.rows) + " x " +
                            std::to_string(shape.columns) + ", " +
                            std::to_string(shape.bits) + " bits in groups of " +
                            std::to_string(shape.group));
  }
}

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
  const WeightShape shape = source.shape();
  check_shape(shape);
  const auto memory = [&] {
    const auto bytes = static_cast<std::size_t>(layout.bytes());
    matrix.data_ = options.arena != nullptr ? options.arena->take(bytes)
                                            : memory_of_its_own(bytes);
    return reinterpret_cast<std::uint8_t*>(matrix.data_.get());
  };
  if (shape.group == 0) {
    layout = {shape, ScaleFormat::kF32, false};
    pack_dense(source, layout, pool, memory());
    return matrix;
  }
  layout = choose_layout(source, shape, options.round_scales);
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
