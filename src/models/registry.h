// The architectures that can be run.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"
#include "models/source.h"

namespace abstractllm::models {

/// Builds the model that `source.config`'s model_type names. Throws
/// UnsupportedModelError naming the nearest supported one, and
/// ModelLoadingError.
std::unique_ptr<Model> make_model(const ModelSource& source);

/// Whether `model_type` can be built; known before any weight is read.
bool contains(std::string_view model_type);

/// Throws UnsupportedModelError naming the nearest supported type if
/// `model_type` cannot be built.
void require_supported(std::string_view model_type);

enum class ModelKind {
  kDecoder,  ///< predicts tokens
  kEncoder,  ///< gives hidden states of a whole text alone
};

/// What the model of `config` is; a decoder if its model_type is not known.
ModelKind kind_of(const io::JsonConfig& config);

/// All supported model types, sorted.
std::vector<std::string> model_types();

}  // namespace abstractllm::models
