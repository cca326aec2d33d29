// Fields of config.json that many families have, checked for sense.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/json_config.h"
#include "ops/blocks.h"

namespace abstractllm::models {

/// A positive number far above every published model at most, so that products
/// of two stay within int. Throws ModelLoadingError.
int require_size(const io::JsonConfig& config, const char* field);

/// require_size, or `otherwise` for an absent field.
int size_or(const io::JsonConfig& config, const char* field, int otherwise);

/// The width of the shared experts together: as many as `field` says, or
/// `otherwise` where it is absent, each `inner` wide; 0 for none. Throws
/// ModelLoadingError for more than require_size takes.
int shared_width(const io::JsonConfig& config, const char* field, int inner,
                 int otherwise);

float number_or(const io::JsonConfig& config, const char* field,
                double otherwise);

/// What has no effect where the field is null: 0 then, `otherwise` where it is
/// absent.
float number_unless_null(const io::JsonConfig& config, const char* field,
                         double otherwise);

/// As the reference reads a switch: null is off, absent is `otherwise`.
bool flag_or(const io::JsonConfig& config, const char* field, bool otherwise);

/// The activation that `field` names. Throws ModelLoadingError for a name
/// without an implementation.
ops::Activation read_activation(const io::JsonConfig& config, const char* field,
                                const char* otherwise = "silu");

/// Throws ModelLoadingError unless `field` is absent or names silu, the only
/// activation that recurrent layers have.
void require_silu(const io::JsonConfig& config, const char* field);

}  // namespace abstractllm::models
