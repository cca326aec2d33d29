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

/// Builds the model that `source.config`'s model_type names; of a model that
/// reads images, the part that reads text, from weights with canonical names.
/// Throws UnsupportedModelError naming the nearest supported one, and
/// ModelLoadingError, also for tensors that it does not know; where images are
/// read, the tower's are left for refuse_unread_tensors().
std::unique_ptr<Model> make_model(const ModelSource& source);

/// The same, whatever the config's model_type; tensors may be left over.
std::unique_ptr<Model> make_model_of_type(std::string_view model_type,
                                          const ModelSource& source);

/// A tensor that nobody reads means that the model is not what we take it for:
/// throws ModelLoadingError naming such tensors.
void refuse_unread_tensors(const io::WeightSource& weights);

/// Whether models of this type have a tower for images.
bool reads_images(std::string_view model_type);

/// All types that do, sorted.
std::vector<std::string> vision_model_types();

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
