// Options of PEFT's adapters that change what an adapter means.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/json_config.h"

namespace abstractllm::io {

/// Throws UnsupportedFeatureError naming an option of `config`, PEFT's
/// adapter_config.json, that computes something else than a product beside the
/// weights and is set. Fields that nobody knows here are named in the log.
void refuse_other_adapters(const JsonConfig& config);

/// What PEFT's config says of whole modules and of tables tied to heads.
class KeptModules {
 public:
  KeptModules() = default;
  explicit KeptModules(const JsonConfig& config);

  /// Whether what is stored under `module` takes the place of the table alone,
  /// not of a head that is tied to it: a module of modules_to_save is a copy.
  bool is_copy(std::string_view module) const;

  /// ensure_weight_tying: what changes the table changes the tied head.
  bool keeps_tied() const { return keeps_tied_; }

 private:
  std::vector<std::string> names_;
  bool keeps_tied_ = false;
};

}  // namespace abstractllm::io
