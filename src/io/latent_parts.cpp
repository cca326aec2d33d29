// Rows of both parts, head by head.
// SPDX-License-Identifier: Apache-2.0
#include "io/latent_parts.h"

#include <fmt/format.h>

#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

class JoinedLatentRows final : public ComputedRows {
 public:
  JoinedLatentRows(const WeightMatrix& keys, const WeightMatrix& values)
      : latent_(values.columns()),
        plain_(keys.columns()),
        value_(values.leading_shape().at(1)),
        keys_(std::size_t(keys.rows() * keys.columns())),
        values_(values) {
    for (std::int64_t row = 0; row < keys.rows(); ++row) {
      keys.read_row(row, std::span(keys_).subspan(std::size_t(row * plain_),
                                                  std::size_t(plain_)));
    }
  }

  void read_row(std::int64_t row, std::span<float> out) const override {
    const std::int64_t head = row / (plain_ + value_);
    const std::int64_t in_head = row % (plain_ + value_);
    if (in_head >= plain_) {
      return values_.read_row(head * value_ + in_head - plain_, out);
    }
    for (std::int64_t i = 0; i < latent_; ++i) {
      out[std::size_t(i)] =
          keys_[std::size_t((head * latent_ + i) * plain_ + in_head)];
    }
  }

 private:
  std::int64_t latent_;
  std::int64_t plain_;
  std::int64_t value_;
  std::vector<float> keys_;
  WeightMatrix values_;
};

}  // namespace

WeightMatrix join_latent(const WeightMatrix& keys, const WeightMatrix& values) {
  const std::vector<std::int64_t>& key = keys.leading_shape();
  const std::vector<std::int64_t>& value = values.leading_shape();
  const bool fit = key.size() == 2 && value.size() == 2 && key[0] == value[0] &&
                   key[1] == values.columns();
  if (!fit) {
    throw ModelLoadingError(fmt::format(
        "[weights] tensor '{}' of {} rows and {} columns does not fit '{}' of "
        "{} and {}",
        keys.name(), keys.rows(), keys.columns(), values.name(), values.rows(),
        values.columns()));
  }
  return WeightMatrix::computed(
      {.name = values.name(),
       .leading_shape = {key[0] * (keys.columns() + value[1])},
       .columns = key[1],
       .bits = 32,
       .stored_bytes = keys.stored_bytes() + values.stored_bytes()},
      std::make_shared<JoinedLatentRows>(keys, values));
}

std::string published_name(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kParts[] = {
      {".self_attn.embed_q.", ".self_attn.kv_b_proj.k_b."},
      {".self_attn.unembed_out.", ".self_attn.kv_b_proj.v_b."}};
  for (const auto& [theirs, ours] : kParts) {
    const std::size_t at = name.find(theirs);
    if (at == name.npos) continue;
    return name.substr(0, at) + std::string(ours) +
           name.substr(at + theirs.size());
  }
  return name;
}

}  // namespace abstractllm::io
