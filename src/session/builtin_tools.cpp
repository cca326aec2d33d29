// The few tools that come with the library.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "abstractllm/error.h"
#include "abstractllm/tool_function.h"
#include "session/calculator.h"
#include "session/rooted_files.h"
#include "session/timestamps.h"
#include "session/turn_runner.h"

namespace abstractllm {
namespace {

// A model's context holds no more, and ToolLimits cut what is beyond theirs.
constexpr std::size_t kMaxFileBytes = 64 * 1024;
constexpr std::size_t kMaxEntries = 1000;

using Files = std::shared_ptr<const session::RootedFiles>;

Files open_root(const BuiltinToolOptions& options) {
  if (options.root.empty()) {
    throw InvalidRequestError("[tools] the file tools need a root folder",
                              "Set BuiltinToolOptions::root, or --tool-root.");
  }
  return std::make_shared<session::RootedFiles>(options.root);
}

Tool read_file(const BuiltinToolOptions& options) {
  return make_tool("read_file", "Reads a text file.",
                   {{"path", "relative, such as notes/today.txt"}},
                   [files = open_root(options)](const std::string& path) {
                     return files->read(path, kMaxFileBytes);
                   });
}

Tool list_files(const BuiltinToolOptions& options) {
  return make_tool(
      "list_files", "Lists the files and folders in a folder.",
      {{"path", "relative; without it, the whole folder"}},
      [files = open_root(options)](const std::optional<std::string>& path) {
        return fmt::format(
            "{}",
            fmt::join(files->list(path.value_or("."), kMaxEntries), "\n"));
      });
}

Tool calculator(const BuiltinToolOptions&) {
  return make_tool("calculator", "Computes an arithmetic expression.",
                   {{"expression", "such as 2 * (3 + sqrt(16)) ^ 2"}},
                   [](const std::string& expression) {
                     return fmt::format("{}", session::calculate(expression));
                   });
}

Tool current_time(const BuiltinToolOptions& options) {
  const auto clock = options.now_ms ? options.now_ms : &session::now_ms;
  return make_tool("current_time", "Tells the date and the time in UTC.",
                   [clock] { return session::format_time(clock()); });
}

struct Builtin {
  std::string_view name;
  Tool (*make)(const BuiltinToolOptions&);
  bool asks;
};

// What reads files asks: what a model has read may reach a remote service.
constexpr std::array kBuiltins{
    Builtin{"read_file", &read_file, true},
    Builtin{"list_files", &list_files, true},
    Builtin{"calculator", &calculator, false},
    Builtin{"current_time", &current_time, false},
};

}  // namespace

std::vector<std::string> builtin_tool_names() {
  std::vector<std::string> names;
  for (const Builtin& each : kBuiltins) names.emplace_back(each.name);
  return names;
}

Tool builtin_tool(std::string_view name, const BuiltinToolOptions& options) {
  for (const Builtin& each : kBuiltins) {
    if (each.name != name) continue;
    Tool tool = each.make(options);
    tool.needs_confirmation = each.asks;
    return tool;
  }
  throw InvalidRequestError(
      fmt::format("[tools] there is no built-in tool '{}'", name),
      fmt::format("There are {}.", fmt::join(builtin_tool_names(), ", ")));
}

}  // namespace abstractllm
