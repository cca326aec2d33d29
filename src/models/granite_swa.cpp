// Granite with windows in three layers of four, sinks, and a rotation of each
// layer's own.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/granite.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_granite_swa(const ModelSource& source) {
  const DenseConfig config = read_granite_window_config(source.config, 1e-5);
  DecoderParts parts = read_dense_parts(source, config, {});
  apply_granite_multipliers(source.config, parts);
  apply_granite_windows(source, config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
