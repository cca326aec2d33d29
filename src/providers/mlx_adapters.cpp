// Names of adapters to their places in the engine.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_adapters.h"

#include <algorithm>

#include "abstractllm/error.h"
#include "io/adapter_base.h"

namespace abstractllm::providers {

namespace {

constexpr char kId[] = "mlx";
// The name of no adapter.
constexpr char kNone[] = "none";

}  // namespace

MlxAdapters::MlxAdapters(const ProviderConfig& config) {
  if (config.fuse_adapter) {
    if (config.adapter.empty() || !config.adapters.empty()) {
      throw InvalidParameterError(
          "[mlx] fuse_adapter goes with adapter alone",
          "A fused adapter cannot be changed by a request.", kId);
    }
    fused_ = std::make_shared<const io::AdapterFile>(
        io::AdapterFile::open(config.adapter));
    io::warn_of_other_base(*fused_, config.model);
    return;
  }
  for (const auto& [name, folder] : config.adapters) add(name, folder);
  add_default(config);
  for (const auto& file : files_) io::warn_of_other_base(*file, config.model);
}

void MlxAdapters::add_default(const ProviderConfig& config) {
  if (config.adapter.empty() || config.adapter == kNone) return;
  const auto named = std::find(names_.begin(), names_.end(), config.adapter);
  if (named == names_.end()) {
    add(config.adapter, config.adapter);
    default_ = static_cast<int>(names_.size());
  } else {
    default_ = static_cast<int>(named - names_.begin()) + 1;
  }
}

void MlxAdapters::add(const std::string& name, const std::string& folder) {
  if (name.empty() || name == kNone) {
    throw InvalidParameterError(
        "[mlx] an adapter cannot be called '" + name + "'",
        "'none' stands for the model as it is.", kId);
  }
  names_.push_back(name);
  files_.push_back(
      std::make_shared<const io::AdapterFile>(io::AdapterFile::open(folder)));
}

int MlxAdapters::number_of(const Request& request) const {
  if (!request.adapter) return default_;
  if (request.adapter->empty() || *request.adapter == kNone) {
    if (!fused_) return 0;
    throw InvalidRequestError(
        "[mlx] the adapter is part of the model and cannot be left out",
        "Load the model without fuse_adapter.", kId);
  }
  const auto named = std::find(names_.begin(), names_.end(), *request.adapter);
  if (named != names_.end()) {
    return static_cast<int>(named - names_.begin()) + 1;
  }
  std::string known = kNone;
  for (const std::string& name : names_) known += ", " + name;
  throw InvalidRequestError(
      "[mlx] the model has no adapter '" + *request.adapter + "'",
      "There are: " + known + ".", kId);
}

}  // namespace abstractllm::providers
