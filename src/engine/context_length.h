// How many tokens a model takes, by the many names that configs have for it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/json_config.h"

namespace abstractllm::engine {

/// A plain value.
struct ContextLength {
  int tokens = 0;  ///< trained for; of a model without a limit a usual length
  int most = 0;  ///< that may be asked for: more than `tokens` where positions
                 ///< are distances (ALiBi), there are none (state spaces) or
                 ///< rotations grow with the length (dynamic scaling)

  bool is_limited() const { return most == tokens; }
};

/// Of `config`, whose fields are those of the text model. `otherwise`: where it
/// says nothing; 0: 2048. A field that is no positive number counts as absent.
/// Throws ModelLoadingError for one that is no whole number.
ContextLength read_context_length(const io::JsonConfig& config,
                                  int otherwise = 0);

/// Whether scores fall with the distance of a key (ALiBi).
bool takes_alibi(const io::JsonConfig& config);

}  // namespace abstractllm::engine
