// One walk over the command line for each shell.
// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_script.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <vector>

namespace abstractllm::cli {
namespace {

// What a shell has to know of an option or argument.
struct Word {
  std::vector<std::string> longs;   // without dashes
  std::vector<std::string> shorts;  // without dash
  std::string value;                // empty: takes none
  std::string help;
  bool repeatable = false;
};

struct Command {
  std::string name;
  std::string help;
  std::vector<Word> options;
  std::vector<Word> arguments;
};

Word word_of(const CLI::Option& option) {
  Word word;
  word.longs = option.get_lnames();
  word.shorts = option.get_snames();
  if (option.get_items_expected_max() > 0) word.value = option.get_type_name();
  word.help = option.get_description();
  word.repeatable =
      option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll ||
      option.get_items_expected_max() > 1;
  return word;
}

Command command_of(const CLI::App& app) {
  Command command{app.get_name(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? command.arguments : command.options)
        .push_back(word_of(*option));
  }
  return command;
}

std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> commands;
  for (const CLI::App* sub : app.get_subcommands({})) {
    commands.push_back(command_of(*sub));
  }
  return commands;
}

std::string replaced(std::string text, std::string_view from,
                     std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// "fast|reference" as "fast reference"; empty for any other value.
std::string choices(const std::string& value) {
  return value.find('|') == std::string::npos ? std::string()
                                              : replaced(value, "|", " ");
}

std::string dashed(const Word& word) {
  std::string names;
  for (const auto& name : word.longs) names += "--" + name + ' ';
  for (const auto& name : word.shorts) names += '-' + name + ' ';
  if (!names.empty()) names.pop_back();
  return names;
}

std::string dashed(const std::vector<Word>& words) {
  std::string names;
  for (const Word& word : words) names += dashed(word) + ' ';
  if (!names.empty()) names.pop_back();
  return names;
}

std::string names_of(const std::vector<Command>& commands) {
  std::string names;
  for (const Command& command : commands) names += command.name + ' ';
  if (!names.empty()) names.pop_back();
  return names;
}

// The reply for a value: its choices, files, models, or nothing to offer.
std::string bash_reply(const std::string& value) {
  if (!choices(value).empty()) {
    return fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$current\"))",
                       choices(value));
  }
  if (value == "FILE") return "COMPREPLY=($(compgen -f -- \"$current\"))";
  if (value == "MODEL") {
    return "COMPREPLY=($(compgen -W \"$(allm list --ids 2>/dev/null)\" -f -- "
           "\"$current\"))";
  }
  return "COMPREPLY=()";
}

std::string quoted(std::string text) {
  return "'" + replaced(std::move(text), "'", "'\\''") + "'";
}

// A description inside zsh's own little language.
std::string zsh_text(std::string text) {
  for (const std::string_view special : {"\\", "[", "]", ":"}) {
    text = replaced(std::move(text), special, "\\" + std::string(special));
  }
  return text;
}

std::string zsh_action(const std::string& value) {
  if (!choices(value).empty()) return "(" + choices(value) + ")";
  if (value == "FILE") return "_files";
  if (value == "MODEL") return "_allm_models";
  return " ";
}

std::string zsh_arguments(const Command& command) {
  std::string text = "_arguments -s";
  for (const Word& option : command.options) {
    for (const auto& name : option.longs) {
      std::string spec = (option.repeatable ? "*--" : "--") + name;
      if (!option.value.empty()) spec += '=';
      spec += "[" + zsh_text(option.help) + "]";
      if (!option.value.empty()) {
        spec += ":" + zsh_text(option.value) + ":" + zsh_action(option.value);
      }
      text += " \\\n        " + quoted(spec);
    }
  }
  for (const Word& argument : command.arguments) {
    text += " \\\n        " + quoted(":" + zsh_text(argument.value) + ":" +
                                     zsh_action(argument.value));
  }
  return text;
}

std::string fish_values(const std::string& value) {
  if (value.empty()) return {};
  if (!choices(value).empty()) return " -x -a " + quoted(choices(value));
  if (value == "FILE") return " -r -F";
  return " -x";
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  const std::vector<Command> commands = commands_of(app);
  const Command root = command_of(app);
  std::string values;
  std::string options;
  std::string arguments;
  for (const Command& command : commands) {
    for (const Word& option : command.options) {
      if (option.value.empty()) continue;
      for (const auto& name : option.longs) {
        values += fmt::format("    '{} --{}') {}; return ;;\n", command.name,
                              name, bash_reply(option.value));
      }
    }
    options += fmt::format("      {}) words='{}' ;;\n", command.name,
                           dashed(command.options));
    if (!command.arguments.empty()) {
      arguments += fmt::format("    {}) {} ;;\n", command.name,
                               bash_reply(command.arguments[0].value));
    }
  }
  return fmt::format(R"sh(# bash completion for allm. Load it with
#   source <(allm completion bash)
_allm() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{} {}" -- "$current"))
    return
  fi
  case "$command ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{}  esac
  if [[ $current == -* ]]; then
    case $command in
{}    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case $command in
{}  esac
}}
complete -F _allm allm
)sh",
                     names_of(commands), dashed(root.options), values, options,
                     arguments);
}

std::string zsh_completion(const CLI::App& app) {
  const std::vector<Command> commands = commands_of(app);
  std::string list;
  std::string cases;
  for (const Command& command : commands) {
    list += "    " + quoted(command.name + ":" + zsh_text(command.help)) + "\n";
    cases += fmt::format("    {})\n      {}\n      ;;\n", command.name,
                         zsh_arguments(command));
  }
  return fmt::format(R"sh(#compdef allm
# zsh completion for allm. Keep it as _allm in a folder of $fpath.
_allm_models() {{
  compadd -- ${{(f)"$(allm list --ids 2>/dev/null)"}}
  _files
}}
_allm() {{
  local -a commands
  commands=(
{}  )
  if ((CURRENT == 2)); then
    _describe -t commands 'allm command' commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
{}  esac
}}
if [[ $funcstack[1] == _allm ]]; then _allm "$@"; else compdef _allm allm; fi
)sh",
                     list, cases);
}

std::string fish_completion(const CLI::App& app) {
  const std::vector<Command> commands = commands_of(app);
  std::string text =
      "# fish completion for allm. Load it with\n"
      "#   allm completion fish | source\n"
      "complete -c allm -f\n";
  for (const Word& option : command_of(app).options) {
    for (const auto& name : option.longs) {
      text += fmt::format(
          "complete -c allm -n __fish_use_subcommand -l {} -d "
          "{}\n",
          name, quoted(option.help));
    }
  }
  for (const Command& command : commands) {
    text +=
        fmt::format("complete -c allm -n __fish_use_subcommand -a {} -d {}\n",
                    command.name, quoted(command.help));
    const std::string seen = fmt::format(
        "complete -c allm -n '__fish_seen_subcommand_from {}'", command.name);
    for (const Word& option : command.options) {
      for (const auto& name : option.longs) {
        text += fmt::format("{} -l {}{} -d {}\n", seen, name,
                            fish_values(option.value), quoted(option.help));
      }
    }
    if (command.arguments.empty()) continue;
    const std::string& value = command.arguments[0].value;
    if (value == "MODEL") {
      text += seen + " -F -a '(allm list --ids 2>/dev/null)'\n";
    } else if (!choices(value).empty()) {
      text += seen + " -a " + quoted(choices(value)) + "\n";
    }
  }
  return text;
}

}  // namespace abstractllm::cli
