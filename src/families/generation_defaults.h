// Sampling defaults that a model brings along.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "abstractllm/parameters.h"

namespace abstractllm::io {
class JsonConfig;
}

namespace abstractllm::families {

/// generation_config.json's sampling fields; do_sample: false means greedy
/// decoding. Values out of range are left out: a model's file must not make
/// every request fail.
GenerationParameters generation_defaults(const io::JsonConfig& config);

}  // namespace abstractllm::families
