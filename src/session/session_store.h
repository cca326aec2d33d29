// Sessions in SQLite: one row a session, one a message.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abstractllm/session.h"
#include "session/sqlite.h"

namespace abstractllm {

/// The file behind a SessionManager, shared with the sessions that store
/// themselves there. Thread-safe. Throws what the functions of that class do.
class SessionManager::Store {
 public:
  explicit Store(const std::filesystem::path& file);

  /// Of the revision that the caller knows; absent: whatever there is. Returns
  /// the new one.
  std::int64_t save(const SessionState& state, std::size_t first_changed,
                    std::optional<std::int64_t> known);
  bool remove(const std::string& id);
  /// The id; a name is meant before an id: ids are not chosen by people.
  std::optional<std::string> find(std::string_view id_or_name);
  /// With its revision; nothing if there is none, or none any more. Throws
  /// FileProcessingError for a file that cannot be read, and
  /// InvalidRequestError for a session that is not stored as session_json.h
  /// says.
  std::optional<std::pair<SessionState, std::int64_t>> load(
      const std::string& id);
  std::vector<SessionSummary> list();
  std::vector<SessionHit> search(std::string_view query, int limit);

 private:
  // 0: there is no such session.
  std::int64_t revision_of(const std::string& id);
  std::size_t count_of(const std::string& id);
  void write_header(const SessionState& state, std::int64_t revision);
  void write_messages(const SessionState& state, std::size_t first);

  std::mutex mutex_;
  session::Database database_;  // mutex_
};

}  // namespace abstractllm
