// docs/formats/sessions.md describes what is made here.
// SPDX-License-Identifier: Apache-2.0
#include "session/session_schema.h"

#include <fmt/format.h>

#include <array>

#include "abstractllm/error.h"

namespace abstractllm::session {
namespace {

// Element i leads from version i to i + 1. What is here is never changed: new
// versions are added at the end.
constexpr std::array kMigrations{
    R"(
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  name TEXT UNIQUE,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  header TEXT NOT NULL
);
CREATE INDEX sessions_by_time ON sessions (updated_at);
CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  role TEXT NOT NULL,
  text TEXT NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (session, position)
);
CREATE VIRTUAL TABLE words USING fts5 (
  text, content = 'messages', content_rowid = 'number',
  tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER messages_added AFTER INSERT ON messages BEGIN
  INSERT INTO words (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
  INSERT INTO words (words, rowid, text)
  VALUES ('delete', old.number, old.text);
END;
)",
};

int version_of(Database& database) {
  Statement statement(database, "PRAGMA user_version");
  return statement.step() ? static_cast<int>(statement.number(0)) : 0;
}

}  // namespace

void migrate(Database& database) {
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA foreign_keys = ON");
  const int newest = static_cast<int>(kMigrations.size());
  if (version_of(database) == newest) return;
  Transaction transaction(database);
  // Another process may have been first.
  const int version = version_of(database);
  if (version > newest) {
    throw FileProcessingError(
        fmt::format("[sessions] the file has version {}, at most {} is known",
                    version, newest),
        "A newer allm made it: use that one.");
  }
  for (int i = version; i < newest; ++i) {
    database.run(kMigrations[static_cast<std::size_t>(i)]);
  }
  database.run(fmt::format("PRAGMA user_version = {}", newest).c_str());
  transaction.commit();
}

}  // namespace abstractllm::session
