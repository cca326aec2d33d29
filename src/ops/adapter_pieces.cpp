// Factors side by side, with zeros where a piece has no output.
// SPDX-License-Identifier: Apache-2.0
#include "ops/adapter_pieces.h"

#include <algorithm>
#include <cstddef>

namespace abstractllm::ops {

namespace {

std::vector<float> join_values(const std::vector<AdapterPiece>& pieces,
                               std::vector<float> AdapterPiece::*field,
                               int outputs, float otherwise) {
  std::vector<float> joined;
  for (const AdapterPiece& piece : pieces) {
    const std::vector<float>& values = piece.*field;
    if (values.empty()) continue;
    joined.resize(static_cast<std::size_t>(outputs), otherwise);
    std::copy(values.begin(), values.end(), joined.begin() + piece.first);
  }
  return joined;
}

}  // namespace

AdapterPiece join_pieces(const std::vector<AdapterPiece>& pieces, int outputs) {
  AdapterPiece joined;
  for (const AdapterPiece& piece : pieces) {
    joined.rank += piece.rank;
    joined.down.insert(joined.down.end(), piece.down.begin(), piece.down.end());
  }
  const auto rank = static_cast<std::size_t>(joined.rank);
  joined.up.resize(static_cast<std::size_t>(outputs) * rank);
  std::size_t column = 0;
  for (const AdapterPiece& piece : pieces) {
    const auto width = static_cast<std::size_t>(piece.rank);
    const auto first = static_cast<std::size_t>(piece.first);
    for (std::size_t i = 0; i * width < piece.up.size(); ++i) {
      std::copy_n(&piece.up[i * width], width,
                  &joined.up[(first + i) * rank + column]);
    }
    column += width;
  }
  joined.gain = join_values(pieces, &AdapterPiece::gain, outputs, 1.0f);
  joined.bias = join_values(pieces, &AdapterPiece::bias, outputs, 0.0f);
  return joined;
}

}  // namespace abstractllm::ops
