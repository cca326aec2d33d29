// The conversation as a value, and what may be done to it between turns.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"
#include "session/call_ids.h"
#include "session/history_window.h"
#include "session/provider_view.h"
#include "session/summary.h"
#include "session/turn_runner.h"

namespace abstractllm {
namespace {

constexpr int kIdDigits = 32;

std::shared_ptr<AbstractLLMInterface> required(
    std::shared_ptr<AbstractLLMInterface> llm) {
  if (llm) return llm;
  throw InvalidRequestError("[session] it is given no model",
                            "Make one with create_llm.");
}

bool is_user(const SessionMessage& entry) {
  return entry.message.role == Role::kUser;
}

// What a failed turn must put back.
class Rollback {
 public:
  explicit Rollback(SessionState& state)
      : state_(state),
        messages_(state.messages.size()),
        first_sent_(state.first_sent),
        summary_(state.summary),
        usage_(state.usage) {}
  ~Rollback() {
    if (kept_) return;
    state_.messages.resize(messages_);
    state_.first_sent = first_sent_;
    state_.summary = std::move(summary_);
    state_.usage = usage_;
  }
  void keep() { kept_ = true; }

 private:
  SessionState& state_;
  std::size_t messages_;
  std::size_t first_sent_;
  std::string summary_;
  Usage usage_;
  bool kept_ = false;
};

}  // namespace

struct Session::Impl {
  std::shared_ptr<AbstractLLMInterface> llm;
  SessionOptions options;
  SessionState state;

  void changed(std::size_t first_changed) {
    state.updated_at = session::now_ms();
    if (options.observer) options.observer(state, first_changed);
  }

