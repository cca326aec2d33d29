// Look-up of learned positions.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/positions.h"

#include <cstdint>
#include <string>
#include <vector>

#include "abstractllm/error.h"

namespace abstractllm::models {

namespace mx = mlx::core;

mx::array embed_positions(const ops::Linear& table, int first,
                          const ops::Step& step) {
  std::vector<std::int32_t> positions;
  const int most = table.outputs() - first;
  for (const ops::SequenceRows& sequence : step.sequences) {
    const int begin = sequence.kv->front()->length();
    if (begin + sequence.rows > most) {
      throw InvalidRequestError("[model] the sequence reaches " +
                                    std::to_string(begin + sequence.rows) +
                                    " positions, the model knows " +
                                    std::to_string(most),
                                "Shorten the prompt or the answer.");
    }
    for (int i = 0; i < sequence.rows; ++i) {
      positions.push_back(first + begin + i);
    }
  }
  return ops::embed(mx::array(positions.data(),
                              {static_cast<int>(positions.size())}, mx::int32),
                    table);
}

}  // namespace abstractllm::models
