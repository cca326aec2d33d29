// The list of a service's models, in the shapes that services give it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "providers/remote.h"
#include "providers/wire/json.h"

namespace abstractllm::providers {
namespace {

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

}  // namespace

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
