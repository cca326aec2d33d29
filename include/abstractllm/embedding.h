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
};

/// One vector per input, in the order of the inputs.
struct EmbeddingResponse {
  std::vector<std::vector<float>> vectors;
  std::string model;
  Usage usage;
};

}  // namespace abstractllm
