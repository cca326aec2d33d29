// `allm sessions`: what is stored of conversations.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "abstractllm/session.h"
#include "cli/atomic_file.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct SessionsOptions {
  std::string action;
  std::vector<std::string> words;
  std::string name;
  std::string format = "json";
  std::string output;
  bool json = false;
};

std::string local_time(std::int64_t milliseconds) {
  const std::time_t seconds = milliseconds / 1000;
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return {};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min);
}

const std::string& label(const SessionSummary& session) {
  return session.name.empty() ? session.id : session.name;
}

std::string as_json(const std::vector<SessionSummary>& sessions) {
  Json list = Json::array();
  for (const SessionSummary& each : sessions) {
    list.push_back({{"id", each.id},
                    {"name", each.name},
                    {"provider", each.provider},
                    {"model", each.model},
                    {"messages", each.messages},
                    {"created_at_ms", each.created_at},
                    {"updated_at_ms", each.updated_at}});
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_table(const std::vector<SessionSummary>& sessions) {
  std::size_t width = 4;
  for (const auto& each : sessions) {
    width = std::max(width, one_line(label(each)).size());
  }
  std::string table = fmt::format("{:{}}  {:>8}  {:16}  {}\n", "NAME", width,
                                  "MESSAGES", "UPDATED", "MODEL");
  for (const auto& each : sessions) {
    table += fmt::format("{:{}}  {:>8}  {:16}  {}\n", one_line(label(each)),
                         width, each.messages, local_time(each.updated_at),
                         one_line(each.model));
  }
  return table;
}

// The one session that an action is about.
std::string subject(const SessionsOptions& options) {
  if (options.words.size() == 1) return options.words.front();
  throw UsageError(
      fmt::format("'allm sessions {}' needs one argument", options.action),
      "'allm sessions --help' says which.");
}

int list(const SessionsOptions& options, CliEnvironment& env,
         SessionManager& manager) {
  if (!options.words.empty()) {
    throw UsageError("'allm sessions list' takes no argument");
  }
  const auto sessions = manager.list();
  if (options.json) {
    env.out.write(as_json(sessions));
  } else if (sessions.empty()) {
    report_note(env.err,
                "no sessions are stored; 'allm chat MODEL --session NAME' "
                "begins one");
  } else {
    env.out.write(as_table(sessions));
  }
  return 0;
}

int show(const SessionsOptions& options, CliEnvironment& env,
         SessionManager& manager) {
  const SessionState state = manager.load(subject(options));
  const std::string text = session_to_markdown(state);
  env.out.write(options.json          ? session_to_json(state)
                : env.out_is_terminal ? terminal_text(text)
                                      : text);
  return 0;
}

int search(const SessionsOptions& options, CliEnvironment& env,
           SessionManager& manager) {
  const auto hits =
      manager.search(fmt::format("{}", fmt::join(options.words, " ")));
  if (options.json) {
    Json list = Json::array();
    for (const SessionHit& hit : hits) {
      list.push_back({{"session", hit.session_id},
                      {"name", hit.session_name},
                      {"message", hit.message},
                      {"role", to_string(hit.role)},
                      {"excerpt", hit.excerpt}});
    }
    env.out.write(list.dump(2, ' ', false, Json::error_handler_t::replace) +
                  "\n");
    return 0;
  }
  for (const SessionHit& hit : hits) {
    env.out.write(fmt::format(
        "{} [{}] {}: {}\n",
        one_line(hit.session_name.empty() ? hit.session_id : hit.session_name),
        hit.message + 1, to_string(hit.role), one_line(hit.excerpt)));
  }
  if (hits.empty()) report_note(env.err, "nothing is found");
  return 0;
}

int export_session(const SessionsOptions& options, CliEnvironment& env,
                   SessionManager& manager) {
  const SessionState state = manager.load(subject(options));
  const std::string text = options.format == "markdown"
                               ? session_to_markdown(state)
                               : session_to_json(state);
  if (options.output.empty()) {
    env.out.write(text);
  } else {
    write_file_atomically(options.output, text);
  }
  return 0;
}

int import_session(const SessionsOptions& options, CliEnvironment& env,
                   SessionManager& manager) {
  const std::string file = subject(options);
  SessionState state = session_from_json(read_text_file(file, &env.in), file);
  if (!options.name.empty()) state.name = options.name;
  // An import never takes the place of what is stored.
  if (!state.id.empty() && manager.contains(state.id)) state.id.clear();
  const std::size_t messages = state.messages.size();
  manager.save(state);
  report_note(env.err, fmt::format("imported {} messages", messages));
  return 0;
}

int remove(const SessionsOptions& options, CliEnvironment&,
           SessionManager& manager) {
  const std::string name = subject(options);
  if (!manager.remove(name)) manager.load(name);  // says which there are
  return 0;
}

struct Action {
  std::string_view name;
  int (*perform)(const SessionsOptions&, CliEnvironment&, SessionManager&);
};

constexpr std::array kActions{
    Action{"list", &list},
    Action{"show", &show},
    Action{"search", &search},
    Action{"export", &export_session},
    Action{"import", &import_session},
    Action{"rm", &remove},
};

int sessions(const SessionsOptions& options, CliEnvironment& env) {
  const auto found = std::find_if(
      kActions.begin(), kActions.end(),
      [&](const Action& each) { return each.name == options.action; });
  const bool reads_only = options.action != "import";
  if (reads_only && !std::filesystem::exists(env.sessions_file)) {
    // Looking must not make a file.
    if (options.action == "list" || options.action == "search") {
      if (options.json) env.out.write("[]\n");
      report_note(env.err, "no sessions are stored");
      return 0;
    }
    throw InvalidRequestError("[sessions] no sessions are stored",
                              "'allm chat MODEL --session NAME' begins one.");
  }
  SessionManager manager(env.sessions_file);
  return found->perform(options, env, manager);
}

}  // namespace

void add_sessions_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("sessions", "List, show, find and move stored chats");
  const auto options = std::make_shared<SessionsOptions>();
  std::vector<std::string> names;
  for (const Action& action : kActions) names.emplace_back(action.name);
  command
      ->add_option("ACTION", options->action,
                   "list, show, search, export, import or rm; see below")
      ->required()
      ->check(CLI::IsMember(names).description(""))
      ->type_name("ACTION");
  command
      ->add_option("WORDS", options->words,
                   "A session's name or id; for search the words to find, for "
                   "import the file ('-' is standard input)")
      ->type_name("WORDS");
  command
      ->add_option("--name", options->name, "What to call an imported session")
      ->type_name("NAME");
  command->add_option("--format", options->format, "Of an export (json)")
      ->check(CLI::IsMember({"json", "markdown"}).description(""))
      ->type_name("json|markdown");
  command
      ->add_option("--output", options->output,
                   "Write an export to FILE instead of standard output")
      ->type_name("FILE");
  command->add_flag("--json", options->json,
                    "Print JSON instead of a table or a text");
  command->footer(
      "list shows what is stored, latest first; show prints one session to "
      "read; search finds messages that have all the words; export and import "
      "move a session as AbstractLLM's JSON; rm removes one. Sessions are "
      "stored by 'allm chat MODEL --session NAME', and nowhere else.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return sessions(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
