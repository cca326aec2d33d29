// Command R7B and Command A: three layers that rotate within a window to one
// that sees all without rotation.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/cohere.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_cohere2(const ModelSource& source) {
  const DenseConfig config = read_cohere_config(
      source.config, {.sliding_window_pattern = 4, .sliding_window = 4096});
  DecoderParts parts = read_cohere_parts(source, config);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    if (config.windows[index] == 0) block.spec.rope = {};
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
