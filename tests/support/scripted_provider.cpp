// SPDX-License-Identifier: Apache-2.0
#include "support/scripted_provider.h"

#include <chrono>
#include <sstream>
#include <utility>

#include "types/delegating.h"

namespace abstractllm::test {

struct Gate::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_open = false;
  bool is_reached = false;
};

Gate::Gate() : state_(std::make_shared<State>()) {}

void Gate::open() {
  const std::lock_guard lock(state_->mutex);
  state_->is_open = true;
  state_->changed.notify_all();
}

void Gate::wait_until_reached() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->is_reached; });
}

bool Gate::pass(const CancelToken& cancel) {
  std::unique_lock lock(state_->mutex);
  state_->is_reached = true;
  state_->changed.notify_all();
  // A cancel token has nobody to notify, so it is looked at now and then.
  while (!state_->is_open && !cancel.cancelled()) {
    state_->changed.wait_for(lock, std::chrono::milliseconds(1));
  }
  return !cancel.cancelled();
}

Script& Script::text(std::string delta) {
  return event(TextDelta{std::move(delta), {}});
}

Script& Script::event(Event event) {
  steps_.emplace_back(std::move(event));
  return *this;
}

Script& Script::wait(Gate gate) {
  steps_.emplace_back(std::move(gate));
  return *this;
}

Script& Script::fail(Error error) { return event(Failed{std::move(error)}); }

Script& Script::finish(FinishReason reason, std::string stop_text) {
  Finished finished;
  finished.reason = reason;
  finished.stop_text = std::move(stop_text);
  return event(std::move(finished));
}

ScriptedProvider::ScriptedProvider(std::string model)
    : model_(std::move(model)),
      capabilities_{
          {ModelCapability::kStreaming, ModelCapability::kSystemPrompt,
           ModelCapability::kMultiTurn, ModelCapability::kTools,
           ModelCapability::kTokenize},
          4096} {}

void ScriptedProvider::enqueue(Script script) {
  const std::lock_guard lock(mutex_);
  scripts_.push_back(std::move(script));
}

void ScriptedProvider::enqueue(std::string answer) {
  enqueue(Script().text(std::move(answer)));
}

void ScriptedProvider::set_capabilities(Capabilities capabilities) {
  const std::lock_guard lock(mutex_);
  capabilities_ = std::move(capabilities);
}

std::vector<Request> ScriptedProvider::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

Capabilities ScriptedProvider::capabilities() const {
  const std::lock_guard lock(mutex_);
  return capabilities_;
}

std::optional<Script> ScriptedProvider::next_script(const Request& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
  if (scripts_.empty()) return std::nullopt;
  Script script = std::move(scripts_.front());
  scripts_.pop_front();
  return script;
}

void ScriptedProvider::stream(const Request& request, const EventSink& sink) {
  const std::optional<Script> script = next_script(request);
  if (!script) {
    sink(Failed{GenerationError("[scripted] no script is left for this request",
                                "Enqueue one more.", "scripted")});
    return;
  }
  Finished end;
  end.usage.prompt_tokens = count_tokens(request);
  for (Script::Step step : script->steps()) {
    if (Gate* gate = std::get_if<Gate>(&step)) {
      if (gate->pass(request.cancel)) continue;
      break;
    }
    if (request.cancel.cancelled()) break;
    Event& event = std::get<Event>(step);
    if (Finished* finished = std::get_if<Finished>(&event)) {
      finished->usage = end.usage;
    }
    if (std::holds_alternative<TextDelta>(event)) ++end.usage.completion_tokens;
    if (std::holds_alternative<ToolCall>(event)) {
      end.reason = FinishReason::kToolCalls;
    }
    const bool wants_more = sink(event);
    if (is_terminal(event)) return;
    if (!wants_more) {
      end.reason = FinishReason::kCancelled;
      sink(end);
      return;
    }
  }
  if (request.cancel.cancelled()) end.reason = FinishReason::kCancelled;
  sink(end);
}

EmbeddingResponse ScriptedProvider::embed(const EmbeddingRequest& request) {
  EmbeddingResponse response;
  response.model = model_;
  for (const std::string& input : request.inputs) {
    const std::string text = request.prompt_name.value_or("") + input;
    std::vector<float> vector(
        static_cast<std::size_t>(request.dimensions.value_or(3)));
    vector[0] = static_cast<float>(text.size());
    if (vector.size() > 1) vector[1] = 0.5f;
    response.vectors.push_back(std::move(vector));
    ++response.usage.prompt_tokens;
  }
  return response;
}

int ScriptedProvider::count_tokens(const Request& request) {
  std::string all = request.prompt.value_or("");
  all += ' ' + request.system_prompt.value_or("");
  for (const Message& message : request.messages) all += ' ' + message.text();
  std::istringstream words(all);
  int count = 0;
  for (std::string word; words >> word;) ++count;
  if (request.prompt_token_ids) {
    count += static_cast<int>(request.prompt_token_ids->size());
  }
  return count;
}

std::vector<std::int32_t> ScriptedProvider::tokenize(std::string_view text,
                                                     bool) {
  std::vector<std::int32_t> ids;
  for (const unsigned char byte : text) ids.push_back(byte);
  return ids;
}

std::string ScriptedProvider::detokenize(const std::vector<std::int32_t>& ids) {
  std::string text;
  for (const std::int32_t id : ids) text += static_cast<char>(id);
  return text;
}

Score ScriptedProvider::score(const std::vector<std::int32_t>& ids) {
  const int predicted = ids.empty() ? 0 : static_cast<int>(ids.size()) - 1;
  return {predicted, static_cast<double>(predicted)};
}

ModelDescription ScriptedProvider::describe() {
  return {{"architecture", "scripted"}, {"context_length", "4096"}};
}

namespace {

class Forwarding : public types::Delegating {
 public:
  explicit Forwarding(std::shared_ptr<ScriptedProvider> target)
      : Delegating(std::move(target)) {}
};

}  // namespace

ProviderFactory factory_of(std::shared_ptr<ScriptedProvider> provider) {
  return [provider](ProviderConfig) {
    return std::make_unique<Forwarding>(provider);
  };
}

}  // namespace abstractllm::test
