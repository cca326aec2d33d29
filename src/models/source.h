// What a model is built from.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "ops/backend.h"

namespace abstractllm::io {
class JsonConfig;
class WeightSource;
}  // namespace abstractllm::io

namespace abstractllm::models {

/// References that outlive the construction only.
struct ModelSource {
  const io::JsonConfig& config;  ///< config.json, or its like made of a GGUF
  const io::WeightSource& weights;
  ops::Backend backend;
  /// Called with the share of layers done, in [0, 1]; may be empty.
  std::function<void(double)> on_progress;
};

}  // namespace abstractllm::models
