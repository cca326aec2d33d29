// What lies beside the weights of a converted model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "convert/plan.h"
#include "io/model_files.h"

namespace abstractllm::convert {

/// Writes config.json, with the quantisation of `plan`, and the tokenizer's
/// files: copies of a folder's, or made of a GGUF file's metadata. Throws
/// FileProcessingError and ModelLoadingError.
void write_side_files(const io::ModelFiles& files,
                      const io::WeightSource& weights,
                      const ConversionPlan& plan,
                      const ConversionOptions& options,
                      const std::filesystem::path& folder);

}  // namespace abstractllm::convert
