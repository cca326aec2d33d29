// A model from a hub into the cache that Hugging Face's tools share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "abstractllm/factory.h"
#include "hub/downloads.h"
#include "hub/hub_client.h"
#include "hub/hub_settings.h"
#include "hub/repository_address.h"

namespace abstractllm::hub {

struct PullOptions {
  HubSettings settings;
  /// Endpoint and token are those of `settings`.
  HubClientOptions client{};
  DownloadOptions download{};
  /// Bytes that can be written below a folder; empty: the file system's.
  std::function<std::uint64_t(const std::filesystem::path&)> free_bytes{};
};

/// Fetches what `address` names, and what is not there already; then the
/// snapshot of its commit links to all of it, and the ref to the snapshot.
/// Nothing else is asked for. `report` may be empty; false leaves the
/// download, and a later call goes on with it. Runs on threads of its own, and
/// `report` on the caller's. Returns the snapshot.
///
/// Throws UnsupportedOperationError when offline, InvalidRequestError and
/// ModelNotFoundError as select_files, AuthenticationError,
/// ResourceExceededError for a full disk (before the first byte where the sizes
/// are known), ProviderConnectionError, ProviderAPIError, FileProcessingError
/// and CancelledError.
std::filesystem::path pull(
    const RepositoryAddress& address, const PullOptions& options,
    const std::function<bool(const PullProgress&)>& report);

}  // namespace abstractllm::hub
