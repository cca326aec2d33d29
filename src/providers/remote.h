// A service behind the interface: one dialect, one HTTP client.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/factory.h"
#include "net/headers.h"
#include "net/http_client.h"
#include "providers/wire/dialect.h"

namespace abstractllm::providers {

/// The value of an environment variable; null if it is not set.
using Environment = std::function<const char*(const char*)>;

/// std::getenv.
const char* process_environment(const char* name);

/// What is fixed of a service.
struct RemoteTraits {
  std::string_view id;
  std::string_view base_url;  ///< empty: the user must say it
  /// Environment variables, the first that is set counts; empty: none.
  std::string_view base_variable;
  std::string_view other_base_variable;
  std::string_view key_variable;
  std::string_view other_key_variable;
  bool needs_key = false;
  /// Header of the key; "Bearer " stands before it in authorization.
  std::string_view key_header = "authorization";
  /// GET of the list of models.
  std::string_view models_path = "/models";
  /// A server on the user's machine, which may not be running; its base
  /// variable may be a host alone.
  bool is_local_server = false;
  std::string_view default_port{};
  /// End of a base URL that others write and this protocol's paths have.
  std::string_view base_suffix{};
  std::string_view models_hint{};  ///< how to get one that is missing
};

/// Where and how a service is reached: options, else environment, else its own
/// address. Throws AuthenticationError when a key is needed and missing, and
/// InvalidParameterError for a base URL or time-out that makes no sense.
class Endpoint {
 public:
  Endpoint(const RemoteTraits& traits, const ConnectionOptions& options,
           const Environment& environment, net::Headers extra_headers = {});

  const RemoteTraits& traits() const { return *traits_; }
  std::string id() const { return std::string(traits_->id); }
  const std::string& base_url() const { return base_url_; }

  /// Starts a request; `body` empty: GET.
  net::HttpExchange start(std::string_view path, std::string body,
                          const CancelToken& cancel,
                          std::string_view accept = "application/json") const;

  /// A whole answer. Throws the typed error of a status from 400 up; `model`
  /// is the one that a 404 is about.
  std::string ask(std::string_view path, std::string body,
                  const CancelToken& cancel, const std::string& model) const;

  /// Reads the rest of an answer with an error status. The key never appears
  /// in it.
  Error fault_of(net::HttpExchange& exchange, const std::string& model) const;

  /// `error` without the key, should a service echo it.
  Error masked(const Error& error) const;

 private:
  const RemoteTraits* traits_;
  std::string base_url_;
  std::string key_;
  net::Headers headers_;
  net::HttpClient client_;
};

/// The models that the service lists, sorted by id.
std::vector<ModelEntry> list_remote_models(const Endpoint& endpoint);

/// All that one provider's file says of it. Immutable.
struct RemoteDefinition {
  RemoteTraits traits;
  std::vector<std::string_view> aliases{};
  std::set<ModelCapability> capabilities{};
  net::Headers headers{};  ///< sent with every request
  std::unique_ptr<Dialect> (*dialect)() = nullptr;
  /// Null: no embeddings.
  EmbeddingResponse (*embed)(const Endpoint&, const std::string& model,
                             const EmbeddingRequest&) = nullptr;
  /// Null: nothing to tell but the address.
  ModelDescription (*describe)(const Endpoint&,
                               const std::string& model) = nullptr;
  /// Null: models cannot be fetched.
  void (*pull)(const Endpoint&, std::string_view model,
               const std::function<bool(const PullProgress&)>&) = nullptr;
  /// The service lets its clients say how much context it provides for.
  bool sets_context_length = false;
};

/// The endpoint of `definition` in the process's environment.
std::shared_ptr<const Endpoint> open_endpoint(
    const RemoteDefinition& definition, const ConnectionOptions& options,
    const Environment& environment = process_environment);

/// Throws InvalidRequestError for a config without a model,
/// UnsupportedFeatureError for one that sets options of local models, and
/// what Endpoint throws.
std::unique_ptr<AbstractLLMInterface> make_remote(
    const RemoteDefinition& definition, ProviderConfig config,
    const Environment& environment = process_environment);

/// Whether it can be used; asks a server on this machine.
ProviderInfo remote_info(const RemoteDefinition& definition,
                         const ConnectionOptions& options = {},
                         const Environment& environment = process_environment);

}  // namespace abstractllm::providers
