// The fields of config.json, made from GGUF metadata.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/gguf.h"
#include "io/json_config.h"

namespace abstractllm::io {

/// model_type, hidden_size, num_hidden_layers, ... as the architecture's
/// config.json has them. tie_word_embeddings is whether output.weight is
/// missing; eos_token_id is a list where the file names an end of turn apart
/// from the end of text. Scaling that a file keeps in rope_freqs.weight (Llama
/// 3) is not in the result. Throws UnsupportedModelError, naming the nearest,
/// for an unknown architecture, and ModelLoadingError for missing metadata.
JsonConfig config_from_gguf(const GgufFile& gguf);

}  // namespace abstractllm::io
