// Stored sessions: found, opened, and saved when they change.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "abstractllm/session.h"
#include "base/nearest_names.h"
#include "session/call_ids.h"
#include "session/session_store.h"
#include "session/turn_runner.h"

namespace abstractllm {

// Stores what changes in a session that is stored as `revision`, 0: not yet.
SessionObserver SessionManager::saving(std::shared_ptr<Store> store,
                                       std::int64_t revision,
                                       SessionObserver also) {
  return [store = std::move(store), also = std::move(also),
          known = std::make_shared<std::int64_t>(revision)](
             const SessionState& state, std::size_t first_changed) {
    *known = store->save(state, first_changed, *known);
    if (also) also(state, first_changed);
  };
}

namespace {

[[noreturn]] void throw_unknown(std::string_view wanted,
                                const std::vector<SessionSummary>& known) {
  std::vector<std::string_view> names;
  for (const SessionSummary& each : known) {
    if (!each.name.empty()) names.push_back(each.name);
  }
  const std::string_view nearest = base::nearest_name(wanted, names);
  throw InvalidRequestError(
      fmt::format("[sessions] there is no session '{}'", wanted),
      nearest.empty() ? "'allm sessions list' shows what there is."
                      : fmt::format("Did you mean '{}'?", nearest));
}

}  // namespace

SessionManager::SessionManager(const std::filesystem::path& file)
    : store_(std::make_shared<Store>(file)) {}

SessionManager::~SessionManager() = default;

Session SessionManager::create(std::shared_ptr<AbstractLLMInterface> llm,
                               std::string name, SessionOptions options,
                               SessionState state) {
  if (!name.empty() && store_->find(name)) {
    throw InvalidRequestError(
        fmt::format("[sessions] the name '{}' is taken", name),
        "Open it, or choose another.");
  }
  state.name = std::move(name);
  if (!state.id.empty() && store_->find(state.id)) state.id.clear();
  options.observer = saving(store_, 0, std::move(options.observer));
  return Session(std::move(llm), std::move(options), std::move(state));
}

Session SessionManager::open(std::string_view id_or_name,
                             std::shared_ptr<AbstractLLMInterface> llm,
                             SessionOptions options) {
  const auto id = store_->find(id_or_name);
  auto loaded = id ? store_->load(*id) : std::nullopt;
  if (!loaded) throw_unknown(id_or_name, list());
  auto& [state, revision] = *loaded;
  options.observer = saving(store_, revision, std::move(options.observer));
  return Session(std::move(llm), std::move(options), std::move(state));
}

bool SessionManager::contains(std::string_view id_or_name) const {
  return store_->find(id_or_name).has_value();
}

SessionState SessionManager::load(std::string_view id_or_name) const {
  const auto id = store_->find(id_or_name);
  auto loaded = id ? store_->load(*id) : std::nullopt;
  if (!loaded) throw_unknown(id_or_name, list());
  return std::move(loaded->first);
}

void SessionManager::save(const SessionState& state) {
  SessionState stored = state;
  if (stored.id.empty()) stored.id = session::random_hex(32);
  if (stored.created_at == 0) stored.created_at = session::now_ms();
  if (stored.updated_at == 0) stored.updated_at = stored.created_at;
  store_->save(stored, 0, std::nullopt);
}

bool SessionManager::remove(std::string_view id_or_name) {
  const auto id = store_->find(id_or_name);
  return id && store_->remove(*id);
}

std::vector<SessionSummary> SessionManager::list() const {
  return store_->list();
}

std::vector<SessionHit> SessionManager::search(std::string_view query,
                                               int limit) const {
  return store_->search(query, limit);
}

}  // namespace abstractllm
