// Local models for the public interface.
// SPDX-License-Identifier: Apache-2.0
#include "hub/local_models.h"

#include <algorithm>
#include <chrono>

#include "abstractllm/factory.h"
#include "hub/model_removal.h"
#include "hub/pull.h"
#include "net/url.h"
#include "providers/builtin.h"

namespace abstractllm {

namespace {

// A storage that is silent for longer is asked again; the patience that an
// answer of a model needs would only hide that.
constexpr double kLongestSilence = 30;

net::HttpTimeouts hub_timeouts(const ConnectionOptions& connection) {
  const auto time = [](double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  };
  const auto silence = [&](double seconds) {
    return time(seconds > 0 ? std::min(seconds, kLongestSilence)
                            : kLongestSilence);
  };
  return {.connect = time(connection.connect_timeout),
          .first_byte = silence(connection.first_byte_timeout),
          .idle = silence(connection.idle_timeout)};
}

}  // namespace

std::vector<LocalModel> list_local_models() {
  return hub::LocalModels(hub::ModelLocations::from_environment()).list();
}

ModelRemoval plan_model_removal(std::string_view id) {
  return hub::plan_removal(
      hub::LocalModels(hub::ModelLocations::from_environment()), id);
}

void remove_model(const ModelRemoval& removal) { hub::remove(removal); }

void providers::pull_from_hub(
    std::string_view model, const ConnectionOptions& connection,
    const std::function<bool(const PullProgress&)>& report) {
  const hub::RepositoryAddress address = hub::parse_address(model);
  hub::PullOptions options{.settings = hub::HubSettings::from_environment()};
  if (!connection.base_url.empty()) {
    options.settings.endpoint =
        net::checked_base_url(connection.base_url, "base_url");
  }
  if (!connection.api_key.empty()) options.settings.token = connection.api_key;
  options.client.http = {.timeouts = hub_timeouts(connection),
                         .proxy = connection.proxy,
                         .ca_file = connection.ca_file};
  hub::pull(address, options, report);
}

}  // namespace abstractllm
