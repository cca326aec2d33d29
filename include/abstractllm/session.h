// A conversation with a model: what was said, and the turns that extend it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "abstractllm/event.h"
#include "abstractllm/export.h"
#include "abstractllm/factory.h"
#include "abstractllm/llm.h"
#include "abstractllm/tools.h"

namespace abstractllm {

/// One message of a conversation. A plain value.
struct SessionMessage {
  Message message{};
  std::string provider{};  ///< who gave an answer; empty for other roles
  std::string model{};
  /// Of an answer. kCancelled and kLength: it is only a part.
  FinishReason finish_reason = FinishReason::kStop;
  std::int64_t created_at = 0;  ///< milliseconds since 1970-01-01 UTC
  bool operator==(const SessionMessage&) const = default;
};

/// All that a session is, and all that is kept of it. A plain value.
struct SessionState {
  std::string id{};    ///< 32 hexadecimal digits
  std::string name{};  ///< given by the user; may be empty
  std::optional<std::string> system_prompt{};
  /// Under the parameters of a call, over those of the provider.
  GenerationParameters parameters{};
  std::map<std::string, std::string> metadata{};
  std::vector<SessionMessage> messages{};
  /// Messages before this one are kept but no longer sent.
  std::size_t first_sent = 0;
  /// Sent in the place of the messages before `first_sent`; may be empty.
  std::string summary{};
  Usage usage{};           ///< of all answers together
  std::string provider{};  ///< of the latest answer
  std::string model{};
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;
  bool operator==(const SessionState&) const = default;
};

/// What happens when a conversation outgrows the model's context.
enum class ContextPolicy {
  kRefuse,     ///< the turn fails with ContextWindowExceededError
  kSlide,      ///< the oldest turns are no longer sent
  kSummarize,  ///< and a summary by the model is sent in their place
};

/// Tells that less than the whole conversation is sent from here on.
struct ContextChange {
  std::size_t first_sent = 0;  ///< index of the first message that is sent
  std::size_t left_out = 0;    ///< messages that were sent until now
  bool summarized = false;
};

/// What a turn reports while it runs. Its end is the return of `send`.
using SessionEvent = std::variant<TextDelta, ReasoningDelta, ToolCall,
                                  ToolResult, Retrying, ContextChange>;
/// Returning false cancels the turn. Must not call back into the session.
using SessionSink = std::function<bool(const SessionEvent&)>;

/// Told after each change that is to be kept; `first_changed` is the index of
/// the first message that is new or other than before. What it throws reaches
/// the caller of the change, which stands all the same.
using SessionObserver =
    std::function<void(const SessionState& state, std::size_t first_changed)>;

struct SessionOptions {
  std::shared_ptr<ToolRegistry> tools{};  ///< may be shared; null: none
  ToolLimits tool_limits{};
  ConfirmTool confirm_tool{};
  ContextPolicy context_policy = ContextPolicy::kSlide;
  SessionObserver observer{};
};

/// Options of one turn.
struct TurnOptions {
  GenerationParameters parameters{};  ///< over those of the session
  CancelToken cancel{};               ///< may be raised from any thread
  SessionSink sink{};
  std::optional<ToolChoice> tool_choice{};  ///< of the first request
  ResponseFormat response_format{};
  std::optional<ReasoningEffort> reasoning_effort{};
};

/// What a turn came to. A plain value.
struct Turn {
  GenerateResponse response{};  ///< the last answer
  Usage usage{};                ///< of all its requests together
  int requests = 0;
  int tool_calls = 0;
  /// The model wanted more calls than ToolLimits::max_calls; it was told so and
  /// asked once more, for an answer without calls.
  bool tool_limit_reached = false;
  std::optional<ContextChange> context_change{};
  /// False if it was cancelled before its first word and left no trace.
  bool kept = true;
};

/// A conversation with a model. One thread at a time; only a turn's
/// CancelToken may be raised from others. Movable.
class ABSTRACTLLM_API Session {
 public:
  /// Goes on from `state`; a new one gets an id.
  explicit Session(std::shared_ptr<AbstractLLMInterface> llm,
                   SessionOptions options = {}, SessionState state = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Sends a message after what was said, runs the tools that the model calls,
  /// and keeps the whole exchange. A turn that fails leaves the conversation as
  /// it was and throws the provider's error. A cancelled one keeps what was
  /// said so far, marked by its finish_reason; see Turn::kept.
  Turn send(std::string text, const TurnOptions& options = {});
  Turn send(Message message, const TurnOptions& options = {});

  const SessionState& state() const;
  std::vector<Message> messages() const;
  AbstractLLMInterface& llm() const;
  SessionOptions& options();

  void set_name(std::string name);
  void set_system_prompt(std::optional<std::string> text);
  void set_parameters(GenerationParameters parameters);
  void set_metadata(std::string key, std::string value);

  /// Goes on with another model. Its own kind of reasoning and its token ids
  /// are not sent to it; tool calls become text where it has no tools. Throws
  /// UnsupportedFeatureError, and changes nothing, if the conversation that is
  /// still sent has images and the model reads none.
  void switch_provider(std::shared_ptr<AbstractLLMInterface> llm);

  /// Goes on from what another session said, with its prompt, parameters and
  /// metadata; id and name stay.
  void restore(SessionState state);
  /// Forgets the messages; prompt, parameters and metadata stay.
  void clear();
  /// Takes the last turn back: the latest message of the user and all after
  /// it. False if there is none.
  bool undo();
  /// Replaces a message of the user, forgets all after it and answers anew. As
  /// `send`, it leaves the conversation as it was when it fails. Throws
  /// InvalidRequestError if `index` is no message of the user.
  Turn edit(std::size_t index, std::string text,
            const TurnOptions& options = {});
  /// A session of its own, with a new id, no name and no observer, that knows
  /// the first `count` messages; all by default.
  Session fork(std::optional<std::size_t> count = {}) const;
  /// Lets the model summarize all but the latest `keep_turns` turns; nothing if
  /// there are no more than those. Nothing is forgotten: see ContextChange.
  std::optional<ContextChange> compact(int keep_turns = 2,
                                       const CancelToken& cancel = {});

  /// Tokens of what the next request would send, without a new message. Absent
  /// where the provider cannot count.
  std::optional<int> count_tokens() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// create_llm with a session around it.
ABSTRACTLLM_API Session create_session(std::string_view provider,
                                       ProviderConfig config,
                                       SessionOptions options = {},
                                       SessionState state = {});

/// The state as AbstractLLM's session JSON, and back. Reading accepts what
/// AbstractLLM wrote; throws InvalidRequestError, naming `where` and the
/// message. Keys that are unknown are left aside.
ABSTRACTLLM_API std::string session_to_json(const SessionState& state);
ABSTRACTLLM_API SessionState session_from_json(
    std::string_view json, std::string_view where = "the session");

/// The conversation for a reader.
ABSTRACTLLM_API std::string session_to_markdown(const SessionState& state);

/// One stored session.
struct SessionSummary {
  std::string id;
  std::string name;
  std::string provider;
  std::string model;
  std::size_t messages = 0;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;
};

/// One message that a search found.
struct SessionHit {
  std::string session_id;
  std::string session_name;
  std::size_t message = 0;  ///< index
  Role role = Role::kUser;
  std::string excerpt;  ///< the words around the match
};

/// Sessions in an SQLite file. A turn is stored when `send` returns, in one
/// transaction: what ends the process loses at most the unfinished turn.
/// Thread-safe; several processes may use one file. Sessions may outlive it.
class ABSTRACTLLM_API SessionManager {
 public:
  /// Opens the file, and makes it (0600) and its folder if there is none.
  /// Throws FileProcessingError.
  explicit SessionManager(const std::filesystem::path& file);
  ~SessionManager();

  /// A new session that is stored from its first turn on. Throws
  /// InvalidRequestError if the name is taken.
  Session create(std::shared_ptr<AbstractLLMInterface> llm,
                 std::string name = {}, SessionOptions options = {},
                 SessionState state = {});
  /// A stored one, by its id or name. Throws InvalidRequestError naming the
  /// nearest. Saving it fails with InvalidRequestError once another process
  /// has changed it.
  Session open(std::string_view id_or_name,
               std::shared_ptr<AbstractLLMInterface> llm,
               SessionOptions options = {});

  bool contains(std::string_view id_or_name) const;
  SessionState load(std::string_view id_or_name) const;
  /// Stores a whole state, a new one or in the place of the one with its id.
  void save(const SessionState& state);
  bool remove(std::string_view id_or_name);
  /// Latest first.
  std::vector<SessionSummary> list() const;
  /// Messages that have all the words of `query`, the best first.
  std::vector<SessionHit> search(std::string_view query, int limit = 20) const;

 private:
  class Store;
  static SessionObserver saving(std::shared_ptr<Store> store,
                                std::int64_t revision, SessionObserver also);

  std::shared_ptr<Store> store_;
};

}  // namespace abstractllm
