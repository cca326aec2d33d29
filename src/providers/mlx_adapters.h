// The adapters of a loaded model, and which one a request gets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "abstractllm/factory.h"
#include "abstractllm/request.h"
#include "io/adapter_file.h"

namespace abstractllm::providers {

/// Immutable; thread-safe.
class MlxAdapters {
 public:
  /// Opens what `config` names. Throws what AdapterFile::open throws, and
  /// InvalidParameterError where the fields contradict each other.
  explicit MlxAdapters(const ProviderConfig& config);

  /// Numbered from 1 in the engine, in this order.
  const std::vector<std::shared_ptr<const io::AdapterFile>>& files() const {
    return files_;
  }

  /// The one that becomes part of the weights; null: none.
  const std::shared_ptr<const io::AdapterFile>& fused() const { return fused_; }

  /// Of requests that name none; 0: the model as it is.
  int default_number() const { return default_; }

  /// The number of what `request` asks for. Throws InvalidRequestError listing
  /// the names there are.
  int number_of(const Request& request) const;

 private:
  void add(const std::string& name, const std::string& folder);
  void add_default(const ProviderConfig& config);

  std::vector<std::string> names_;
  std::vector<std::shared_ptr<const io::AdapterFile>> files_;
  std::shared_ptr<const io::AdapterFile> fused_;
  int default_ = 0;
};

}  // namespace abstractllm::providers
