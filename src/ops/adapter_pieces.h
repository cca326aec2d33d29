// What several modules of a checkpoint make of one layer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace abstractllm::ops {

/// What one module makes of the outputs from `first` on: LinearChange of them
/// alone, as numbers.
struct AdapterPiece {
  int first = 0;
  int rank = 0;
  std::vector<float> down;  ///< (rank, inputs)
  std::vector<float> up;    ///< (outputs of the piece, rank)
  std::vector<float> gain;  ///< (outputs of the piece), or empty
  std::vector<float> bias;  ///< likewise
};

/// All pieces of a layer of `outputs` as one that begins at 0. REQUIRES: there
/// is one, and no two have an output together.
AdapterPiece join_pieces(const std::vector<AdapterPiece>& pieces, int outputs);

}  // namespace abstractllm::ops
