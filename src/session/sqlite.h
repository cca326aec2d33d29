// SQLite with errors as exceptions and statements that end themselves.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace abstractllm::session {

class Database;

/// One run of one statement: bind, then step through its rows. One thread at a
/// time; the database outlives it.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds the next parameter.
  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);
  Statement& bind_null();

  /// False when there is no further row. Throws FileProcessingError.
  bool step();
  /// Runs it to its end.
  void run();

  /// Of the row at hand.
  std::string text(int column) const;
  std::int64_t number(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int next_parameter_ = 1;
};

/// An open file. One thread at a time.
class Database {
 public:
  /// Opens the file, or makes it with mode 0600 in a folder that is made too.
  /// Throws FileProcessingError.
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const char* sql);
  /// Rows that the last statement changed.
  int changes() const;

  [[noreturn]] void fail(std::string_view what) const;

 private:
  friend class Statement;
  std::string file_;
  sqlite3* handle_ = nullptr;
};

/// What was not committed at its end is undone. Throws FileProcessingError,
/// but not from the destructor.
class Transaction {
 public:
  enum class Mode {
    kRead,   ///< one state of the file throughout
    kWrite,  ///< takes the write lock
  };
  explicit Transaction(Database& database, Mode mode = Mode::kWrite);
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace abstractllm::session
