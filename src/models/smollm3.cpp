// SmolLM 3: Llama in which every fourth layer does not rotate.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

// no_rope_layers holds, against its name, 1 for the layers that rotate.
bool rotates(const io::JsonConfig& config, int layer) {
  const auto flags = config.find_ints("no_rope_layers");
  if (flags && static_cast<std::size_t>(layer) < flags->size()) {
    return (*flags)[layer] != 0;
  }
  return (layer + 1) % size_or(config, "no_rope_layer_interval", 4) != 0;
}

}  // namespace

std::unique_ptr<Model> make_smollm3(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.rope = {.theta = 2000000}});
  DecoderParts parts = read_dense_parts(source, config, {});
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    if (!rotates(source.config, index)) block.spec.rope = {};
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
