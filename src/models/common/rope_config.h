// From config.json's rope settings to inverse frequencies.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "ops/rope.h"

namespace abstractllm::io {
class JsonConfig;
}

namespace abstractllm::models {

/// What a family takes where config.json is silent.
struct RopeDefaults {
  double theta = 10000.0;
  /// Rotated values of a head. Of an odd number the last pair has the value
  /// behind them, too.
  int dims = 0;
  bool interleaved = false;
};

/// rope_scaling where it says anything, or else rope_parameters.
std::optional<io::JsonConfig> find_rope_scaling(const io::JsonConfig& config);

/// Whether all of a head takes part and partial_rotary_factor says how much of
/// it turns.
bool is_proportional_rope(const io::JsonConfig& config);

/// `config` with `scaling`, a JSON object as text, for its rope_scaling where
/// it has neither that nor rope_parameters.
io::JsonConfig with_default_rope_scaling(const io::JsonConfig& config,
                                         const char* scaling);

/// Reads rope_theta and rope_scaling, or rope_parameters, in their published
/// spellings: default, dynamic, linear, llama3, longrope, proportional and
/// yarn. Another type is a ModelLoadingError naming it and these.
ops::RopeTable read_rope(const io::JsonConfig& config,
                         const RopeDefaults& defaults);

/// The same, with `parameters` in the place of rope_scaling.
ops::RopeTable read_rope_parameters(const io::JsonConfig& config,
                                    const io::JsonConfig& parameters,
                                    const RopeDefaults& defaults);

/// Of layers of `kind` ("full_attention", "sliding_attention"), where
/// rope_parameters has an object for each kind.
std::optional<ops::RopeTable> find_layer_rope(const io::JsonConfig& config,
                                              const char* kind,
                                              const RopeDefaults& defaults);

/// Without any scaling, whatever a config says.
ops::RopeTable plain_rope(const RopeDefaults& defaults);

/// Divides each frequency by its factor: how GGUF files carry Llama 3's
/// scaling (tensor rope_freqs.weight). Throws ModelLoadingError if there are
/// not dims / 2 positive factors.
void apply_frequency_factors(ops::RopeTable& table,
                             const std::vector<float>& factors);

}  // namespace abstractllm::models
