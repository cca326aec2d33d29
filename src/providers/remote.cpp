// The transport loop of every remote provider.
// SPDX-License-Identifier: Apache-2.0
#include "providers/remote.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "net/url.h"
#include "providers/wire/errors.h"
#include "providers/wire/json.h"
#include "types/check_embedding.h"

namespace abstractllm::providers {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// The end of a body comes with the last event of a stream or right behind it.
constexpr std::chrono::milliseconds kDrainPatience{20};

// The answer of one request, pulled event by event. What goes wrong becomes
// the last event, so that no sink is called within a catch.
class RemoteAnswer {
 public:
  RemoteAnswer(const Endpoint& endpoint, const Dialect& dialect, ChatCall call)
      : endpoint_(endpoint), dialect_(dialect), call_(std::move(call)) {}

  // After the terminal event it must not be called again.
  Event next() {
    if (pending_.empty()) refill();
    Event event = std::move(pending_.front());
    pending_.pop_front();
    observe(event);
    return event;
  }

  // Gives the connection a chance to be used again.
  void release() {
    if (exchange_) exchange_->drain(kDrainPatience);
  }

  // The last event of an answer that nobody wants more of.
  Finished left() const {
    Finished finished{.reason = FinishReason::kCancelled};
    if (reader_) finished.usage = reader_->usage();
    finished.request_id = request_id_;
    return finished;
  }

 private:
  void begin() {
    WireRequest wire = dialect_.write(call_);
    reader_ = dialect_.reader(call_);
    // A cancel before the start must not reach the service.
    if (call_.request.cancel.cancelled()) throw CancelledError("[remote] left");
    exchange_.emplace(endpoint_.start(
        wire.path, std::move(wire.body), call_.request.cancel,
        "text/event-stream, application/x-ndjson, application/json"));
    request_id_ = request_id(exchange_->headers());
    if (exchange_->status() >= 300) {
      throw endpoint_.fault_of(*exchange_, call_.model);
    }
  }

  // At least one event more. What came before an error in the same bytes
  // stands before it.
  void refill() {
    std::optional<Event> last;
    try {
      while (arrived_.empty()) advance();
    } catch (const CancelledError&) {
      last = left();
    } catch (const Error& error) {
      last = Failed{finished_error(error)};
    } catch (const Json::exception&) {
      last = Failed{finished_error(ProviderAPIError(
          "[" + endpoint_.id() +
              "] the service sent JSON of another shape than its protocol has",
          "Is base_url the address of such a service?", endpoint_.id()))};
    }
    for (Event& event : arrived_) pending_.push_back(std::move(event));
    arrived_.clear();
    if (last) pending_.push_back(*std::move(last));
  }

  void advance() {
    if (!exchange_) begin();
    const std::string_view bytes = exchange_->read();
    if (bytes.empty()) {
      reader_->finish(arrived_);
    } else {
      reader_->push(bytes, arrived_);
    }
  }

  void observe(Event& event) {
    const Clock::time_point now = Clock::now();
    if (auto* finished = std::get_if<Finished>(&event)) {
      finished->request_id = request_id_;
      if (!first_) return;
      finished->timings.time_to_first_token_seconds =
          seconds_between(started_, *first_);
      if (finished->timings.decode_seconds == 0) {
        finished->timings.decode_seconds = seconds_between(*first_, now);
      }
    } else if (!first_) {
      first_ = now;
    }
  }

  Error finished_error(const Error& error) const {
    Error result = endpoint_.masked(error);
    ServiceReport report = error.service();
    if (report.request_id.empty()) report.request_id = request_id_;
    result.set_service(std::move(report));
    return error.code() == ErrorCode::kModelNotFound ? with_models(result)
                                                     : result;
  }

  // A wrong model id is answered with the ones that there are.
  Error with_models(const Error& error) const {
    std::vector<std::string> ids;
    try {
      for (const ModelEntry& model : list_remote_models(endpoint_)) {
        ids.push_back(model.id);
      }
    } catch (const Error&) {
      return error;  // the first error is the one to report
    }
    if (ids.empty()) return error;
    constexpr std::size_t kShown = 8;
    const std::vector<std::string> nearest =
        base::nearest_names(call_.model, ids, kShown);
    const std::vector<std::string_view> views(nearest.begin(), nearest.end());
    std::string hint = "There are: " + base::join_names(views);
    if (ids.size() > nearest.size()) {
      hint += " and " + std::to_string(ids.size() - nearest.size()) + " more";
    }
    hint += ".";
    if (!endpoint_.traits().models_hint.empty()) {
      hint += " " + std::string(endpoint_.traits().models_hint);
    }
    Error result(error.code(), error.message(), hint, error.provider());
    result.set_service(error.service());
    return result;
  }

  const Endpoint& endpoint_;
  const Dialect& dialect_;
  const ChatCall call_;
  const Clock::time_point started_ = Clock::now();
  std::optional<Clock::time_point> first_;
  std::unique_ptr<AnswerReader> reader_;
  std::optional<net::HttpExchange> exchange_;
  std::string request_id_;
  std::vector<Event> arrived_;
  std::deque<Event> pending_;
};

class RemoteProvider : public AbstractLLMInterface {
 public:
  RemoteProvider(const RemoteDefinition& definition,
                 std::shared_ptr<const Endpoint> endpoint,
                 ProviderConfig config)
      : definition_(definition),
        endpoint_(std::move(endpoint)),
        dialect_(definition.dialect()),
        model_(std::move(config.model)),
        defaults_(std::move(config.parameters)) {}

  std::string_view provider() const override { return definition_.traits.id; }
  std::string_view model() const override { return model_; }
  Capabilities capabilities() const override {
    return {definition_.capabilities, 0};
  }

  void stream(const Request& request, const EventSink& sink) override {
    RemoteAnswer answer(
        *endpoint_, *dialect_,
        {request, model_, overlay(request.parameters, defaults_)});
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
};

ModelEntry read_entry(const Json& json) {
  ModelEntry entry;
  entry.id = text_at(json, "id");
  if (entry.id.empty()) entry.id = text_at(json, "model");
  if (entry.id.empty()) entry.id = text_at(json, "name");
  entry.bytes =
      static_cast<std::uint64_t>(std::max(number_at(json, "size"), 0.0));
  for (const char* name : {"max_model_len", "context_length",
                           "max_context_length", "max_input_tokens"}) {
    if (entry.context_length == 0) entry.context_length = int_at(json, name);
  }
  entry.owner = text_at(json, "owned_by");
  return entry;
}

// Options of local models have no meaning for a service.
void check_config(const ProviderConfig& config, const std::string& provider) {
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
  refuse(config.context_length != 0, "context_length");
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
  check_config(config, std::string(definition.traits.id));
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

std::vector<ModelEntry> list_remote_models(const Endpoint& endpoint) {
  const Json json = parse_wire_json(
      endpoint.ask(endpoint.traits().models_path, "", {}, ""), endpoint.id());
  const Json& data = member(json, "data");
  const Json& list = data.is_array() ? data : member(json, "models");
  std::vector<ModelEntry> models;
  for (const Json& each : list.is_array() ? list : json) {
    ModelEntry entry = read_entry(each);
    if (!entry.id.empty()) models.push_back(std::move(entry));
  }
  std::sort(models.begin(), models.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return models;
}

}  // namespace abstractllm::providers
