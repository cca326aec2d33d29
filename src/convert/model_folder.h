// What lies beside the weights of a converted model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "convert/plan.h"
#include "io/model_files.h"

namespace abstractllm::convert {

/// Whether a file of a model's folder is copied as it is: not weights in any
/// format, nor what is written anew.
bool is_side_file(const std::filesystem::path& path);

/// The folders within the model's `folder` that belong to it, relative to it:
/// the steps after the transformer that modules.json names, and the templates
/// for other purposes. They need not be there. Throws ModelLoadingError if
/// modules.json cannot be read.
std::vector<std::filesystem::path> side_folders(
    const std::filesystem::path& folder);

/// Writes config.json, with the quantisation of `plan`, and the tokenizer's
/// files: copies of a folder's, with its side_folders(), or made of a GGUF
/// file's metadata. Throws FileProcessingError and ModelLoadingError.
void write_side_files(const io::ModelFiles& files,
                      const io::WeightSource& weights,
                      const ConversionPlan& plan,
                      const ConversionOptions& options,
                      const std::filesystem::path& folder);

}  // namespace abstractllm::convert
