// SPDX-License-Identifier: Apache-2.0
#include "cli_harness.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "abstractllm/error.h"

namespace abstractllm::cli {

namespace fs = std::filesystem;

std::size_t StringInput::read(char* buffer, std::size_t size) {
  const std::size_t count = std::min({size, piece_, text_.size() - position_});
  std::memcpy(buffer, text_.data() + position_, count);
  position_ += count;
  return count;
}

void StringOutput::write(std::string_view text) {
  if (failure_ != Failure::kNone && text_.size() + text.size() > capacity_) {
    if (failure_ == Failure::kBrokenPipe) throw BrokenPipe();
    throw FileProcessingError("[output] cannot write: disk full");
  }
  text_ += text;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

CliTest::CliTest() {
  description = {{"architecture", "llama"}, {"context_length", "2048"}};
}

std::unique_ptr<AbstractLLMInterface> CliTest::open(std::string_view provider,
                                                    ProviderConfig config) {
  opened_providers.emplace_back(provider);
  opened.push_back(config);
  if (open_error) throw_error(*open_error);
  for (const double share : {0.0, 0.5, 1.0}) {
    if (config.on_load_progress) config.on_load_progress(share);
  }
  return test::factory_of(model)(std::move(config));
}

RunResult CliTest::run(const std::vector<std::string>& arguments,
                       const std::string& input, bool terminal) {
  StringInput in(input);
  StringOutput out;
  StringOutput err;
  out.fail_after(out_capacity, out_failure);
  CliEnvironment environment{in, out, err, {}};
  environment.in_is_terminal = terminal;
  environment.out_is_terminal = out_is_terminal;
  environment.err_is_terminal = err_is_terminal;
  environment.columns = columns;
  environment.sessions_file = folder.path() / "sessions.db";
  environment.config_file = folder.path() / "config.toml";
  environment.models.open = [this](std::string_view provider,
                                   ProviderConfig config) {
    return open(provider, std::move(config));
  };
  environment.models.list = [this] { return local_models; };
  environment.models.describe = [this](std::string_view name) {
    described.emplace_back(name);
    if (open_error) throw_error(*open_error);
    return description;
  };
  environment.models.providers = [] {
    return std::vector<std::string>{"mlx", "oai", "openai"};
  };
  environment.models.provider_id = [](std::string_view name) {
    if (name == "oai") return std::string("openai");
    if (name == "mlx" || name == "openai") return std::string(name);
    throw UnsupportedProviderError("unknown", "Did you mean openai?");
  };
  environment.models.provider_info =
      [this](const ProviderConnections& connections) {
        for (const auto& [id, connection] : connections) {
          listed.push_back(id + ' ' + connection.base_url);
        }
        return providers;
      };
  environment.models.list_of = [this](std::string_view provider,
                                      const ConnectionOptions& options) {
    listed.push_back(std::string(provider) + ' ' + options.base_url);
    if (open_error) throw_error(*open_error);
    return entries;
  };
  environment.models.plan_removal = [](std::string_view id) {
    return ModelRemoval{.id = std::string(id),
                        .paths = {"/models/" + std::string(id)},
                        .bytes = 2'000'000};
  };
  environment.models.remove = [this](const ModelRemoval& removal) {
    removed.push_back(removal.id);
  };
  environment.models.diagnose = [this](const ProviderConfig& config) {
    diagnosed.push_back(config);
    return diagnosis;
  };
  environment.models.convert = [this](const ConversionOptions& options) {
    conversions.push_back(options);
    if (options.on_progress) options.on_progress(0.5);
    return ConversionResult{.folder = options.output,
                            .bytes = 2'500'000,
                            .tensors = 7,
                            .quantised = 3,
                            .resumed = 1};
  };
  environment.models.pull =
      [this](std::string_view provider, std::string_view name,
             const ConnectionOptions& options, const auto& report) {
        pulled.push_back(std::string(provider) + ' ' + std::string(name));
        if (!options.base_url.empty()) pulled.back() += ' ' + options.base_url;
        if (open_error) throw_error(*open_error);
        report({"pulling", 10, 5});
        if (provider != "mlx") return;
        report({.status = "fetching",
                .total = 10,
                .completed = 10,
                .file = "model.safetensors"});
        report({.status = "complete", .path = "/cache/snapshot"});
      };
  std::vector<const char*> argv{"allm"};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  RunResult result;
  result.exit_code =
      run_cli(static_cast<int>(argv.size()), argv.data(), environment);
  result.out = out.text();
  result.err = err.text();
  return result;
}

RunResult CliTest::run(const std::vector<std::string>& arguments,
                       const std::string& input) {
  return run(arguments, input, false);
}

RunResult CliTest::run_at_terminal(const std::vector<std::string>& arguments) {
  return run(arguments, "typed by a person", true);
}

Request CliTest::only_request() const {
  const auto requests = model->requests();
  EXPECT_EQ(requests.size(), 1u);
  return requests.empty() ? Request{} : requests.front();
}

}  // namespace abstractllm::cli
