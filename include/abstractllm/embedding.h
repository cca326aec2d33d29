// Texts to vectors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/event.h"

namespace abstractllm {

/// A plain value.
struct EmbeddingRequest {
  std::vector<std::string> inputs{};  ///< not empty, none of them empty
  /// Length of the vectors, for models that can shorten them
  /// (arXiv:2205.13147); absent: the model's own.
  std::optional<int> dimensions{};
  CancelToken cancel{};
  /// Name of one of the model's own prompts ("query", "document"), which is put
  /// in front of each input; absent: the model's default, mostly none.
  std::optional<std::string> prompt_name{};
  /// Cut inputs that are longer than the model takes instead of refusing them.
  bool truncate = false;
};

/// One vector per input, in the order of the inputs. Those of local models have
/// length 1.
struct EmbeddingResponse {
  std::vector<std::vector<float>> vectors;
  std::string model;
  Usage usage;
};

}  // namespace abstractllm
