// The tools by name, and what stands between a model's call and a function.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "abstractllm/tools.h"
#include "base/utf8.h"
#include "session/tool_runner.h"
#include "text/json_schema.h"

namespace abstractllm {
namespace {

constexpr std::size_t kMaxNameLength = 64;

void check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxNameLength &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '_' || c == '-';
                    });
  if (good) return;
  throw InvalidRequestError(
      fmt::format("[tools] '{}' is no name for a tool", name.substr(0, 80)),
      "Use 1 to 64 letters, digits, '_' and '-'.");
}

[[noreturn]] void throw_taken(const std::string& name) {
  throw InvalidRequestError(
      fmt::format("[tools] there are two tools named '{}'", name),
      "Rename one of them; the tools of an MCP server can be given a prefix.");
}

text::JsonSchema schema_of(const ToolDefinition& definition) {
  try {
    return text::JsonSchema(definition.parameters);
  } catch (const InvalidRequestError& error) {
    throw InvalidRequestError(
        fmt::format("[tools] the parameters of '{}': {}",
                    definition.name.substr(0, 80), error.message()),
        error.hint());
  }
}

struct CheckedTool {
  explicit CheckedTool(Tool given)
      : tool(std::make_shared<const Tool>(std::move(given))),
        schema(schema_of(tool->definition)) {
    check_name(tool->definition.name);
    if (!tool->handler) {
      throw InvalidRequestError(fmt::format(
          "[tools] the tool '{}' has no handler", tool->definition.name));
    }
  }

  const std::string& name() const { return tool->definition.name; }

  std::shared_ptr<const Tool> tool;
  text::JsonSchema schema;
};

using ToolList = std::vector<std::shared_ptr<const CheckedTool>>;

std::string names_of(const ToolList& tools) {
  std::string names;
  for (const auto& each : tools) {
    names += (names.empty() ? "" : ", ") + each->name();
  }
  return names.empty() ? "none" : names;
}

// Without arguments, models write nothing, "null" or {}.
std::string normalised(std::string arguments) {
  const bool blank =
      arguments.find_first_not_of(" \t\r\n") == std::string::npos;
  return blank || arguments == "null" ? "{}" : arguments;
}

std::string limited(std::string output, std::size_t limit) {
  output = base::replace_invalid_utf8(output);
  if (output.size() <= limit) return output;
  const std::size_t kept =
      base::valid_utf8_prefix(std::string_view(output).substr(0, limit));
  const std::size_t left_out = output.size() - kept;
  output.resize(kept);
  return output + fmt::format("\n[{} bytes are left out]", left_out);
}

// The calls of one turn on their way to results.
class Turn {
 public:
  Turn(const std::vector<ToolCall>& calls, const ToolList& tools,
       const ToolLimits& limits, const ConfirmTool& confirm,
       const CancelToken& cancel)
      : tools_(tools), limits_(limits), confirm_(confirm), cancel_(cancel) {
    for (const ToolCall& call : calls) {
      results_.push_back({call.id, call.name, {}, false});
    }
    for (std::size_t i = 0; i < calls.size(); ++i) admit(calls[i], i);
  }

  std::vector<ToolResult> run() && {
    const auto outcomes =
        session::run_tool_jobs(std::move(jobs_), limits_.parallel, cancel_);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      ToolResult& result = results_[indices_[i]];
      result.output = limited(outcomes[i].output, limits_.max_output_bytes);
      result.is_error = outcomes[i].is_error;
      result.seconds = outcomes[i].seconds;
    }
    return std::move(results_);
  }

 private:
  void refuse(std::size_t index, std::string why) {
    results_[index].output = std::move(why);
    results_[index].is_error = true;
  }

  void admit(const ToolCall& call, std::size_t index) {
    const auto found = std::find_if(
        tools_.begin(), tools_.end(),
        [&](const auto& each) { return each->name() == call.name; });
    if (found == tools_.end()) {
      return refuse(
          index,
          fmt::format("there is no tool '{}'; the tools are: {}",
                      base::replace_invalid_utf8(call.name), names_of(tools_)));
    }
    const CheckedTool& checked = **found;
    std::string arguments = normalised(call.arguments);
    auto violations = checked.schema.violations(arguments);
    if (violations.empty() && !nlohmann::json::parse(arguments).is_object()) {
      violations = {{"", "the arguments are not a JSON object"}};
    }
    if (!violations.empty()) {
      return refuse(index, "the arguments do not fit the schema: " +
                               text::join_violations(violations));
    }
    if (checked.tool->needs_confirmation && !may_run(call)) {
      return refuse(index, "the user did not allow this call");
    }
    indices_.push_back(index);
    jobs_.push_back({checked.tool, call.id, std::move(arguments),
                     checked.tool->timeout.value_or(limits_.timeout)});
  }

  bool may_run(const ToolCall& call) const {
    return confirm_ && !cancel_.cancelled() && confirm_(call);
  }

  const ToolList& tools_;
  const ToolLimits& limits_;
  const ConfirmTool& confirm_;
  const CancelToken& cancel_;
  std::vector<ToolResult> results_;
  std::vector<session::ToolJob> jobs_;
  std::vector<std::size_t> indices_;  // of the results, job by job
};

}  // namespace

ToolSource::~ToolSource() = default;

struct ToolRegistry::Impl {
  mutable std::mutex mutex;
  ToolList own;                                      // mutex
  std::vector<std::shared_ptr<ToolSource>> sources;  // mutex

  // Sources are asked outside of the lock: they may wait for a server.
  ToolList all() const {
    ToolList tools;
    std::vector<std::shared_ptr<ToolSource>> asked;
    {
      const std::lock_guard lock(mutex);
      tools = own;
      asked = sources;
    }
    for (const auto& source : asked) {
      for (Tool& tool : source->tools()) {
        tools.push_back(std::make_shared<CheckedTool>(std::move(tool)));
      }
    }
    std::map<std::string_view, int> names;
    for (const auto& each : tools) {
      if (++names[each->name()] > 1) throw_taken(each->name());
    }
    return tools;
  }
};

ToolRegistry::ToolRegistry() : impl_(std::make_unique<Impl>()) {}
ToolRegistry::~ToolRegistry() = default;

void ToolRegistry::add(Tool tool) {
  auto checked = std::make_shared<const CheckedTool>(std::move(tool));
  const std::lock_guard lock(impl_->mutex);
  for (const auto& each : impl_->own) {
    if (each->name() == checked->name()) throw_taken(each->name());
  }
  impl_->own.push_back(std::move(checked));
}

void ToolRegistry::add_source(std::shared_ptr<ToolSource> source) {
  const std::lock_guard lock(impl_->mutex);
  impl_->sources.push_back(std::move(source));
}

bool ToolRegistry::remove(std::string_view name) {
  const std::lock_guard lock(impl_->mutex);
  return std::erase_if(impl_->own, [&](const auto& each) {
           return each->name() == name;
         }) > 0;
}

std::vector<ToolDefinition> ToolRegistry::definitions() const {
  std::vector<ToolDefinition> definitions;
  for (const auto& each : impl_->all()) {
    definitions.push_back(each->tool->definition);
  }
  return definitions;
}

std::vector<ToolResult> ToolRegistry::run(const std::vector<ToolCall>& calls,
                                          const ToolLimits& limits,
                                          const ConfirmTool& confirm,
                                          const CancelToken& cancel) const {
  const ToolList tools = impl_->all();
  return Turn(calls, tools, limits, confirm, cancel).run();
}

}  // namespace abstractllm
