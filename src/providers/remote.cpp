// Every remote provider: its object, its state and its checks.
// SPDX-License-Identifier: Apache-2.0
#include "providers/remote.h"

#include <utility>

#include "abstractllm/error.h"
#include "net/url.h"
#include "providers/remote_answer.h"
#include "types/check_embedding.h"

namespace abstractllm::providers {
namespace {

class RemoteProvider : public AbstractLLMInterface {
 public:
  RemoteProvider(const RemoteDefinition& definition,
                 std::shared_ptr<const Endpoint> endpoint,
                 ProviderConfig config)
      : definition_(definition),
        endpoint_(std::move(endpoint)),
        dialect_(definition.dialect()),
        model_(std::move(config.model)),
        defaults_(std::move(config.parameters)),
        context_length_(config.context_length) {}

  std::string_view provider() const override { return definition_.traits.id; }
  std::string_view model() const override { return model_; }
  Capabilities capabilities() const override {
    return {definition_.capabilities, context_length_};
  }

  void stream(const Request& request, const EventSink& sink) override {
    RemoteAnswer answer(
        *endpoint_, *dialect_,
        {request, model_, overlay(request.parameters, defaults_),
         context_length_});
    while (true) {
      const Event event = answer.next();
      const bool wants_more = sink(event);
      if (is_terminal(event)) {
        answer.release();
        return;
      }
      if (!wants_more) {
        sink(answer.left());
        return;
      }
    }
  }

  EmbeddingResponse embed(const EmbeddingRequest& request) override {
    if (definition_.embed == nullptr)
      return AbstractLLMInterface::embed(request);
    types::check_embedding(request, endpoint_->id());
    EmbeddingResponse response = definition_.embed(*endpoint_, model_, request);
    if (response.vectors.size() != request.inputs.size()) {
      throw ProviderAPIError(
          "[" + endpoint_->id() + "] the service gave " +
              std::to_string(response.vectors.size()) + " vectors for " +
              std::to_string(request.inputs.size()) + " inputs",
          {}, endpoint_->id());
    }
    if (response.model.empty()) response.model = model_;
    return response;
  }

  ModelDescription describe() override {
    ModelDescription description{
        {"provider", std::string(provider())},
        {"model", model_},
        {"base_url", net::display_url(endpoint_->base_url())}};
    if (definition_.describe == nullptr) return description;
    for (auto& row : definition_.describe(*endpoint_, model_)) {
      description.push_back(std::move(row));
    }
    return description;
  }

 private:
  const RemoteDefinition& definition_;
  const std::shared_ptr<const Endpoint> endpoint_;
  const std::unique_ptr<Dialect> dialect_;
  const std::string model_;
  const GenerationParameters defaults_;
  const int context_length_;
};

// Options of local models have no meaning for a service.
void check_config(const ProviderConfig& config,
                  const RemoteDefinition& definition) {
  const std::string provider(definition.traits.id);
  const ProviderConfig fresh;
  const auto refuse = [&](bool is_set, const char* name) {
    if (!is_set) return;
    throw UnsupportedFeatureError(
        "[" + provider + "] " + name + " is not supported by the provider " +
            provider,
        "It is for models on this machine: leave it out.", provider);
  };
  refuse(config.device != fresh.device, "device");
  refuse(config.cpu_backend != fresh.cpu_backend, "cpu_backend");
  refuse(config.cpu_precision != fresh.cpu_precision, "cpu_precision");
  refuse(config.cpu_exact, "cpu_exact");
  refuse(config.kv_cache_type != fresh.kv_cache_type, "kv_cache_type");
  refuse(config.threads != 0, "threads");
  refuse(config.context_length != 0 && !definition.sets_context_length,
         "context_length");
  refuse(config.prefill_chunk != 0, "prefill_chunk");
  refuse(config.parallel_sequences != 0, "parallel_sequences");
  refuse(config.max_queued_requests != 0, "max_queued_requests");
  refuse(config.kv_cache_bytes != 0, "kv_cache_bytes");
  refuse(config.max_pixels != 0, "max_pixels");
  refuse(!config.adapters.empty(), "adapters");
  refuse(!config.adapter.empty(), "adapter");
  refuse(config.fuse_adapter, "fuse_adapter");
  refuse(!config.preset.empty(), "preset");
  if (!config.model.empty()) return;
  throw InvalidRequestError("[" + provider + "] no model is given",
                            "`allm list " + provider + "` shows what there is.",
                            provider);
}

// Whether something answers at the address.
bool answers(const RemoteDefinition& definition,
             const ConnectionOptions& options, const Environment& environment) {
  ConnectionOptions quick = options;
  quick.connect_timeout = 0.25;
  quick.total_timeout = 0.5;
  try {
    const auto endpoint = open_endpoint(definition, quick, environment);
    endpoint->start(definition.traits.models_path, "", {}).status();
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::shared_ptr<const Endpoint> open_endpoint(
    const RemoteDefinition& definition, const ConnectionOptions& options,
    const Environment& environment) {
  return std::make_shared<const Endpoint>(definition.traits, options,
                                          environment, definition.headers);
}

std::unique_ptr<AbstractLLMInterface> make_remote(
    const RemoteDefinition& definition, ProviderConfig config,
    const Environment& environment) {
  check_config(config, definition);
  validate(config.parameters);
  auto endpoint = open_endpoint(definition, config.connection, environment);
  return std::make_unique<RemoteProvider>(definition, std::move(endpoint),
                                          std::move(config));
}

ProviderInfo remote_info(const RemoteDefinition& definition,
                         const ConnectionOptions& options,
                         const Environment& environment) {
  ProviderInfo info{.id = std::string(definition.traits.id),
                    .capabilities = definition.capabilities};
  for (const std::string_view alias : definition.aliases) {
    info.aliases.emplace_back(alias);
  }
  try {
    const auto endpoint = open_endpoint(definition, options, environment);
    info.detail = net::display_url(endpoint->base_url());
    if (definition.traits.is_local_server &&
        !answers(definition, options, environment)) {
      info.state = ProviderState::kServerNotRunning;
    }
  } catch (const AuthenticationError& error) {
    info.state = ProviderState::kKeyMissing;
    info.detail = error.hint();
  } catch (const Error& error) {
    info.state = ProviderState::kAddressMissing;
    info.detail = error.hint();
  }
  return info;
}

}  // namespace abstractllm::providers
