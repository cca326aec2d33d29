// From the file's keys to values: each key is read once, the others are errors.
// SPDX-License-Identifier: Apache-2.0
#include "config/configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "base/utf8.h"
#include "config/toml_text.h"

namespace abstractllm::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFileVariable[] = "ABSTRACTLLM_CONFIG";

// One table of the file. Whoever reads it says by the reading which keys there
// are; `finish` refuses the rest.
class Table {
 public:
  Table(const Json& json, std::string path, std::string_view where)
      : json_(json), path_(std::move(path)), where_(where) {
    if (!json.is_object()) fail(path_, "a table");
  }

  void read(const char* key, std::string& value) {
    if (const Json* found = find(key)) {
      if (!found->is_string()) fail(name(key), "a text");
      value = found->get<std::string>();
    }
  }
  void read(const char* key, bool& value) {
    if (const Json* found = find(key)) {
      if (!found->is_boolean()) fail(name(key), "true or false");
      value = found->get<bool>();
    }
  }
  void read(const char* key, int& value) {
    if (const Json* found = find(key)) {
      if (!found->is_number_integer() ||
          !std::in_range<int>(found->get<std::int64_t>()) ||
          found->get<std::int64_t>() < 0) {
        fail(name(key), "a whole number from 0 up");
      }
      value = found->get<int>();
    }
  }
  void read(const char* key, std::uint64_t& value) {
    if (const Json* found = find(key)) {
      if (!found->is_number_integer() || found->get<std::int64_t>() < 0) {
        fail(name(key), "a whole number from 0 up");
      }
      value = static_cast<std::uint64_t>(found->get<std::int64_t>());
    }
  }
  void read(const char* key, double& value) {
    if (const Json* found = find(key)) {
      if (!found->is_number() || found->get<double>() < 0) {
        fail(name(key), "a number from 0 up");
      }
      value = found->get<double>();
    }
  }
  // A list, or one text.
  void read(const char* key, std::vector<std::string>& values) {
    const Json* found = find(key);
    if (found == nullptr) return;
    if (!found->is_array()) fail(name(key), "a list of texts");
    for (const Json& each : *found) {
      if (!each.is_string()) fail(name(key), "a list of texts");
      values.push_back(each.get<std::string>());
    }
  }
  template <typename Map>
  void read_texts(const char* key, Map& values) {
    const Json* found = find(key);
    if (found == nullptr) return;
    if (!found->is_object()) fail(name(key), "a table of texts");
    for (const auto& [each, value] : found->items()) {
      if (!value.is_string()) fail(name(key) + "." + each, "a text");
      values[each] = value.template get<std::string>();
    }
  }
  void read(const char* key, GenerationParameters& parameters) {
    if (const Json* found = find(key)) {
      if (!found->is_object()) fail(name(key), "a table");
      try {
        parameters = parse_generation_parameters(found->dump());
      } catch (const InvalidParameterError& error) {
        throw InvalidParameterError(fmt::format("[config] {}, {}: {}", where_,
                                                name(key), error.message()),
                                    error.hint());
      }
    }
  }
  // Calls `each(name, table)` for the tables in the table `key`.
  template <typename F>
  void read_tables(const char* key, F&& each) {
    const Json* found = find(key);
    if (found == nullptr) return;
    Table group(*found, name(key), where_);
    for (const auto& [one, json] : found->items()) {
      Table table(json, group.name(one), where_);
      each(one, table);
      table.finish();
    }
  }
  template <typename F>
  void read_table(const char* key, F&& read) {
    if (const Json* found = find(key)) {
      Table table(*found, name(key), where_);
      read(table);
      table.finish();
    }
  }