  // Forgets the messages from `index` on.
  void cut(std::size_t index) {
    state.messages.resize(index);
    if (index > state.first_sent) return;
    // The summary, if there is one, told of messages that are gone.
    state.first_sent = 0;
    state.summary.clear();
  }
};

Session::Session(std::shared_ptr<AbstractLLMInterface> llm,
                 SessionOptions options, SessionState state)
    : impl_(std::make_unique<Impl>(Impl{
          required(std::move(llm)), std::move(options), std::move(state)})) {
  SessionState& own = impl_->state;
  validate(own.parameters);
  if (own.first_sent > own.messages.size()) own.first_sent = 0;
  if (own.id.empty()) own.id = session::random_hex(kIdDigits);
  if (own.created_at == 0) own.created_at = session::now_ms();
  if (own.updated_at == 0) own.updated_at = own.created_at;
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Turn Session::send(std::string text, const TurnOptions& options) {
  return send(Message::user(std::move(text)), options);
}

Turn Session::send(Message message, const TurnOptions& options) {
  SessionState& state = impl_->state;
  const std::size_t before = state.messages.size();
  Turn turn;
  {
    Rollback rollback(state);
    state.messages.push_back(
        {.message = std::move(message), .created_at = session::now_ms()});
    turn =
        session::TurnRunner(*impl_->llm, impl_->options, options, state).run();
    if (!turn.kept) return turn;
    rollback.keep();
  }
  state.provider = impl_->llm->provider();
  state.model = impl_->llm->model();
  impl_->changed(before);
  return turn;
}

const SessionState& Session::state() const { return impl_->state; }

std::vector<Message> Session::messages() const {
  std::vector<Message> messages;
  for (const auto& entry : impl_->state.messages) {
    messages.push_back(entry.message);
  }
  return messages;
}

AbstractLLMInterface& Session::llm() const { return *impl_->llm; }

SessionOptions& Session::options() { return impl_->options; }

void Session::set_name(std::string name) {
  impl_->state.name = std::move(name);
  impl_->changed(impl_->state.messages.size());
}

void Session::set_system_prompt(std::optional<std::string> text) {
  impl_->state.system_prompt = std::move(text);
  impl_->changed(impl_->state.messages.size());
}

void Session::set_parameters(GenerationParameters parameters) {
  validate(parameters);
  impl_->state.parameters = std::move(parameters);
  impl_->changed(impl_->state.messages.size());
}

void Session::set_metadata(std::string key, std::string value) {
  impl_->state.metadata[std::move(key)] = std::move(value);
  impl_->changed(impl_->state.messages.size());
}

void Session::switch_provider(std::shared_ptr<AbstractLLMInterface> llm) {
  llm = required(std::move(llm));
  // Throws what the model cannot read before anything is changed.
  session::view_for(impl_->state.messages, impl_->state.first_sent,
                    {llm->provider(), llm->model(), llm->capabilities()});
  impl_->llm = std::move(llm);
}

void Session::restore(SessionState state) {
  validate(state.parameters);
  SessionState& own = impl_->state;
  state.id = own.id;
  state.name = own.name;
  state.created_at = own.created_at;
  if (state.first_sent > state.messages.size()) state.first_sent = 0;
  own = std::move(state);
  impl_->changed(0);
}

void Session::clear() {
  impl_->cut(0);
  impl_->changed(0);
}

bool Session::undo() {
  const auto& messages = impl_->state.messages;
  const auto last = std::find_if(messages.rbegin(), messages.rend(), is_user);
  if (last == messages.rend()) return false;
  const auto index = static_cast<std::size_t>(messages.rend() - last) - 1;
  impl_->cut(index);
  impl_->changed(index);
  return true;
}

Turn Session::edit(std::size_t index, std::string text,
                   const TurnOptions& options) {
  SessionState& state = impl_->state;
  if (index >= state.messages.size() || !is_user(state.messages[index])) {
    throw InvalidRequestError(
        fmt::format("[session] message {} of {} is none of the user", index,
                    state.messages.size()),
        "Only what the user said can be edited.");
  }
  SessionState before = state;
  impl_->cut(index);
  try {
    Turn turn = send(std::move(text), options);
    if (!turn.kept) state = std::move(before);
    return turn;
  } catch (...) {
    // A turn that stands, and could not be stored, is kept all the same.
    if (state.messages.size() <= index) state = std::move(before);
    throw;
  }
}

Session Session::fork(std::optional<std::size_t> count) const {
  SessionState state = impl_->state;
  const std::size_t kept =
      std::min(count.value_or(state.messages.size()), state.messages.size());
  if (kept < state.first_sent) {
    state.first_sent = 0;
    state.summary.clear();
  }
  state.messages.resize(kept);
  state.id.clear();
  state.name.clear();
  state.created_at = 0;
  state.updated_at = 0;
  SessionOptions options = impl_->options;
  options.observer = nullptr;
  return Session(impl_->llm, std::move(options), std::move(state));
}

std::optional<ContextChange> Session::compact(int keep_turns,
                                              const CancelToken& cancel) {
  SessionState& state = impl_->state;
  std::size_t first = state.messages.size();
  for (int turns = 0; turns < std::max(keep_turns, 0);) {
    if (first == state.first_sent) return std::nullopt;
    if (is_user(state.messages[--first])) ++turns;
  }
  if (first <= state.first_sent) return std::nullopt;
  state.summary =
      session::summarize(*impl_->llm, state, state.first_sent, first, cancel);
  const ContextChange change{first, first - state.first_sent, true};
  state.first_sent = first;
  impl_->changed(state.messages.size());
  return change;
}

std::optional<int> Session::count_tokens() const {
  if (!impl_->llm->capabilities().supports(ModelCapability::kTokenize)) {
    return std::nullopt;
  }
  Request request =
      session::request_of(*impl_->llm, impl_->state, impl_->state.first_sent);
  if (request.messages.empty()) return 0;
  if (impl_->options.tools &&
      impl_->llm->capabilities().supports(ModelCapability::kTools)) {
    request.tools = impl_->options.tools->definitions();
  }
  return impl_->llm->count_tokens(request);
}

}  // namespace abstractllm
