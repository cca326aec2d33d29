// Granite 3 and 4 dense: Llama with a multiplier on each branch.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/granite.h"

#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_granite(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  DecoderParts parts = read_dense_parts(source, config, {});
  apply_granite_multipliers(source.config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
