// AltUp: a wide residual stream of which each layer computes one part.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "models/common/weight_reader.h"

namespace abstractllm::models {

/// Weights of one layer, arXiv:2301.13310. Immutable after load.
struct AlternatingUpdates {
  int streams = 0;
  int active = 0;          ///< the stream that the layer computes
  ops::Norm norm;          ///< (hidden), before the router
  ops::Linear router;      ///< (streams, hidden)
  ops::Linear prediction;  ///< (streams * streams, streams)
  ops::Linear correction;  ///< (streams, streams)

  /// x: (tokens, streams, hidden) -> the same shape: what the layer will make
  /// of all streams, guessed from the active one.
  mlx::core::array predict(const mlx::core::array& x) const;

  /// Moves predictions, (tokens, streams, hidden), by how far the layer's
  /// output `activated`, (tokens, hidden), is from the one of its stream.
  mlx::core::array correct(const mlx::core::array& predictions,
                           const mlx::core::array& activated) const;

  /// x: (tokens, streams, hidden) -> (tokens, hidden).
  mlx::core::array active_stream(const mlx::core::array& x) const;

 private:
  // x: (tokens, hidden) -> (tokens, streams), between -1 and 1.
  mlx::core::array modalities(const mlx::core::array& x) const;
};

/// The modules begin with `module` ("...altup."). Throws ModelLoadingError.
AlternatingUpdates read_alternating_updates(const WeightReader& weights,
                                            const std::string& module,
                                            int hidden, int streams, int active,
                                            float norm_eps);

/// x: (tokens, hidden) -> (tokens, streams, hidden): x itself and, for each of
/// `projections`, its product brought to the length of x.
mlx::core::array widen_stream(const mlx::core::array& x,
                              const std::vector<ops::Linear>& projections);

/// The way back: the mean of the first of x, (tokens, streams, hidden), and of
/// the products of the others, brought to the length of the first.
mlx::core::array narrow_stream(const mlx::core::array& x,
                               const std::vector<ops::Linear>& projections);

}  // namespace abstractllm::models
