// Help as sections of two columns.
// SPDX-License-Identifier: Apache-2.0
#include "cli/help_text.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace abstractllm::cli {
namespace {

// What a row says on its left and on its right.
using Row = std::pair<std::string, std::string>;

constexpr std::size_t kWidestColumns = 100;

// `text` broken between words, each line after the first indented; a newline
// in `text` starts a line. `used` columns of the first line are taken.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t used,
                    std::size_t columns) {
  std::string result;
  std::size_t column = used;
  bool first_word = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    const bool breaks = end < text.size() && text[end] == '\n';
    if (!first_word && column + 1 + word.size() > columns) {
      result += '\n' + std::string(indent, ' ');
      column = indent;
      first_word = true;
    }
    if (!first_word) result += ' ';
    column += word.size() + (first_word ? 0 : 1);
    result += word;
    first_word = false;
    text.remove_prefix(std::min(end + 1, text.size()));
    if (breaks) {
      result += '\n' + std::string(indent, ' ');
      column = indent;
      first_word = true;
    }
  }
  return result;
}

std::string section(std::string_view title, const std::vector<Row>& rows,
                    std::size_t columns) {
  if (rows.empty()) return {};
  const std::size_t most = columns < 60 ? 6 : 28;
  std::size_t width = 0;
  for (const Row& row : rows) {
    if (row.first.size() <= most) width = std::max(width, row.first.size());
  }
  const std::size_t indent = columns < 60 ? 6 : width + 4;
  std::string text = fmt::format("\n{}:\n", title);
  for (const auto& [left, right] : rows) {
    std::string line = "  " + left;
    if (line.size() + 2 > indent) {
      line += '\n' + std::string(indent, ' ');
    } else {
      line += std::string(indent - line.size(), ' ');
    }
    text += line + wrapped(right, indent, indent, columns) + '\n';
  }
  return text;
}

std::string option_names(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) {
    names += (names.empty() ? "-" : ", -") + name;
  }
  for (const std::string& name : option.get_lnames()) {
    names += (names.empty() ? "--" : ", --") + name;
  }
  if (option.get_items_expected_max() > 0)
    names += ' ' + option.get_type_name();
  return names;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options();
}

std::string usage(const CLI::App& app) {
  std::string line = "usage: " + command_path(app);
  bool has_options = false;
  for (const CLI::Option* option : options_of(app)) {
    has_options = has_options || !option->get_positional();
  }
  if (has_options) line += " [OPTIONS]";
  for (const CLI::Option* option : options_of(app)) {
    if (!option->get_positional()) continue;
    line += fmt::format(fmt::runtime(option->get_required() ? " {}" : " [{}]"),
                        option->get_type_name());
  }
  if (!app.get_subcommands({}).empty()) line += " COMMAND ...";
  return line;
}

}  // namespace

std::string command_path(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name()
                           : command_path(*parent) + ' ' + app.get_name();
}

std::string help_text(const CLI::App& app, int columns) {
  const auto width =
      static_cast<std::size_t>(std::clamp<int>(columns, 40, kWidestColumns));
  std::string text = wrapped(usage(app), 8, 0, width) + "\n\n" +
                     wrapped(app.get_description(), 0, 0, width) + '\n';
  std::vector<Row> rows;
  for (const CLI::Option* option : options_of(app)) {
    if (option->get_positional()) {
      rows.emplace_back(option->get_type_name(), option->get_description());
    }
  }
  text += section("Arguments", rows, width);
  for (const std::string& group : app.get_groups()) {
    rows.clear();
    for (const CLI::Option* option : options_of(app)) {
      if (!option->get_positional() && option->get_group() == group) {
        rows.emplace_back(option_names(*option), option->get_description());
      }
    }
    text += section(group, rows, width);
  }
  rows.clear();
  for (const CLI::App* command : app.get_subcommands({})) {
    rows.emplace_back(command->get_name(), command->get_description());
  }
  text += section("Commands", rows, width);
  if (!app.get_footer().empty()) {
    text += '\n' + wrapped(app.get_footer(), 0, 0, width) + '\n';
  }
  return text;
}

}  // namespace abstractllm::cli
