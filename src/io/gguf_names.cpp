// Look-up in the table of architectures, and the order of rows.
// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_names.h"

#include <algorithm>

namespace abstractllm::io {
namespace {

constexpr GgufNameRow kModelNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

const GgufNameRow* find_row(std::span<const GgufNameRow> rows,
                            std::string_view name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(),
                   [&](const GgufNameRow& row) { return row.gguf == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

const GgufArchitecture* find_gguf_architecture(std::string_view name) {
  for (const GgufArchitecture& architecture : gguf_architectures()) {
    if (architecture.name == name) return &architecture;
  }
  return nullptr;
}

std::vector<std::string> gguf_architecture_names() {
  std::vector<std::string> names;
  for (const GgufArchitecture& architecture : gguf_architectures()) {
    names.emplace_back(architecture.name);
  }
  return names;
}

std::optional<std::string> hugging_face_name(
    const GgufArchitecture& architecture, std::string_view gguf_name) {
  constexpr std::string_view kLayer = "blk.";
  std::string prefix;
  std::span<const GgufNameRow> rows = architecture.model_names.empty()
                                          ? std::span(kModelNames)
                                          : architecture.model_names;
  if (gguf_name.starts_with(kLayer)) {
    const auto end = gguf_name.find('.', kLayer.size());
    if (end == gguf_name.npos) return std::nullopt;
    const auto layer = gguf_name.substr(kLayer.size(), end - kLayer.size());
    if (layer.empty() || layer.find_first_not_of("0123456789") != layer.npos) {
      return std::nullopt;
    }
    prefix = std::string(architecture.layers) + std::string(layer) + '.';
    rows = architecture.layer_names;
    gguf_name.remove_prefix(end + 1);
  }
  const GgufNameRow* row = find_row(rows, gguf_name);
  if (row != nullptr && row->is_whole) {
    return prefix.append(row->hugging_face);
  }
  const auto dot = gguf_name.rfind('.');
  if (dot == gguf_name.npos) return std::nullopt;
  row = find_row(rows, gguf_name.substr(0, dot));
  if (row == nullptr || row->is_whole) return std::nullopt;
  return prefix.append(row->hugging_face).append(gguf_name.substr(dot));
}

std::vector<std::int32_t> joined_head_rows(std::int64_t rows,
                                           std::int64_t heads,
                                           std::int64_t kv_heads) {
  const std::int64_t size = rows / (heads + 2 * kv_heads);
  const std::int64_t shared = heads / kv_heads;
  std::vector<std::int32_t> order;
  order.reserve(static_cast<std::size_t>(rows));
  const auto add = [&](std::int64_t head) {
    for (std::int64_t i = 0; i < size; ++i) {
      order.push_back(static_cast<std::int32_t>(head * size + i));
    }
  };
  for (std::int64_t kv = 0; kv < kv_heads; ++kv) {
    for (std::int64_t i = 0; i < shared; ++i) add(kv * shared + i);
    add(heads + kv);
    add(heads + kv_heads + kv);
  }
  return order;
}

std::vector<std::int32_t> deinterleaved_rows(std::int64_t rows,
                                             std::int64_t heads) {
  const std::int64_t head_rows = rows / heads;
  const std::int64_t half = head_rows / 2;
  std::vector<std::int32_t> order;
  order.reserve(static_cast<std::size_t>(rows));
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t head = row / head_rows;
    const std::int64_t in_head = row % head_rows;
    order.push_back(static_cast<std::int32_t>(
        head * head_rows + 2 * (in_head % half) + in_head / half));
  }
  return order;
}

}  // namespace abstractllm::io
