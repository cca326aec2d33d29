// The calls of the C interface, checked.
// SPDX-License-Identifier: Apache-2.0
#include "session/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "abstractllm/error.h"

namespace abstractllm::session {
namespace {

// How long another process may hold the write lock.
constexpr int kBusyMilliseconds = 5000;

// SQLite would make the file readable for everyone.
void make_private_file(const std::filesystem::path& file) {
  std::error_code error;
  if (file.has_parent_path()) {
    std::filesystem::create_directories(file.parent_path(), error);
  }
  const int descriptor =
      ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    throw FileProcessingError(
        fmt::format("[sessions] cannot open '{}': {}", file.string(),
                    std::generic_category().message(errno)),
        "Check the path, and that you may write there.");
  }
  ::close(descriptor);
}

}  // namespace

Database::Database(const std::filesystem::path& file) : file_(file.string()) {
  make_private_file(file);
  if (sqlite3_open_v2(file_.c_str(), &handle_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX,
                      nullptr) != SQLITE_OK) {
    const std::string message = sqlite3_errmsg(handle_);
    sqlite3_close(handle_);
    throw FileProcessingError(
        fmt::format("[sessions] cannot open '{}': {}", file_, message));
  }
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
}

Database::~Database() { sqlite3_close(handle_); }

void Database::fail(std::string_view what) const {
  throw FileProcessingError(fmt::format("[sessions] {} in '{}': {}", what,
                                        file_, sqlite3_errmsg(handle_)),
                            sqlite3_errcode(handle_) == SQLITE_NOTADB
                                ? "Name another file: ABSTRACTLLM_SESSIONS."
                                : "What was stored before is as it was.");
}

void Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail("a command failed");
  }
}

int Database::changes() const { return sqlite3_changes(handle_); }

Statement::Statement(Database& database, std::string_view sql)
    : database_(database) {
  if (sqlite3_prepare_v2(database.handle_, sql.data(),
                         static_cast<int>(sql.size()), &statement_,
                         nullptr) != SQLITE_OK) {
    database.fail("a statement is not understood");
  }
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(std::string_view text) {
  // An empty view may have no address, which would bind NULL.
  const char* data = text.empty() ? "" : text.data();
  if (sqlite3_bind_text64(statement_, next_parameter_++, data, text.size(),
                          SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK) {
    database_.fail("a text cannot be bound");
  }
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  if (sqlite3_bind_int64(statement_, next_parameter_++, number) != SQLITE_OK) {
    database_.fail("a number cannot be bound");
  }
  return *this;
}

Statement& Statement::bind_null() {
  sqlite3_bind_null(statement_, next_parameter_++);
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  database_.fail("a statement failed");
}

void Statement::run() {
  while (step()) {
  }
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

Transaction::Transaction(Database& database, Mode mode) : database_(database) {
  database_.run(mode == Mode::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {
    // SQLite has rolled back by itself after a full disk or an I/O error.
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace abstractllm::session
