// From GGUF's architectures and tensor names to Hugging Face's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::io {

/// One name: for a tensor of a layer the part after "blk.N." and what stands
/// for it after the number in the checkpoint, else both whole; without
/// ".weight" and ".bias" unless `is_whole`.
struct GgufNameRow {
  std::string_view gguf;
  std::string_view hugging_face;
  bool is_whole = false;
};

/// What llama.cpp's converter does to the values of an architecture.
enum class GgufEdit : std::uint8_t {
  kNone,
  kInterleavedRope,  ///< the two halves of each head of q and k
  kNormsLessOne,     ///< weights of norms are stored with 1 added
  kJoinedHeads,      ///< queries, keys and values lie apart
  kStateDecay,       ///< A_log is stored as -exp(A_log)
  kRopeAndDecay,     ///< kInterleavedRope and kStateDecay
};

/// An architecture that GGUF files can be read of: one row of the table.
struct GgufArchitecture {
  std::string_view name;        ///< general.architecture
  std::string_view model_type;  ///< as in config.json
  std::string_view class_name;  ///< config.json's architectures[0]
  GgufEdit edit = GgufEdit::kNone;
  std::string_view layers = "model.layers.";  ///< before a layer's number
  std::span<const GgufNameRow> layer_names;
  std::span<const GgufNameRow> model_names = {};  ///< empty: Llama's
  /// The weights of the chosen experts sum to 1; no metadata says so.
  bool normalised_experts = false;
  bool has_attention = true;
  /// feed_forward_length and head_count_kv may differ by layer.
  bool varied_units = false;
};

/// The table, sorted by name. A new architecture is a row of it.
std::span<const GgufArchitecture> gguf_architectures();

/// Null if it is not in the table.
const GgufArchitecture* find_gguf_architecture(std::string_view name);

/// Names in the table.
std::vector<std::string> gguf_architecture_names();

/// Hugging Face's name of a tensor, or nothing if the architecture's table
/// does not have it.
std::optional<std::string> hugging_face_name(
    const GgufArchitecture& architecture, std::string_view gguf_name);

/// Row order that undoes the interleaving: element i is the stored row of
/// original row i. Rows are split evenly between `heads`; within one, stored
/// row 2 i + h is original row h * half + i.
/// REQUIRES: rows is a multiple of 2 * heads.
std::vector<std::int32_t> deinterleaved_rows(std::int64_t rows,
                                             std::int64_t heads);

/// Row order that puts keys and values behind the queries that share them:
/// stored are all queries, then all keys, then all values.
/// REQUIRES: kv_heads divides heads, heads + 2 * kv_heads divides rows.
std::vector<std::int32_t> joined_head_rows(std::int64_t rows,
                                           std::int64_t heads,
                                           std::int64_t kv_heads);

}  // namespace abstractllm::io
