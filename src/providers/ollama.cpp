// Ollama on this machine or another one.
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "net/line_reader.h"
#include "providers/remote_providers.h"
#include "providers/wire/embeddings.h"
#include "providers/wire/errors.h"
#include "providers/wire/json.h"
#include "providers/wire/ollama_chat.h"
#include "providers/wire/request_parts.h"

namespace abstractllm::providers {
namespace {

EmbeddingResponse embed(const Endpoint& endpoint, const std::string& model,
                        const EmbeddingRequest& request) {
  if (request.prompt_name) {
    refuse_feature("prompt_name", endpoint.id(),
                   "Put the prompt into the inputs.");
  }
  Json body{{"model", model},
            {"input", request.inputs},
            {"truncate", request.truncate}};
  if (request.dimensions) body["dimensions"] = *request.dimensions;
  return read_ollama_embeddings(
      endpoint.ask("/api/embed", dump(body), request.cancel, model));
}

ModelDescription describe(const Endpoint& endpoint, const std::string& model) {
  return read_ollama_model(
      endpoint.ask("/api/show", dump(Json{{"model", model}}), {}, model));
}

// Returns whether the download is complete.
bool take_line(const std::string& line, const Endpoint& endpoint,
               const std::string& model,
               const std::function<bool(const PullProgress&)>& report) {
  const Json json = parse_wire_json(line, endpoint.id());
  const Json& error = member(json, "error");
  if (!error.is_null()) {
    throw_error(service_error(read_fault(error),
                              {.provider = endpoint.id(), .model = model}));
  }
  const auto bytes = [&](const char* name) {
    return static_cast<std::uint64_t>(std::max(number_at(json, name), 0.0));
  };
  const PullProgress progress{text_at(json, "status"), bytes("total"),
                              bytes("completed")};
  if (report && !report(progress)) {
    throw CancelledError("[ollama] the download of " + model + " was left",
                         "Pulling it again goes on with it.", endpoint.id());
  }
  return progress.status == "success";
}

void pull(const Endpoint& endpoint, std::string_view model,
          const std::function<bool(const PullProgress&)>& report) {
  const std::string name(model);
  net::HttpExchange exchange =
      endpoint.start("/api/pull", dump(Json{{"model", name}, {"stream", true}}),
                     {}, "application/x-ndjson");
  if (exchange.status() >= 300) throw_error(endpoint.fault_of(exchange, name));
  net::LineReader lines;
  bool is_complete = false;
  for (auto bytes = exchange.read(); !bytes.empty(); bytes = exchange.read()) {
    lines.push(bytes);
    while (const auto line = lines.next()) {
      is_complete = take_line(*line, endpoint, name, report) || is_complete;
    }
  }
  if (!is_complete) throw_error(truncated_stream(endpoint.id()));
}

}  // namespace

const RemoteDefinition& ollama_provider() {
  using enum ModelCapability;
  static const RemoteDefinition definition{
      .traits = {.id = "ollama",
                 .base_url = "http://127.0.0.1:11434",
                 .base_variable = "OLLAMA_BASE_URL",
                 .other_base_variable = "OLLAMA_HOST",
                 .key_variable = "OLLAMA_API_KEY",
                 .models_path = "/api/tags",
                 .is_local_server = true,
                 .default_port = "11434",
                 .models_hint = "`allm pull ollama/MODEL` fetches others."},
      .capabilities = {kStreaming, kSystemPrompt, kMultiTurn, kTools, kVision,
                       kEmbeddings, kStructuredOutput, kLogprobs},
      .dialect = &ollama_dialect,
      .embed = &embed,
      .describe = &describe,
      .pull = &pull,
      .sets_context_length = true};
  return definition;
}

}  // namespace abstractllm::providers