  void finish() const {
    for (const auto& [key, value] : json_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) {
        continue;
      }
      const std::string_view nearest = base::nearest_name(key, known_);
      throw InvalidRequestError(
          fmt::format("[config] {}: there is no key '{}'", where_, name(key)),
          nearest.empty()
              ? fmt::format("Known here are {}.", base::join_names(known_))
              : fmt::format("Did you mean '{}'?", nearest));
    }
  }

 private:
  const Json* find(const char* key) {
    known_.emplace_back(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  std::string name(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  [[noreturn]] void fail(std::string_view key, std::string_view wanted) const {
    throw InvalidRequestError(
        fmt::format("[config] {}: {} must be {}", where_, key, wanted));
  }

  const Json& json_;
  const std::string path_;
  const std::string_view where_;
  std::vector<std::string_view> known_;
};

// The name of a variable that should have the key and is not set; else empty.
std::string read_connection(Table& table, ConnectionOptions& connection,
                            Environment environment) {
  table.read("base_url", connection.base_url);
  table.read("api_key", connection.api_key);
  std::string variable;
  table.read("api_key_env", variable);
  std::string missing;
  if (!variable.empty() && connection.api_key.empty()) {
    const char* value = environment(variable.c_str());
    connection.api_key = value == nullptr ? "" : value;
    if (connection.api_key.empty()) missing = variable;
  }
  table.read("organization", connection.organization);
  table.read_texts("headers", connection.headers);
  table.read("proxy", connection.proxy);
  table.read("ca_file", connection.ca_file);
  table.read("connect_timeout", connection.connect_timeout);
  table.read("first_byte_timeout", connection.first_byte_timeout);
  table.read("idle_timeout", connection.idle_timeout);
  table.read("total_timeout", connection.total_timeout);
  return missing;
}

ProviderConfig read_local(Table& table, ProviderConfig config) {
  table.read("parameters", config.parameters);
  table.read("device", config.device);
  table.read("cpu_backend", config.cpu_backend);
  table.read("cpu_precision", config.cpu_precision);
  table.read("cpu_exact", config.cpu_exact);
  table.read("kv_cache_type", config.kv_cache_type);
  table.read("threads", config.threads);
  table.read("context_length", config.context_length);
  table.read("prefill_chunk", config.prefill_chunk);
  table.read("parallel_sequences", config.parallel_sequences);
  table.read("max_queued_requests", config.max_queued_requests);
  table.read("kv_cache_bytes", config.kv_cache_bytes);
  table.read("max_pixels", config.max_pixels);
  table.read_texts("adapters", config.adapters);
  table.read("adapter", config.adapter);
  table.read("fuse_adapter", config.fuse_adapter);
  table.read("preset", config.preset);
  return config;
}

McpServer read_mcp(Table& table) {
  McpServer server;
  server.needs_confirmation = true;
  table.read("command", server.command);
  table.read_texts("environment", server.environment);
  table.read("url", server.url);
  table.read_texts("headers", server.headers);
  table.read("prefix", server.prefix);
  table.read("confirm", server.needs_confirmation);
  double seconds = 30;
  table.read("timeout", seconds);
  server.timeout = std::chrono::milliseconds(
      static_cast<std::int64_t>(std::min(seconds, 1e6) * 1000));
  return server;
}

std::string variable(Environment environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

ProviderConfig Configuration::provider(std::string_view provider) const {
  if (const auto missing = missing_keys.find(provider);
      missing != missing_keys.end()) {
    throw AuthenticationError(
        fmt::format("[config] the variable {} is not set, which "
                    "providers.{}.api_key_env names",
                    missing->second, provider),
        "Set it, or take api_key_env out of the configuration.",
        std::string(provider));
  }
  const auto found = providers.find(provider);
  ProviderConfig config =
      found == providers.end() ? ProviderConfig{} : found->second;
  config.parameters = overlay(config.parameters, parameters);
  return config;
}

std::string Configuration::resolve_model(std::string_view model) const {
  std::string name(model);
  if (name == "default") {
    name = default_model;
    if (name.empty()) {
      throw InvalidRequestError("[config] no default model is set",
                                "Set one: allm config set default_model MODEL");
    }
  }
  const auto alias = aliases.find(name);
  return alias == aliases.end() ? name : alias->second;
}

Configuration parse_configuration(std::string_view toml, std::string_view where,
                                  Environment environment) {
  const Json json = parse_toml(toml, where);
  Configuration configuration;
  Table root(json, "", where);
  root.read("default_model", configuration.default_model);
  root.read_texts("aliases", configuration.aliases);
  root.read("parameters", configuration.parameters);
  root.read_tables("providers", [&](const std::string& name, Table& table) {
    ProviderConfig config;
    const std::string missing =
        read_connection(table, config.connection, environment);
    if (!missing.empty()) configuration.missing_keys[name] = missing;
    configuration.providers[name] = read_local(table, std::move(config));
  });
  root.read_tables("mcp", [&](const std::string& name, Table& table) {
    configuration.mcp[name] = read_mcp(table);
  });
  root.read_table("trace", [&](Table& table) {
    std::string file;
    table.read("file", file);
    configuration.trace_file = file;
    table.read("texts", configuration.trace_texts);
  });
  root.finish();
  return configuration;
}

Configuration read_configuration(const std::filesystem::path& file,
                                 Environment environment) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    const bool is_absent = errno == ENOENT || errno == ENOTDIR || file.empty();
    const bool is_chosen =
        !file.empty() && file.string() == variable(environment, kFileVariable);
    if (is_absent && !is_chosen) return {};
    throw FileProcessingError(
        fmt::format("[config] cannot read '{}'{}{}", file.string(),
                    is_chosen ? ", named by " : "",
                    is_chosen ? kFileVariable : ""),
        is_absent ? "'allm config set KEY VALUE' makes it." : "");
  }
  std::ostringstream text;
  text << stream.rdbuf();
  return parse_configuration(text.str(), file.string(), environment);
}

std::filesystem::path configuration_file(Environment environment) {
  const std::string chosen = variable(environment, kFileVariable);
  if (!chosen.empty()) return chosen;
  const std::string folder = variable(environment, "XDG_CONFIG_HOME");
  // The XDG base directory specification: relative values are not valid.
  if (folder.starts_with('/')) {
    return std::filesystem::path(folder) / "abstractllm/config.toml";
  }
  const std::string home = variable(environment, "HOME");
  if (home.empty()) return {};
  return std::filesystem::path(home) / ".config/abstractllm/config.toml";
}

}  // namespace abstractllm::config
