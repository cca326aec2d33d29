// Statements, each within one transaction.
// SPDX-License-Identifier: Apache-2.0
#include "session/session_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "session/session_json.h"
#include "session/session_schema.h"
#include "session/session_search.h"

namespace abstractllm {
namespace {

using session::Statement;
using session::Transaction;

// Words that a search can find: what was said, called and returned.
std::string searchable(const Message& message) {
  std::string text = message.text();
  for (const Part& part : message.parts) {
    if (const auto* call = std::get_if<ToolCall>(&part)) {
      text += ' ' + call->name + ' ' + call->arguments;
    } else if (const auto* result = std::get_if<ToolResult>(&part)) {
      text += ' ' + result->output;
    }
  }
  return base::replace_invalid_utf8(text);
}

}  // namespace

SessionManager::Store::Store(const std::filesystem::path& file)
    : database_(file) {
  session::migrate(database_);
}

std::int64_t SessionManager::Store::save(const SessionState& state,
                                         std::size_t first_changed,
                                         std::optional<std::int64_t> known) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(database_);
  const std::int64_t stored = revision_of(state.id);
  if (known && *known != stored) {
    throw InvalidRequestError(
        fmt::format("[sessions] the session '{}' was changed or removed by "
                    "another program",
                    state.name.empty() ? state.id : state.name),
        "Open it again.");
  }
  write_header(state, stored + 1);
  // What a failed save left out comes with the next one.
  write_messages(state, std::min(first_changed, count_of(state.id)));
  transaction.commit();
  return stored + 1;
}

bool SessionManager::Store::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(database_);
  Statement(database_, "DELETE FROM messages WHERE session = ?").bind(id).run();
  Statement(database_, "DELETE FROM sessions WHERE id = ?").bind(id).run();
  const bool removed = database_.changes() > 0;
  transaction.commit();
  return removed;
}

std::optional<std::string> SessionManager::Store::find(
    std::string_view id_or_name) {
  const std::lock_guard lock(mutex_);
  Statement statement(database_,
                      "SELECT id FROM sessions WHERE name = ?1 OR id = ?1 "
                      "ORDER BY name = ?1 DESC");
  statement.bind(id_or_name);
  if (!statement.step()) return std::nullopt;
  return statement.text(0);
}

std::optional<std::pair<SessionState, std::int64_t>>
SessionManager::Store::load(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const Transaction transaction(database_, Transaction::Mode::kRead);
  Statement header(database_,
                   "SELECT header, revision FROM sessions WHERE id = ?");
  header.bind(id);
  if (!header.step()) return std::nullopt;
  const std::string where = fmt::format("the stored session '{}'", id);
  SessionState state = session::header_from_text(header.text(0), where);
  Statement messages(
      database_,
      "SELECT body FROM messages WHERE session = ? ORDER BY position");
  messages.bind(id);
  session::MessagePlace place{where};
  while (messages.step()) {
    ++place.message;
    state.messages.push_back(session::entry_from_text(messages.text(0), place));
  }
  return std::pair(std::move(state), header.number(1));
}

std::vector<SessionSummary> SessionManager::Store::list() {
  const std::lock_guard lock(mutex_);
  Statement rows(database_,
                 "SELECT id, coalesce(name, ''), provider, model, "
                 "(SELECT count(*) FROM messages WHERE session = id), "
                 "created_at, updated_at FROM sessions "
                 "ORDER BY updated_at DESC, id");
  std::vector<SessionSummary> list;
  while (rows.step()) {
    list.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3),
                    static_cast<std::size_t>(rows.number(4)), rows.number(5),
                    rows.number(6)});
  }
  return list;
}

std::vector<SessionHit> SessionManager::Store::search(std::string_view query,
                                                      int limit) {
  const session::SearchTerms terms = session::search_terms(query);
  const std::lock_guard lock(mutex_);
  return session::search_messages(database_, terms, limit);
}

std::int64_t SessionManager::Store::revision_of(const std::string& id) {
  Statement statement(database_, "SELECT revision FROM sessions WHERE id = ?");
  statement.bind(id);
  return statement.step() ? statement.number(0) : 0;
}

std::size_t SessionManager::Store::count_of(const std::string& id) {
  Statement statement(database_,
                      "SELECT count(*) FROM messages WHERE session = ?");
  statement.bind(id);
  statement.step();
  return static_cast<std::size_t>(statement.number(0));
}

void SessionManager::Store::write_header(const SessionState& state,
                                         std::int64_t revision) {
  if (!state.name.empty()) {
    Statement other(database_,
                    "SELECT 1 FROM sessions WHERE name = ? AND id != ?");
    other.bind(state.name).bind(state.id);
    if (other.step()) {
      throw InvalidRequestError(
          fmt::format("[sessions] the name '{}' is taken", state.name),
          "Choose another, or remove that session.");
    }
  }
  Statement row(database_,
                "INSERT INTO sessions (name, id, provider, model, "
                "created_at, updated_at, revision, header) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                "ON CONFLICT (id) DO UPDATE SET name = ?1, provider = ?3, "
                "model = ?4, created_at = ?5, updated_at = ?6, "
                "revision = ?7, header = ?8");
  state.name.empty() ? row.bind_null() : row.bind(state.name);
  row.bind(state.id)
      .bind(state.provider)
      .bind(state.model)
      .bind(state.created_at)
      .bind(state.updated_at)
      .bind(revision)
      .bind(session::header_to_text(state))
      .run();
}

void SessionManager::Store::write_messages(const SessionState& state,
                                           std::size_t first) {
  Statement(database_,
            "DELETE FROM messages WHERE session = ? AND position >= ?")
      .bind(state.id)
      .bind(static_cast<std::int64_t>(first))
      .run();
  for (std::size_t i = first; i < state.messages.size(); ++i) {
    const SessionMessage& entry = state.messages[i];
    Statement(database_,
              "INSERT INTO messages (session, position, role, text, body) "
              "VALUES (?, ?, ?, ?, ?)")
        .bind(state.id)
        .bind(static_cast<std::int64_t>(i))
        .bind(to_string(entry.message.role))
        .bind(searchable(entry.message))
        .bind(session::entry_to_text(entry))
        .run();
  }
}

}  // namespace abstractllm
